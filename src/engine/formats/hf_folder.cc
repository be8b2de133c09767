#include "engine/formats/hf_folder.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include "engine/formats/folder_text.h"
#include "engine/formats/gguf.h"
#include "engine/formats/gguf_writer.h"
#include "engine/formats/hf_config.h"
#include "engine/formats/hf_tensors.h"
#include "engine/formats/hf_text.h"
#include "engine/formats/safetensors.h"
#include "engine/formats/safetensors_index.h"
#include "engine/formats/source_error.h"
#include "engine/formats/tokenizer_json.h"

namespace studio::engine {
namespace {

Result<HfText> read_text_side(const std::string& folder) {
  HfText text;
  STUDIO_TRY(auto vocabulary, read_folder_text(folder, "tokenizer.json", kMaxTokenizerJsonBytes));
  STUDIO_TRY(text.tokenizer, HfTokenizer::parse(vocabulary));
  STUDIO_TRY(auto config, read_optional_text(folder, "tokenizer_config.json", kMaxTokenizerConfigBytes));
  if (config) {
    STUDIO_TRY(text.config, HfTokenizerConfig::parse(*config));
  }
  STUDIO_TRY(auto generation, read_optional_text(folder, "generation_config.json", kMaxGenerationConfigBytes));
  if (generation) {
    STUDIO_TRY(text.generation_end_ids, parse_generation_end_ids(*generation));
  }
  STUDIO_TRY(text.template_file, read_optional_text(folder, "chat_template.jinja", kMaxTemplateFileBytes));
  return text;
}

// The files with weights, and where an index says so, what each must hold.
struct Shards {
  std::vector<std::string> files;
  std::optional<SafetensorsIndex> index;
};

Result<Shards> find_shards(const std::string& folder) {
  std::error_code error;
  STUDIO_TRY(auto index, read_optional_text(folder, kHfIndexFile, kMaxSafetensorsIndexBytes));
  if (!index) return Shards{{kHfWeightsFile}, std::nullopt};
  if (std::filesystem::exists(folder + "/" + kHfWeightsFile, error)) {
    return Error(Code::kCorruptData, std::string(kHfWeightsFile) + " and " + kHfIndexFile +
                                         " are both there; keep the one that holds the model");
  }
  STUDIO_TRY(auto parsed, SafetensorsIndex::parse(*index));
  std::vector<std::string> files = parsed.shards;
  return Shards{std::move(files), std::move(parsed)};
}

std::string shape_text(std::span<const uint64_t> shape) {
  std::string text = "[";
  for (const uint64_t length : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(length);
  return text + "]";
}

class HfFolder : public ModelSource {
 public:
  HfFolder() : ModelSource("safetensors") {}

  Status read(const std::string& path, FolderPart part, const HfFolderPlan& plan) {
    STUDIO_TRY(const HfText text, read_text_side(path));
    STUDIO_CHECK_OK(translate(path, plan, text));
    return read_tensors(path, part, plan);
  }

 private:
  struct Wanted {
    ExpectedTensor tensor;
    bool is_found = false;
  };

  // Written in GGUF's own encoding and read back by its reader, so every limit of the one holds for the other.
  Status translate(const std::string& path, const HfFolderPlan& plan, const HfText& text) {
    GgufWriter writer;
    plan.config.describe(writer);
    writer.add_string("general.name", std::filesystem::path(path).lexically_normal().filename().string());
    STUDIO_CHECK_OK(text.describe(plan.config, writer));
    if (plan.describe) plan.describe(writer);
    STUDIO_TRY(auto bytes, writer.finish());
    STUDIO_TRY(const GgufFile metadata, GgufFile::parse(bytes));
    metadata_.assign(metadata.metadata().begin(), metadata.metadata().end());
    memory_.push_back(std::move(bytes));  // stays where it is, so the entries' views stay right
    return index_metadata();
  }

  Status read_tensors(const std::string& path, FolderPart part, const HfFolderPlan& plan) {
    STUDIO_TRY(const Shards shards, find_shards(path));
    std::map<std::string, Wanted, std::less<>> wanted;
    size_t name_bytes = 0;
    for (const ExpectedTensor& tensor : plan.tensors) {
      name_bytes += tensor.name.size();
      wanted.emplace(tensor.hf_name, Wanted{tensor});
    }
    std::vector<uint8_t> names;  // what the tensors' views point into; reserved whole, so that it never moves
    names.reserve(name_bytes);
    for (size_t i = 0; i < shards.files.size(); ++i) {
      const std::string file_path = path + "/" + shards.files[i];
      STUDIO_TRY(auto file,
                 part == FolderPart::kAll ? SafetensorsFile::open(file_path) : SafetensorsFile::read_header(file_path));
      if (shards.index) STUDIO_CHECK_OK(check_shard(*shards.index, i, file));
      for (const SafetensorsTensor& tensor : file.tensors()) {
        Status added = add(tensor, plan, wanted, names);
        if (!added.ok()) return in_file(file_path, std::move(added).error());
      }
      if (part == FolderPart::kAll) mappings_.push_back(std::move(file).take_mapping());
    }
    for (const auto& [name, tensor] : wanted) {
      if (!tensor.is_found)
        return Error(Code::kCorruptData, "safetensors: the tensor " + engine::quoted(name) + " is missing");
    }
    memory_.push_back(std::move(names));
    return index_tensors();
  }

  // A shard holds what the index says, all of it and nothing else.
  static Status check_shard(const SafetensorsIndex& index, size_t shard, const SafetensorsFile& file) {
    std::vector<std::string_view> listed, held;
    for (const auto& entry : index.entries) {
      if (entry.shard == shard) listed.push_back(entry.tensor);
    }
    for (const SafetensorsTensor& tensor : file.tensors()) held.push_back(tensor.name);
    std::sort(listed.begin(), listed.end());
    std::sort(held.begin(), held.end());
    const auto [here, there] = std::mismatch(listed.begin(), listed.end(), held.begin(), held.end());
    if (here == listed.end() && there == held.end()) return Ok{};
    const bool is_missing = there == held.end() || (here != listed.end() && *here < *there);
    return Error(Code::kCorruptData,
                 std::string(kHfIndexFile) + ": tensor " + engine::quoted(is_missing ? *here : *there) +
                     (is_missing ? " is not in its file " : " is not listed for the file ") + index.shards[shard]);
  }

  Status add(const SafetensorsTensor& tensor, const HfFolderPlan& plan,
             std::map<std::string, Wanted, std::less<>>& wanted, std::vector<uint8_t>& names) {
    const bool is_extra = std::ranges::find(plan.passed_over, tensor.name) != plan.passed_over.end();
    if (is_extra || is_passed_over(tensor.name, plan.config)) return Ok{};
    auto found = wanted.find(tensor.name);
    if (found == wanted.end() && plan.may_lack_prefix) found = wanted.find("model." + std::string(tensor.name));
    if (found == wanted.end()) {
      return Error(Code::kUnimplemented, "tensor " + engine::quoted(tensor.name) + " has no place in a " +
                                             plan.config.architecture + " model as config.json describes it");
    }
    Wanted& place = found->second;
    if (place.is_found) return Error(Code::kCorruptData, "tensor " + engine::quoted(tensor.name) + " stands twice");
    place.is_found = true;
    if (tensor.shape != place.tensor.shape) {
      return Error(Code::kCorruptData, "tensor " + engine::quoted(tensor.name) + " has the shape " +
                                           shape_text(tensor.shape) + " where config.json asks for " +
                                           shape_text(place.tensor.shape));
    }
    const size_t begin = names.size();
    names.insert(names.end(), place.tensor.name.begin(), place.tensor.name.end());
    TensorInfo info{.name = {reinterpret_cast<const char*>(names.data()) + begin, place.tensor.name.size()},
                    .dtype = tensor.dtype,
                    .shape = {1, 1, 1, 1},
                    .n_dims = static_cast<int>(tensor.shape.size()),
                    .data = tensor.data};
    std::copy(tensor.shape.rbegin(), tensor.shape.rend(), info.shape.begin());
    if (place.tensor.rotary_heads > 0) {
      info.order = TensorOrder::kRotaryHalves;
      info.rotary_heads = place.tensor.rotary_heads;
    }
    tensors_.push_back(info);
    return Ok{};
  }
};

}  // namespace

Result<ModelSource> read_hf_folder(const std::string& path, FolderPart part) {
  STUDIO_TRY(const auto text, read_folder_text(path, kHfConfigFile, kMaxHfConfigBytes));
  HfFolderPlan plan;
  STUDIO_TRY(plan.config, HfConfig::parse(text));
  plan.tensors = expected_tensors(plan.config);
  return read_hf_folder(path, part, plan);
}

Result<ModelSource> read_hf_folder(const std::string& path, FolderPart part, const HfFolderPlan& plan) {
  HfFolder folder;
  STUDIO_CHECK_OK(folder.read(path, part, plan));
  return ModelSource(std::move(folder));
}

}  // namespace studio::engine
