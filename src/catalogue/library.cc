#include "catalogue/library.h"

#include <algorithm>
#include <boost/json.hpp>
#include <ctime>
#include <filesystem>

#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "catalogue/builtin.h"

namespace studio::catalogue {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxDescriptionBytes = 64 << 10;
constexpr std::pair<std::string_view, Verified> kVerifiedNames[] = {
    {"no", Verified::kNot}, {"hub", Verified::kByHub}, {"catalogue", Verified::kByCatalogue}};
constexpr std::pair<std::string_view, std::string_view> kExtensions[] = {
    {"gguf", ".gguf"}, {"panels", ".panels"}, {"safetensors", ".safetensors"}, {"packed", ".bin"}};

std::string extension_of(std::string_view format) {
  for (auto [name, extension] : kExtensions) {
    if (name == format) return std::string(extension);
  }
  return ".bin";
}

}  // namespace

std::string format_of(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return "safetensors";
  for (auto [name, extension] : kExtensions) {
    if (fs::path(path).extension() == extension) return std::string(name);
  }
  return {};
}

int64_t bytes_of(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    auto size = fs::file_size(path, error);
    return error ? 0 : static_cast<int64_t>(size);
  }
  int64_t total = 0;
  for (fs::recursive_directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    if (it->is_regular_file(error)) total += static_cast<int64_t>(it->file_size(error));
  }
  return total;
}

std::string_view verified_name(Verified verified) {
  for (auto [name, known] : kVerifiedNames) {
    if (known == verified) return name;
  }
  return "no";
}

std::string Library::path_of(const Model& model) const {
  return models_dir() + "/" + model.name + (model.files.size() > 1 ? "" : extension_of(model.format));
}

Status Library::make_folders() const {
  std::error_code error;
  fs::create_directories(partial_dir(), error);
  if (error) return Error(Code::kPermissionDenied, "cannot make " + partial_dir() + ": " + error.message());
  return Ok{};
}

LocalModel Library::read_description(const std::string& name) const {
  LocalModel model{.name = name};
  auto text = read_file(models_dir() + "/" + name + ".json", kMaxDescriptionBytes);
  auto json = text.ok() ? parse_json(*text) : Result<boost::json::value>(text.error());
  const boost::json::object* object = json.ok() ? json->if_object() : nullptr;
  if (!object) return model;
  auto text_of = [&](const char* key) {
    const boost::json::value* value = object->if_contains(key);
    return value && value->is_string() ? std::string(value->get_string()) : std::string();
  };
  model.sha256 = text_of("sha256");
  model.source = text_of("source");
  model.format = text_of("format");
  for (auto [word, known] : kVerifiedNames) {
    if (word == text_of("verified")) model.verified = known;
  }
  if (const auto* at = object->if_contains("pulled_at"); at && at->is_int64()) model.pulled_at = at->get_int64();
  if (const auto* bytes = object->if_contains("bytes"); bytes && bytes->is_int64()) model.bytes = bytes->get_int64();
  return model;
}

Status Library::describe(const LocalModel& model) const {
  boost::json::object object{{"name", model.name},          {"format", model.format},
                             {"bytes", model.bytes},        {"sha256", model.sha256},
                             {"source", model.source},      {"verified", verified_name(model.verified)},
                             {"pulled_at", model.pulled_at}};
  return write_file_atomically(models_dir() + "/" + model.name + ".json", to_json(object) + "\n", 0644);
}

Status Library::forget_description(const std::string& name) const {
  std::string path = models_dir() + "/" + name + ".json";
  std::error_code error;
  fs::remove(path, error);
  if (error) return Error(Code::kPermissionDenied, "cannot remove " + path + ": " + error.message());
  return Ok{};
}

Result<std::vector<LocalModel>> Library::list() const {
  std::vector<LocalModel> models;
  std::error_code error;
  if (!fs::exists(models_dir(), error)) return models;
  for (fs::directory_iterator it(models_dir(), error), end; !error && it != end; it.increment(error)) {
    std::string file = it->path().filename();
    bool is_folder = it->is_directory(error);
    std::string name = is_folder ? file : it->path().stem().string();
    if (file.starts_with('.') || !is_model_name(name) || (!is_folder && format_of(it->path()).empty())) continue;
    LocalModel model = read_description(name);
    int64_t bytes = bytes_of(it->path());
    // A file of another size than the description's is not the one it describes.
    if (model.bytes != bytes) model = LocalModel{.name = name};
    model.bytes = bytes;
    model.path = it->path();
    if (model.format.empty()) model.format = is_folder ? "safetensors" : format_of(it->path());
    models.push_back(std::move(model));
  }
  if (error) return Error(Code::kPermissionDenied, "cannot read " + models_dir() + ": " + error.message());
  std::sort(models.begin(), models.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return models;
}

std::optional<LocalModel> Library::find(const std::string& name) const {
  if (!is_model_name(name)) return std::nullopt;
  auto models = list();
  if (!models.ok()) return std::nullopt;
  for (LocalModel& model : *models) {
    if (model.name == name) return std::move(model);
  }
  return std::nullopt;
}

Status Library::remove(const std::string& name) const {
  std::optional<LocalModel> model = find(name);
  std::error_code error;
  if (!is_model_name(name)) return Error(Code::kInvalidArgument, "'" + name + "' is not a model's name");
  auto partial = fs::remove_all(partial_dir() + "/" + name, error);
  if (!model) {
    if (!error && partial > 0) return Ok{};  // there was an unfinished pull, and it is gone
    return Error(Code::kNotFound, "model '" + name + "' is not here");
  }
  fs::remove_all(model->path, error);
  if (error) return Error(Code::kPermissionDenied, "cannot remove " + model->path + ": " + error.message());
  fs::remove(models_dir() + "/" + name + ".json", error);
  return Ok{};
}

Result<LocalModel> Library::install_builtin() const {
  auto bytes = builtin_model();
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::string digest = to_hex(sha256(text));
  std::string name(kBuiltinModelName);
  std::optional<LocalModel> here = find(name);
  if (here && here->sha256 == digest) return *here;

  STUDIO_CHECK_OK(make_folders());
  LocalModel model{.name = name,
                   .path = models_dir() + "/" + name + ".gguf",
                   .format = "gguf",
                   .bytes = static_cast<int64_t>(bytes.size()),
                   .sha256 = digest,
                   .source = "builtin",
                   .verified = Verified::kByCatalogue,
                   .pulled_at = std::time(nullptr)};
  STUDIO_CHECK_OK(write_file_atomically(model.path, text, 0644));
  STUDIO_CHECK_OK(describe(model));
  return model;
}

}  // namespace studio::catalogue
