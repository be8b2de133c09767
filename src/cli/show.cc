// studio show: what is known about one model, from the catalogue, the library and the file itself.
#include <boost/json.hpp>
#include <filesystem>
#include <map>

#include "base/nearest_name.h"
#include "cli/command.h"
#include "cli/models.h"
#include "engine/formats/open_model.h"

namespace studio::cli {
namespace {

// What the file says of itself.
struct FileFacts {
  std::string architecture;
  uint64_t layers = 0, width = 0, heads = 0, kv_heads = 0, context_tokens = 0, vocab = 0, parameters = 0;
  size_t tensors = 0;
  std::map<std::string, int> types;  // tensors of each type
  bool has_template = false;
};

Result<FileFacts> read_facts(const std::string& path) {
  STUDIO_TRY(auto file, engine::read_model_head(path));
  FileFacts facts;
  STUDIO_TRY(auto architecture, file.get_string("general.architecture"));
  facts.architecture = architecture;
  auto number = [&](const std::string& key) -> uint64_t {
    auto value = file.find_u64(facts.architecture + "." + key);
    return value.ok() && *value ? **value : 0;  // a file that lacks one is still worth showing
  };
  facts.layers = number("block_count");
  facts.width = number("embedding_length");
  facts.heads = number("attention.head_count");
  facts.kv_heads = number("attention.head_count_kv");
  facts.context_tokens = number("context_length");
  if (const auto* tokens = file.find_entry("tokenizer.ggml.tokens")) facts.vocab = tokens->count;
  facts.has_template = file.has_key("tokenizer.chat_template");
  facts.tensors = file.tensors().size();
  for (const engine::TensorInfo& tensor : file.tensors()) {
    facts.parameters += tensor.row_elements() * tensor.rows();
    ++facts.types[std::string(engine::dtype_name(tensor.dtype))];
  }
  return facts;
}

std::string types_text(const FileFacts& facts) {
  std::string text;
  for (const auto& [type, count] : facts.types) text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + type;
  return text;
}

class ShowCommand final : public Command {
 public:
  std::string name() const override { return "show"; }
  std::string summary() const override { return "What is known about a model"; }

  void declare(Arguments& arguments) override {
    arguments.positional(&name_, "NAME_OR_FILE", "a model's name, a file or a folder", true);
  }

  Result<int> run(Context& context) override {
    STUDIO_TRY(auto catalogue, context.catalogue());
    bool is_file = looks_like_a_path(name_);
    const catalogue::Model* entry = is_file ? nullptr : catalogue.find(name_);
    std::optional<catalogue::LocalModel> local;
    if (is_file) {
      std::error_code error;
      if (!std::filesystem::exists(name_, error)) return Error(Code::kNotFound, "no such file: " + name_);
      local = catalogue::LocalModel{
          .name = name_, .path = name_, .format = catalogue::format_of(name_), .bytes = catalogue::bytes_of(name_)};
    } else {
      local = context.library().find(entry ? entry->name : name_);
    }
    if (!entry && !local) {
      return Error(Code::kNotFound, "no model is called '" + name_ + "'" + did_you_mean(name_, catalogue.names()));
    }
    std::optional<FileFacts> facts;
    if (local && local->format != "packed" && (!entry || entry->kind == "chat")) {
      STUDIO_TRY(facts, read_facts(local->path));
    }
    if (context.output.is_json()) {
      print_json(context.output, entry, local, facts);
    } else {
      print_table(context.output, entry, local, facts);
    }
    return 0;
  }

 private:
  using Rows = std::vector<std::vector<std::string>>;

  static void print_table(Output& output, const catalogue::Model* entry,
                          const std::optional<catalogue::LocalModel>& local, const std::optional<FileFacts>& facts) {
    Rows rows;
    auto row = [&](const std::string& label, const std::string& text) {
      if (!text.empty()) rows.push_back({output.dim(label), text});
    };
    row("name", output.bold(local ? local->name : entry->name));
    if (entry) {
      row("what it is", entry->summary);
      std::string aliases;
      for (const std::string& alias : entry->aliases) aliases += (aliases.empty() ? "" : ", ") + alias;
      row("also", aliases);
      row("snapshot", entry->snapshot);
      row("licence", entry->licence);
    }
    if (facts) {
      row("architecture", facts->architecture + ", " + std::to_string(facts->layers) + " layers, " +
                              human_count(static_cast<int64_t>(facts->width)) + " wide, " +
                              std::to_string(facts->heads) + "/" + std::to_string(facts->kv_heads) + " heads");
      row("parameters", human_count(static_cast<int64_t>(facts->parameters)));
      row("weights", std::to_string(facts->tensors) + " tensors: " + types_text(*facts));
      row("context", human_count(static_cast<int64_t>(facts->context_tokens)) + " tokens");
      row("vocabulary", human_count(static_cast<int64_t>(facts->vocab)) + " tokens");
      row("chat template", facts->has_template ? "in the file" : "none");
    } else if (entry && entry->context_tokens > 0) {
      row("context", human_count(entry->context_tokens) + " tokens");
    }
    if (local) {
      row("file", local->path + "  (" + human_bytes(local->bytes) + ")");
      row("sha-256", local->sha256.empty() ? "unknown (not pulled by studio)" : local->sha256);
      if (!local->source.empty()) row("pulled", human_time(local->pulled_at) + " from " + local->source);
    } else {
      row("here", "no; studio pull " + entry->name);
      row("sha-256", entry->files[0].sha256.empty() ? "digest: unknown" : entry->files[0].sha256);
    }
    if (entry) {
      std::string sources;
      for (const auto& source : entry->sources) {
        sources += (sources.empty() ? "" : ", ") + std::string(catalogue::source_kind_name(source.kind));
        if (!source.repo.empty()) sources += " " + source.repo;
      }
      row("sources", sources);
    }
    output.print(table(rows));
  }

  static void print_json(Output& output, const catalogue::Model* entry,
                         const std::optional<catalogue::LocalModel>& local, const std::optional<FileFacts>& facts) {
    boost::json::object body{{"name", local ? local->name : entry->name}, {"is_here", local.has_value()}};
    if (entry) {
      body["kind"] = entry->kind;
      body["summary"] = entry->summary;
      body["licence"] = entry->licence;
      body["aliases"] = boost::json::array(entry->aliases.begin(), entry->aliases.end());
      body["snapshot"] = entry->snapshot;
      if (entry->context_tokens > 0) body["context_tokens"] = entry->context_tokens;
    }
    if (local) {
      body["path"] = local->path;
      body["bytes"] = local->bytes;
      body["sha256"] = local->sha256;
      body["source"] = local->source;
      body["verified"] = catalogue::verified_name(local->verified);
      body["pulled_at"] = local->pulled_at;
    }
    if (facts) {
      boost::json::object types;
      for (const auto& [type, count] : facts->types) types[type] = count;
      body["architecture"] = facts->architecture;
      body["layers"] = facts->layers;
      body["width"] = facts->width;
      body["heads"] = facts->heads;
      body["kv_heads"] = facts->kv_heads;
      body["context_tokens"] = facts->context_tokens;
      body["vocabulary"] = facts->vocab;
      body["parameters"] = facts->parameters;
      body["tensors"] = types;
      body["has_chat_template"] = facts->has_template;
    }
    output.print_json(body);
  }

  std::string name_;
};

}  // namespace

std::unique_ptr<Command> make_show_command() {
  return std::make_unique<ShowCommand>();
}

}  // namespace studio::cli
