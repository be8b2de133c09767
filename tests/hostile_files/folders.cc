#include "folders.h"

#include <boost/json.hpp>
#include <filesystem>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "engine/formats/block_encode.h"
#include "small_model.h"

namespace studio::hostile {
namespace {

namespace json = boost::json;
using engine::DType;

Status write(const std::string& path, std::string_view bytes) {
  return write_file_atomically(path, bytes, 0644);
}

json::object config() {
  const uint64_t vocab = vocabulary().size();
  return {{"architectures", json::array{"Qwen3ForCausalLM"}},
          {"model_type", "qwen3"},
          {"hidden_act", "silu"},
          {"hidden_size", kHidden},
          {"intermediate_size", kFeedForward},
          {"num_hidden_layers", kLayers},
          {"num_attention_heads", kHeads},
          {"num_key_value_heads", kKvHeads},
          {"head_dim", kHeadDim},
          {"vocab_size", vocab},
          {"max_position_embeddings", kContext},
          {"rms_norm_eps", 1e-6},
          {"rope_theta", 10000.0},
          {"tie_word_embeddings", false},
          {"eos_token_id", vocab - 1}};
}

json::object tokenizer() {
  constexpr const char* kQwen2Regex =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  const std::vector<std::string> tokens = vocabulary();
  json::object plain;
  json::array added;
  for (uint64_t id = 0; id < tokens.size(); ++id) {
    if (id < tokens.size() - kControlTokens) {
      plain[tokens[id]] = id;
    } else {
      added.push_back({{"id", id}, {"content", tokens[id]}, {"special", true}});
    }
  }
  json::object split{{"type", "Split"}, {"pattern", {{"Regex", kQwen2Regex}}}, {"behavior", "Isolated"}};
  json::object bytes{{"type", "ByteLevel"}, {"use_regex", false}};
  json::object cut{{"type", "Sequence"}, {"pretokenizers", json::array{split, bytes}}};
  json::array merges;
  merges.push_back(json::array{kMergeLeft, kMergeRight});
  json::object model{{"type", "BPE"}, {"vocab", std::move(plain)}, {"merges", std::move(merges)}};
  return {{"added_tokens", std::move(added)},
          {"normalizer", {{"type", "NFC"}}},
          {"pre_tokenizer", std::move(cut)},
          {"model", std::move(model)}};
}

json::object tokenizer_config() {
  return {{"eos_token", vocabulary().back()}, {"add_bos_token", false}, {"chat_template", kTemplate}};
}

struct Weights {
  json::object header{{"__metadata__", {{"format", "pt"}}}};
  std::string data;

  void add(const SmallTensor& tensor, DType type) {
    const auto encoded = engine::encode_tensor(type, tensor.values);
    json::array shape{tensor.width};
    if (tensor.rows > 0) shape.insert(shape.begin(), tensor.rows);
    const json::array extent{data.size(), data.size() + encoded.size()};
    header[tensor.hf_name] = {{"dtype", engine::dtype_name(type)}, {"shape", shape}, {"data_offsets", extent}};
    data.append(encoded.begin(), encoded.end());
  }
  std::string file() const {
    const std::string text = to_json(header);
    const uint64_t length = text.size();
    return std::string(reinterpret_cast<const char*>(&length), sizeof length) + text + data;
  }
};

std::string shard_name(uint64_t shard, uint64_t shards) {
  if (shards == 1) return "model.safetensors";
  return "model-0000" + std::to_string(shard + 1) + "-of-0000" + std::to_string(shards) + ".safetensors";
}

Status write_weights(const std::string& folder, uint64_t shards) {
  constexpr DType kTypes[] = {DType::kF32, DType::kF16, DType::kBF16};
  std::vector<Weights> files(shards);
  json::object map;
  uint64_t bytes = 0, matrices = 0, place = 0;
  for (const SmallTensor& tensor : small_tensors()) {
    const uint64_t shard = place++ % shards;
    const uint64_t before = files[shard].data.size();
    files[shard].add(tensor, tensor.rows > 0 ? kTypes[matrices++ % std::size(kTypes)] : DType::kF32);
    bytes += files[shard].data.size() - before;
    map[tensor.hf_name] = shard_name(shard, shards);
  }
  for (uint64_t shard = 0; shard < shards; ++shard) {
    STUDIO_CHECK_OK(write(folder + "/" + shard_name(shard, shards), files[shard].file()));
  }
  if (shards == 1) return Ok{};
  const json::object index{{"metadata", {{"total_size", bytes}}}, {"weight_map", std::move(map)}};
  return write(folder + "/model.safetensors.index.json", to_json(index));
}

}  // namespace

Status write_folder(const std::string& folder, uint64_t shards) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  STUDIO_CHECK_OK(write(folder + "/config.json", to_json(config())));
  STUDIO_CHECK_OK(write(folder + "/tokenizer.json", to_json(tokenizer())));
  STUDIO_CHECK_OK(write(folder + "/tokenizer_config.json", to_json(tokenizer_config())));
  return write_weights(folder, shards);
}

}  // namespace studio::hostile
