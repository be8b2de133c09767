#include "engine/formats/hf_encoder_folder.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "engine/formats/folder_text.h"
#include "engine/formats/gguf.h"
#include "engine/formats/gguf_writer.h"
#include "engine/formats/hf_encoder_config.h"
#include "engine/formats/hf_folder.h"
#include "engine/formats/safetensors.h"
#include "engine/formats/source_error.h"

namespace studio::engine {
namespace {

constexpr std::string_view kPrefixes[] = {"bert.", "roberta."};  // before every name, where a release has it
constexpr std::string_view kBuffers[] = {"embeddings.position_ids", "bert.embeddings.position_ids",
                                         "roberta.embeddings.position_ids"};

Result<HfEncoderConfig> read_config(const std::string& path) {
  STUDIO_TRY(const auto text, read_folder_text(path, kHfConfigFile, kMaxEncoderJsonBytes));
  STUDIO_TRY(HfEncoderConfig config, HfEncoderConfig::parse(text));
  if (config.ranks()) return config;
  STUDIO_TRY(const auto modules, read_folder_text(path, "modules.json", kMaxEncoderJsonBytes));
  STUDIO_TRY(const std::string folder, config.read_modules(modules));
  STUDIO_TRY(const auto pooling, read_folder_text(path, folder + "/config.json", kMaxEncoderJsonBytes));
  STUDIO_CHECK_OK(config.read_pooling(pooling));
  STUDIO_TRY(const auto sentence, read_optional_text(path, "sentence_bert_config.json", kMaxEncoderJsonBytes));
  if (sentence) STUDIO_CHECK_OK(config.read_sentence_config(*sentence));
  STUDIO_TRY(const auto prompts, read_optional_text(path, "config_sentence_transformers.json", kMaxEncoderJsonBytes));
  if (prompts) STUDIO_CHECK_OK(config.read_prompts(*prompts));
  return config;
}

class HfEncoderFolder : public ModelSource {
 public:
  HfEncoderFolder() : ModelSource("safetensors") {}

  Status read(const std::string& path, FolderPart part) {
    STUDIO_TRY(const HfEncoderConfig config, read_config(path));
    STUDIO_CHECK_OK(translate(path, config));
    if (part == FolderPart::kHead) return Ok{};
    const std::string file_path = path + "/" + kHfWeightsFile;
    STUDIO_TRY(auto file, SafetensorsFile::open(file_path, kBuffers));
    Status read = read_tensors(file, config);
    if (!read.ok()) return in_file(file_path, std::move(read).error());
    mappings_.push_back(std::move(file).take_mapping());
    return index_tensors();
  }

 private:
  // Written in GGUF's own encoding and read back by its reader, so every limit of the one holds for the other.
  Status translate(const std::string& path, const HfEncoderConfig& config) {
    GgufWriter writer;
    config.describe(writer);
    writer.add_string("general.name", std::filesystem::path(path).lexically_normal().filename().string());
    STUDIO_TRY(auto bytes, writer.finish());
    STUDIO_TRY(const GgufFile metadata, GgufFile::parse(bytes));
    metadata_.assign(metadata.metadata().begin(), metadata.metadata().end());
    memory_.push_back(std::move(bytes));  // stays where it is, so the entries' views stay right
    return index_metadata();
  }

  Status read_tensors(const SafetensorsFile& file, const HfEncoderConfig& config) {
    std::map<std::string, EncoderTensor, std::less<>> wanted;
    size_t name_bytes = 0;
    for (EncoderTensor& tensor : expected_encoder_tensors(config)) {
      name_bytes += tensor.name.size();
      std::string key = tensor.hf_name;
      wanted.emplace(std::move(key), std::move(tensor));
    }
    std::vector<uint8_t> names;  // what the tensors' views point into; reserved whole, so that it never moves
    names.reserve(name_bytes);
    for (const SafetensorsTensor& tensor : file.tensors()) {
      std::string_view name = tensor.name;
      for (const std::string_view prefix : kPrefixes) {
        if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
      }
      if (name.starts_with("pooler.") && !(config.ranks() && !config.is_xlmr)) continue;
      const auto found = wanted.find(name);
      if (found == wanted.end()) {
        return Error(Code::kUnimplemented,
                     "tensor " + engine::quoted(tensor.name) + " has no place in the encoder, or stands twice");
      }
      if (tensor.shape != found->second.shape) {
        return Error(Code::kCorruptData,
                     "tensor " + engine::quoted(tensor.name) + " has not the shape config.json asks for");
      }
      add(tensor, found->second, names);
      wanted.erase(found);
    }
    if (!wanted.empty()) {
      return Error(Code::kCorruptData, "the tensor " + engine::quoted(wanted.begin()->first) + " is missing");
    }
    memory_.push_back(std::move(names));
    return Ok{};
  }

  void add(const SafetensorsTensor& tensor, const EncoderTensor& wanted, std::vector<uint8_t>& names) {
    const size_t begin = names.size();
    names.insert(names.end(), wanted.name.begin(), wanted.name.end());
    TensorInfo info{.name = {reinterpret_cast<const char*>(names.data()) + begin, wanted.name.size()},
                    .dtype = tensor.dtype,
                    .shape = {1, 1, 1, 1},
                    .n_dims = static_cast<int>(tensor.shape.size()),
                    .data = tensor.data};
    std::copy(tensor.shape.rbegin(), tensor.shape.rend(), info.shape.begin());
    if (wanted.rows_left_out > 0) {
      info.data = info.data.subspan(info.data.size() / info.shape[1] * wanted.rows_left_out);
      info.shape[1] -= wanted.rows_left_out;
    }
    tensors_.push_back(info);
  }
};

}  // namespace

Result<ModelSource> read_hf_encoder_folder(const std::string& path, FolderPart part) {
  HfEncoderFolder folder;
  STUDIO_CHECK_OK(folder.read(path, part));
  return ModelSource(std::move(folder));
}

}  // namespace studio::engine
