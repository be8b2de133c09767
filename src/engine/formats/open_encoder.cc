#include "engine/formats/open_encoder.h"

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "engine/formats/folder_text.h"
#include "engine/formats/gguf.h"
#include "engine/formats/hf_encoder_config.h"
#include "engine/formats/hf_encoder_folder.h"
#include "engine/formats/hf_fields.h"
#include "engine/formats/hf_qwen3_encoder.h"

namespace studio::engine {
namespace {

bool is_folder(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

// What config.json says; nothing where it cannot be read, for whoever opens the folder then says why.
std::optional<HfFields> read_config(const std::string& path) {
  const auto text = read_folder_text(path, kHfConfigFile, kMaxEncoderJsonBytes);
  if (!text.ok()) return std::nullopt;
  auto config = HfFields::parse(kHfConfigFile, *text, kMaxEncoderJsonBytes);
  if (!config.ok()) return std::nullopt;
  return std::move(*config);
}

std::string type_of(const HfFields& config) {
  const auto type = config.text("model_type");
  return type.ok() ? type->value_or("") : "";
}

bool is_encoder_folder(const std::string& path) {
  const auto config = read_config(path);
  if (!config) return false;
  const std::string type = type_of(*config);
  return is_encoder_type(type) || (type == "qwen3" && is_qwen3_encoder_folder(path, *config));
}

Result<ModelSource> read_folder(const std::string& path, FolderPart part) {
  const auto config = read_config(path);
  const bool is_qwen3 = config && type_of(*config) == "qwen3";
  return is_qwen3 ? read_hf_qwen3_encoder(path, part) : read_hf_encoder_folder(path, part);
}

bool is_qwen3_encoder_file(const ModelSource& head, const std::string& path) {
  if (const auto pooling = head.find_u64("qwen3.pooling_type"); pooling.ok() && *pooling) return **pooling != 0;
  const auto name = head.find_string("general.name");
  const bool says_so = name.ok() && *name && is_named_reranker(**name);
  return says_so || is_named_reranker(std::filesystem::path(path).filename().string());
}

Result<ModelSource> as_source(Result<GgufFile> file) {
  if (!file.ok()) return std::move(file).error();
  return ModelSource(std::move(*file));
}

}  // namespace

bool is_encoder(const std::string& path) {
  if (is_folder(path)) return is_encoder_folder(path);
  const auto head = GgufFile::read_head(path);
  if (!head.ok()) return false;
  const auto architecture = head->get_string("general.architecture");
  if (!architecture.ok()) return false;
  return *architecture == "bert" || (*architecture == "qwen3" && is_qwen3_encoder_file(*head, path));
}

Result<ModelSource> open_encoder(const std::string& path) {
  if (is_folder(path)) return read_folder(path, FolderPart::kAll);
  return as_source(GgufFile::open(path));
}

Result<ModelSource> read_encoder_head(const std::string& path) {
  if (is_folder(path)) return read_folder(path, FolderPart::kHead);
  return as_source(GgufFile::read_head(path));
}

}  // namespace studio::engine
