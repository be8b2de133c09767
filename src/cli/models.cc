#include "cli/models.h"

#include <algorithm>
#include <filesystem>

#include "base/nearest_name.h"
#include "catalogue/builtin.h"
#include "catalogue/hub_repository.h"
#include "cli/progress_bar.h"

namespace studio::cli {
namespace {

namespace fs = std::filesystem;

// "My Model.Q4.gguf" -> "My-Model.Q4"; a folder's name is whole: "Qwen2.5-0.5B/" -> "Qwen2.5-0.5B"
std::string name_of_path(const fs::path& path, bool is_folder) {
  std::string name = is_folder ? path.filename().string() : path.stem().string();
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '_') c = '-';
  }
  return catalogue::is_model_name(name) ? name : "model";
}

// A hub's repository is served by the name it has once it is pulled.
Error not_pulled(const catalogue::Library& library, const std::string& wanted,
                 const catalogue::RepositoryName& repository) {
  const std::string name = catalogue::own_name(repository);
  if (library.find(name)) {
    return Error(Code::kNotFound, "'" + wanted + "' is a hub's name; the model that is here is called '" + name + "'");
  }
  return Error(Code::kNotFound, "'" + wanted + "' is not on this machine. `studio pull " + wanted +
                                    "` gets it; then it is called '" + name + "'");
}

// "OWNER/NAME" of a hub, without the hub, is taken for a path.
Error no_such_file(const std::string& path) {
  const bool may_be_a_repository = path.find(':') == std::string::npos && path.find('@') == std::string::npos;
  const auto repository = catalogue::parse_repository_name("hf:" + path);
  const bool is_one = may_be_a_repository && repository.ok() && *repository && (*repository)->file.empty();
  return Error(Code::kNotFound,
               "no such model file: " + path +
                   (is_one ? ". If it is a repository of Hugging Face, `studio pull hf:" + path + "` gets it" : ""));
}

Result<FoundModel> found_file(const std::string& path) {
  std::error_code error;
  const bool is_folder = fs::is_directory(path, error);
  if (!is_folder && !fs::is_regular_file(path, error)) return no_such_file(path);
  fs::path whole = fs::absolute(path, error).lexically_normal();
  if (is_folder && !whole.has_filename()) whole = whole.parent_path();
  return FoundModel{.name = name_of_path(whole, is_folder), .path = whole.string(), .aliases = {}};
}

Result<FoundModel> found_local(const catalogue::LocalModel& local, const catalogue::Model* entry) {
  if (local.format == "packed") {
    return Error(Code::kFailedPrecondition,
                 "'" + local.name + "' lies here as its package has it, which is to be converted before it can be " +
                     "served (docs/how_to/serve_embeddings.md); GGUF, safetensors and panel files are served");
  }
  FoundModel found{.name = local.name, .path = local.path, .aliases = {}};
  if (entry) {
    found.aliases = entry->aliases;
    if (!entry->snapshot.empty()) found.aliases.push_back(entry->name + "-" + entry->snapshot);
  }
  return found;
}

Error unknown_model(Context& context, const catalogue::Catalogue& catalogue, const std::string& name) {
  std::vector<std::string> known = catalogue.names();
  if (auto local = context.library().list(); local.ok()) {
    for (const auto& model : *local) known.push_back(model.name);
  }
  return Error(Code::kNotFound, "no model is called '" + name + "'" + did_you_mean(name, known) +
                                    " (studio list --all shows what there is)");
}

}  // namespace

bool looks_like_a_path(const std::string& text) {
  return text.find('/') != std::string::npos || text.ends_with(".gguf") || text.ends_with(".panels");
}

Result<FoundModel> find_model(Context& context, const std::string& name_or_file) {
  STUDIO_TRY(const auto repository, catalogue::parse_repository_name(name_or_file));
  if (repository) return not_pulled(context.library(), name_or_file, *repository);
  if (looks_like_a_path(name_or_file)) return found_file(name_or_file);
  STUDIO_TRY(auto catalogue, context.catalogue());
  catalogue::Library library = context.library();
  const catalogue::Model* entry = catalogue.find(name_or_file);
  std::string name = entry ? entry->name : name_or_file;
  if (name == catalogue::kBuiltinModelName && entry && entry->sources[0].kind == catalogue::SourceKind::kBuiltin) {
    STUDIO_TRY(auto local, library.install_builtin());
    return found_local(local, entry);
  }
  if (auto local = library.find(name)) return found_local(*local, entry);
  if (!entry) return unknown_model(context, catalogue, name_or_file);
  ProgressBar progress(context.output);
  STUDIO_TRY(auto pulled, catalogue::pull(*entry, library, context.pull_settings(), progress));
  return found_local(pulled.model, entry);
}

api::GatewayAdapter gateway_adapter(const catalogue::LocalAdapter& adapter) {
  return {.name = adapter.name, .path = adapter.path, .sha256 = adapter.sha256, .created = adapter.added_at};
}

Result<std::vector<api::GatewayAdapter>> adapters_of(const Context& context, const std::string& model) {
  STUDIO_TRY(const auto here, catalogue::AdapterLibrary(context.data_dir()).list_of(model));
  std::vector<api::GatewayAdapter> adapters;
  for (const catalogue::LocalAdapter& adapter : here) adapters.push_back(gateway_adapter(adapter));
  return adapters;
}

Result<FoundModel> find_default_model(Context& context) {
  const std::string& name = context.config.text("serve.default_model");
  auto found = find_model(context, name);
  if (found.ok() || !context.config.is_default("serve.default_model")) return found;
  context.output.note(context.output.yellow("The default model cannot be had now: ") + found.error().message());
  context.output.note("Answering from the built-in model '" + std::string(catalogue::kBuiltinModelName) +
                      "', which knows little. `studio pull " + name + "` gets the real one when the network is back.");
  return find_model(context, std::string(catalogue::kBuiltinModelName));
}

}  // namespace studio::cli
