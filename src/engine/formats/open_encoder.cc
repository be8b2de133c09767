#include "engine/formats/open_encoder.h"

#include <filesystem>
#include <utility>

#include "engine/formats/folder_text.h"
#include "engine/formats/gguf.h"
#include "engine/formats/hf_encoder_config.h"
#include "engine/formats/hf_encoder_folder.h"
#include "engine/formats/hf_fields.h"

namespace studio::engine {
namespace {

bool is_folder(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

bool is_encoder_folder(const std::string& path) {
  const auto text = read_folder_text(path, kHfConfigFile, kMaxEncoderJsonBytes);
  if (!text.ok()) return false;
  const auto config = HfFields::parse(kHfConfigFile, *text, kMaxEncoderJsonBytes);
  if (!config.ok()) return false;
  const auto type = config->text("model_type");
  return type.ok() && *type && is_encoder_type(**type);
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
  return architecture.ok() && *architecture == "bert";
}

Result<ModelSource> open_encoder(const std::string& path) {
  if (is_folder(path)) return read_hf_encoder_folder(path);
  return as_source(GgufFile::open(path));
}

Result<ModelSource> read_encoder_head(const std::string& path) {
  if (is_folder(path)) return read_hf_encoder_folder(path, FolderPart::kHead);
  return as_source(GgufFile::read_head(path));
}

}  // namespace studio::engine
