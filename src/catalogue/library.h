// The models on this disk: DATA/models/NAME.gguf, NAME.panels, or the folder NAME/ for a model of several files, with
// what is known about it beside it, in NAME.json. A file that someone put there by hand is a model too, without a known
// source.
//
// Nothing but whole, verified files ever has such a name: pulls work under DATA/models/.partial and rename.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalogue/catalogue.h"

namespace studio::catalogue {

// Against what the digest was checked.
enum class Verified { kNot, kByHub, kByCatalogue };
std::string_view verified_name(Verified verified);  // "no", "hub", "catalogue"

struct LocalModel {
  std::string name = {};
  std::string path = {};  // the file, or the folder
  std::string format = {};
  int64_t bytes = 0;
  std::string sha256 = {};  // of the (first) file; empty: unknown
  std::string source = {};  // "modelscope", "file", ...; empty: unknown
  Verified verified = Verified::kNot;
  int64_t pulled_at = 0;  // Unix seconds
};

// "gguf", "panels", "packed" by a file's extension; "safetensors" for a folder too; empty for what is no model's.
std::string format_of(const std::string& path);
int64_t bytes_of(const std::string& path);  // of a file, or of all files below a folder; 0 where there is none

class Library {
 public:
  explicit Library(std::string data_dir) : data_dir_(std::move(data_dir)) {}

  Result<std::vector<LocalModel>> list() const;  // by name
  std::optional<LocalModel> find(const std::string& name) const;
  // not_found when it is not here. What is left of an unfinished pull goes too.
  Status remove(const std::string& name) const;

  // The built-in model as a file; written where it is missing or of another version of the program.
  Result<LocalModel> install_builtin() const;

  std::string models_dir() const { return data_dir_ + "/models"; }
  std::string partial_dir() const { return models_dir() + "/.partial"; }
  std::string path_of(const Model& model) const;
  // Writes what is known about a model whose files are in place, or about to be.
  Status describe(const LocalModel& model) const;
  Status forget_description(const std::string& name) const;
  Status make_folders() const;

 private:
  LocalModel read_description(const std::string& name) const;
  std::string data_dir_;
};

}  // namespace studio::catalogue
