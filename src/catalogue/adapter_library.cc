#include "catalogue/adapter_library.h"

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>

#include "base/file.h"
#include "base/json.h"
#include "catalogue/catalogue.h"
#include "catalogue/library.h"
#include "catalogue/partial_file.h"

namespace studio::catalogue {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxDescriptionBytes = 64 << 10;
constexpr size_t kDigestBytes = 64;

bool is_digest(const std::string& text) {
  return text.size() == kDigestBytes &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Error not_here(const std::string& model, const std::string& name) {
  return Error(Code::kNotFound, "no adapter '" + model + ":" + name + "' is here; `studio adapter list` shows them");
}

}  // namespace

Result<AdapterName> parse_adapter_name(const std::string& text) {
  const size_t colon = text.rfind(':');
  AdapterName name{text.substr(0, colon), colon == std::string::npos ? "" : text.substr(colon + 1)};
  if (!name.model.empty() && is_model_name(name.adapter)) return name;
  return Error(Code::kInvalidArgument, "'" + text +
                                           "' names no adapter: it is MODEL:NAME, with letters, digits, '.', "
                                           "'-' and '_' in the name");
}

std::string AdapterLibrary::path_of(const std::string& model, const std::string& name) const {
  return folder_of(model) + "/" + name + ".gguf";
}

std::string AdapterLibrary::description_of(const std::string& model, const std::string& name) const {
  return folder_of(model) + "/" + name + ".json";
}

Result<LocalAdapter> AdapterLibrary::find(const std::string& model, const std::string& name) const {
  if (!is_model_name(model) || !is_model_name(name)) return not_here(model, name);
  auto text = read_file(description_of(model, name), kMaxDescriptionBytes);
  if (!text.ok()) return not_here(model, name);
  const auto json = parse_json(*text);
  const boost::json::object* object = json.ok() ? json->if_object() : nullptr;
  LocalAdapter adapter{.model = model, .name = name, .path = path_of(model, name)};
  auto text_of = [&](const char* key) {
    const boost::json::value* value = object ? object->if_contains(key) : nullptr;
    return value && value->is_string() ? std::string(value->get_string()) : std::string();
  };
  auto number_of = [&](const char* key) {
    const boost::json::value* value = object ? object->if_contains(key) : nullptr;
    return value && value->is_int64() ? value->get_int64() : 0;
  };
  adapter.sha256 = text_of("sha256");
  adapter.source = text_of("source");
  adapter.store = text_of("store");
  adapter.bytes = number_of("bytes");
  adapter.added_at = number_of("added_at");
  if (!is_digest(adapter.sha256) || adapter.bytes <= 0 || adapter.bytes != bytes_of(adapter.path)) {
    return Error(Code::kCorruptData, "the adapter '" + adapter.full_name() +
                                         "' is not what its description says; remove it and add it again");
  }
  return adapter;
}

Result<std::vector<LocalAdapter>> AdapterLibrary::list_of(const std::string& model) const {
  std::vector<LocalAdapter> adapters;
  std::error_code error;
  if (!is_model_name(model) || !fs::exists(folder_of(model), error)) return adapters;
  for (fs::directory_iterator it(folder_of(model), error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() != ".json") continue;
    auto adapter = find(model, it->path().stem().string());
    if (adapter.ok()) adapters.push_back(std::move(*adapter));
  }
  if (error) return Error(Code::kPermissionDenied, "cannot read " + folder_of(model) + ": " + error.message());
  std::ranges::sort(adapters, {}, &LocalAdapter::name);
  return adapters;
}

Result<std::vector<LocalAdapter>> AdapterLibrary::list() const {
  std::vector<LocalAdapter> all;
  std::vector<std::string> models;
  std::error_code error;
  if (!fs::exists(folder_, error)) return all;
  for (fs::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error)) {
    if (it->is_directory(error)) models.push_back(it->path().filename());
  }
  if (error) return Error(Code::kPermissionDenied, "cannot read " + folder_ + ": " + error.message());
  std::ranges::sort(models);
  for (const std::string& model : models) {
    STUDIO_TRY(auto of_one, list_of(model));
    std::ranges::move(of_one, std::back_inserter(all));
  }
  return all;
}

Status AdapterLibrary::prepare(const AdapterName& name) const {
  if (!is_model_name(name.model)) {
    return Error(Code::kInvalidArgument, "'" + name.model + "' cannot be a model's name");
  }
  std::error_code error;
  fs::create_directories(folder_of(name.model), error);
  if (error) return Error(Code::kPermissionDenied, "cannot make " + folder_of(name.model) + ": " + error.message());
  if (!fs::exists(description_of(name.model, name.adapter), error)) return Ok{};
  const std::string full = name.model + ":" + name.adapter;
  return Error(Code::kConflict,
               "an adapter '" + full + "' is here already; `studio adapter rm " + full + "` removes it");
}

Result<std::string> AdapterLibrary::make_staging(const AdapterName& name) const {
  const std::string staging = folder_of(name.model) + "/.partial-" + name.adapter;
  std::error_code error;
  fs::remove_all(staging, error);
  fs::create_directories(staging, error);
  if (error) return Error(Code::kPermissionDenied, "cannot make " + staging + ": " + error.message());
  return staging;
}

Result<LocalAdapter> AdapterLibrary::publish(const std::string& staged, LocalAdapter adapter) const {
  adapter.path = path_of(adapter.model, adapter.name);
  std::error_code error;
  adapter.bytes = bytes_of(staged);
  STUDIO_TRY(adapter.sha256, digest_of_file(staged));
  fs::rename(staged, adapter.path, error);
  if (error) return Error(Code::kInternal, "cannot rename to " + adapter.path + ": " + error.message());
  STUDIO_CHECK_OK(sync_folder(folder_of(adapter.model)));
  const boost::json::object object{{"name", adapter.name},        {"model", adapter.model},   {"bytes", adapter.bytes},
                                   {"sha256", adapter.sha256},    {"source", adapter.source}, {"store", adapter.store},
                                   {"added_at", adapter.added_at}};
  STUDIO_CHECK_OK(write_file_atomically(description_of(adapter.model, adapter.name), to_json(object) + "\n", 0644));
  return adapter;
}

Status AdapterLibrary::remove(const std::string& model, const std::string& name) const {
  std::error_code error;
  if (!is_model_name(model) || !is_model_name(name)) return not_here(model, name);
  bool was_here = fs::remove(description_of(model, name), error);
  if (!error) was_here = fs::remove(path_of(model, name), error) || was_here;
  if (error) return Error(Code::kPermissionDenied, "cannot remove " + path_of(model, name) + ": " + error.message());
  if (!was_here) return not_here(model, name);
  return Ok{};
}

}  // namespace studio::catalogue
