#include "catalogue/hub_repository.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/json.h"

namespace studio::catalogue {
namespace {

namespace json = boost::json;

constexpr int64_t kMaxFileBytes = int64_t{1} << 42;  // 4 TiB, as in the catalogue
constexpr size_t kMaxNamesTold = 8;                  // of an error's list of what is there

struct Hub {
  std::string_view prefix, revision;
  SourceKind kind;
};
constexpr Hub kHubs[] = {{"hf:", "main", SourceKind::kHuggingface}, {"modelscope:", "master", SourceKind::kModelscope}};

// What a folder of safetensors holds beside its weights.
constexpr std::array<std::string_view, 6> kSmallFiles = {"config.json",           "tokenizer.json",
                                                         "tokenizer_config.json", "generation_config.json",
                                                         "chat_template.jinja",   "model.safetensors.index.json"};

// A plain name: letters, digits and ".-_", no dot first.
bool is_plain(std::string_view text) {
  if (text.empty() || text.size() > 200 || text.front() == '.' || text.front() == '-') return false;
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' ||
           c == '_';
  });
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string text_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

int64_t size_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  const int64_t* number = value != nullptr ? value->if_int64() : nullptr;
  return number != nullptr && *number > 0 && *number <= kMaxFileBytes ? *number : 0;
}

// Hugging Face: {"type": "file", "path", "size", "lfs": {"oid", "size"}}.
ModelFile huggingface_file(const json::object& entry) {
  if (text_at(entry, "type") != "file") return {};
  ModelFile file{.name = text_at(entry, "path"), .bytes = size_at(entry, "size")};
  const json::value* lfs = entry.if_contains("lfs");
  if (lfs != nullptr && lfs->is_object()) file.sha256 = text_at(lfs->get_object(), "oid");
  return file;
}

// ModelScope: {"Type": "blob", "Path", "Size", "Sha256"}.
ModelFile modelscope_file(const json::object& entry) {
  if (text_at(entry, "Type") != "blob") return {};
  return {.name = text_at(entry, "Path"), .bytes = size_at(entry, "Size"), .sha256 = text_at(entry, "Sha256")};
}

const json::array* list_of(SourceKind hub, const json::value& document) {
  if (hub == SourceKind::kHuggingface) return document.if_array();
  const json::object* root = document.if_object();
  const json::value* data = root != nullptr ? root->if_contains("Data") : nullptr;
  const json::value* files = data != nullptr && data->is_object() ? data->get_object().if_contains("Files") : nullptr;
  return files != nullptr ? files->if_array() : nullptr;
}

std::string names_told(const std::vector<ModelFile>& files) {
  std::string names;
  for (size_t i = 0; i < files.size() && i < kMaxNamesTold; ++i) names += (i > 0 ? ", " : "") + files[i].name;
  return names + (files.size() > kMaxNamesTold ? ", ..." : "");
}

}  // namespace

Result<std::optional<RepositoryName>> parse_repository_name(std::string_view text) {
  for (const Hub& hub : kHubs) {
    if (!text.starts_with(hub.prefix)) continue;
    const std::string whole(text);
    const Error wrong(Code::kInvalidArgument, "'" + whole.substr(0, 200) + "': expected " + std::string(hub.prefix) +
                                                  "OWNER/NAME, OWNER/NAME@REVISION or OWNER/NAME/FILE.gguf");
    text.remove_prefix(hub.prefix.size());
    RepositoryName name;
    name.source.kind = hub.kind;
    name.source.revision = std::string(hub.revision);
    if (const size_t at = text.find('@'); at != std::string_view::npos) {
      name.source.revision = std::string(text.substr(at + 1));
      text = text.substr(0, at);
      // A branch's name may have a slash; here it would be part of the path.
      if (!is_plain(name.source.revision)) return wrong;
    }
    const size_t first = text.find('/'), second = first == std::string_view::npos ? first : text.find('/', first + 1);
    if (second != std::string_view::npos) name.file = std::string(text.substr(second + 1));
    name.source.repo = std::string(text.substr(0, second));
    const bool is_repo = first != std::string_view::npos && is_plain(text.substr(0, first)) &&
                         is_plain(std::string_view(name.source.repo).substr(first + 1));
    const bool is_file = second == std::string_view::npos || (is_plain(name.file) && name.file.ends_with(".gguf"));
    if (!is_repo || !is_file) return wrong;
    return std::optional<RepositoryName>(std::move(name));
  }
  return std::optional<RepositoryName>();
}

std::string own_name(const RepositoryName& repository) {
  constexpr size_t kExtension = std::string_view(".gguf").size();
  if (!repository.file.empty()) return repository.file.substr(0, repository.file.size() - kExtension);
  return repository.source.repo.substr(repository.source.repo.find('/') + 1);
}

Result<std::vector<ModelFile>> parse_listing(SourceKind hub, std::string_view text) {
  auto document = parse_json(text, {.depth = 16, .bytes = kMaxListingBytes});
  if (!document.ok()) {
    return Error(Code::kCorruptData, "the hub's list of files is no JSON we accept: " + document.error().message());
  }
  const json::array* list = list_of(hub, *document);
  if (list == nullptr) return Error(Code::kCorruptData, "the hub's answer holds no list of files");
  std::vector<ModelFile> files;
  for (const json::value& item : *list) {
    const json::object* entry = item.if_object();
    if (entry == nullptr) continue;
    ModelFile file = hub == SourceKind::kHuggingface ? huggingface_file(*entry) : modelscope_file(*entry);
    // Only files of the repository's own folder make a model; what is below it or leads out of it is nothing to us.
    if (!is_plain(file.name)) continue;
    if (!is_sha256(file.sha256)) file.sha256.clear();
    const bool is_known =
        std::any_of(files.begin(), files.end(), [&](const ModelFile& other) { return other.name == file.name; });
    if (is_known) return Error(Code::kCorruptData, "the hub lists " + file.name + " twice");
    if (files.size() == 4 * kMaxRepositoryFiles) return Error(Code::kCorruptData, "the hub lists over 4096 files");
    files.push_back(std::move(file));
  }
  return files;
}

Result<std::vector<ModelFile>> choose_files(const std::vector<ModelFile>& all, const RepositoryName& name) {
  std::vector<ModelFile> chosen, gguf;
  bool has_weights = false, has_config = false;
  for (const ModelFile& file : all) {
    if (!name.file.empty() && file.name == name.file) return std::vector<ModelFile>{file};
    if (file.name.ends_with(".gguf")) gguf.push_back(file);
    const bool is_weights = file.name.ends_with(".safetensors");
    has_weights |= is_weights;
    has_config |= file.name == "config.json";
    if (is_weights || std::find(kSmallFiles.begin(), kSmallFiles.end(), file.name) != kSmallFiles.end()) {
      chosen.push_back(file);
    }
  }
  if (!name.file.empty()) {
    return Error(Code::kNotFound, name.source.repo + " has no file '" + name.file + "'; there are " + names_told(gguf));
  }
  if (has_config && has_weights) {
    if (chosen.size() > kMaxRepositoryFiles) {
      return Error(Code::kUnimplemented, name.source.repo + " has over 1024 files of one model");
    }
    return chosen;
  }
  if (!gguf.empty()) {
    return Error(Code::kNotFound, name.source.repo + " holds GGUF files; name one of them behind it, as in " +
                                      name.source.repo + "/" + gguf[0].name + ". There are " + names_told(gguf));
  }
  return Error(Code::kNotFound,
               name.source.repo + " has no config.json with .safetensors beside it; there are " + names_told(all));
}

}  // namespace studio::catalogue
