#include "engine/formats/hf_tensors.h"

#include <algorithm>
#include <span>
#include <utility>

namespace studio::engine {
namespace {

// Sizes of a shape, by the letters of tensor/dims.h. kOne: the tensor is a vector.
enum class Size { kOne, kHidden, kQuery, kKeyValue, kHead, kFeedForward };

constexpr size_t kMaxLayerDigits = 4;  // models have at most 1,024 layers

struct LayerTensor {
  const char *hf, *ours;  // after "model.layers.N." and "blk.N."
  Size rows, width;       // [rows, width], or [width] where rows is kOne
};

constexpr LayerTensor kEveryFamily[] = {
    {"input_layernorm.weight", "attn_norm.weight", Size::kOne, Size::kHidden},
    {"self_attn.q_proj.weight", "attn_q.weight", Size::kQuery, Size::kHidden},
    {"self_attn.k_proj.weight", "attn_k.weight", Size::kKeyValue, Size::kHidden},
    {"self_attn.v_proj.weight", "attn_v.weight", Size::kKeyValue, Size::kHidden},
    {"self_attn.o_proj.weight", "attn_output.weight", Size::kHidden, Size::kQuery},
    {"post_attention_layernorm.weight", "ffn_norm.weight", Size::kOne, Size::kHidden},
    {"mlp.gate_proj.weight", "ffn_gate.weight", Size::kFeedForward, Size::kHidden},
    {"mlp.up_proj.weight", "ffn_up.weight", Size::kFeedForward, Size::kHidden},
    {"mlp.down_proj.weight", "ffn_down.weight", Size::kHidden, Size::kFeedForward},
};

constexpr LayerTensor kQwen2[] = {
    {"self_attn.q_proj.bias", "attn_q.bias", Size::kOne, Size::kQuery},
    {"self_attn.k_proj.bias", "attn_k.bias", Size::kOne, Size::kKeyValue},
    {"self_attn.v_proj.bias", "attn_v.bias", Size::kOne, Size::kKeyValue},
};

constexpr LayerTensor kQwen3[] = {
    {"self_attn.q_norm.weight", "attn_q_norm.weight", Size::kOne, Size::kHead},
    {"self_attn.k_norm.weight", "attn_k_norm.weight", Size::kOne, Size::kHead},
};

std::span<const LayerTensor> own_tensors(std::string_view architecture) {
  if (architecture == "qwen2") return kQwen2;
  if (architecture == "qwen3") return kQwen3;
  return {};
}

uint64_t size_of(Size size, const HfConfig& config) {
  const auto head = static_cast<uint64_t>(config.head_dim);
  switch (size) {
    case Size::kOne:
      return 1;
    case Size::kHidden:
      return static_cast<uint64_t>(config.hidden);
    case Size::kQuery:
      return static_cast<uint64_t>(config.heads) * head;
    case Size::kKeyValue:
      return static_cast<uint64_t>(config.kv_heads) * head;
    case Size::kHead:
      return head;
    case Size::kFeedForward:
      return static_cast<uint64_t>(config.feed_forward);
  }
  return 0;
}

int rotary_heads(const LayerTensor& tensor, const HfConfig& config) {
  if (config.architecture != "llama") return 0;
  const std::string_view name = tensor.ours;
  return name == "attn_q.weight" ? config.heads : name == "attn_k.weight" ? config.kv_heads : 0;
}

}  // namespace

std::vector<ExpectedTensor> expected_tensors(const HfConfig& config) {
  const auto vocab = static_cast<uint64_t>(config.vocab), hidden = static_cast<uint64_t>(config.hidden);
  std::vector<ExpectedTensor> tensors = {{"model.embed_tokens.weight", "token_embd.weight", {vocab, hidden}},
                                         {"model.norm.weight", "output_norm.weight", {hidden}}};
  if (!config.ties_embeddings) tensors.push_back({"lm_head.weight", "output.weight", {vocab, hidden}});
  for (int layer = 0; layer < config.layers; ++layer) {
    const std::string number = std::to_string(layer) + ".";
    auto add = [&](const LayerTensor& tensor) {
      std::vector<uint64_t> shape;
      if (tensor.rows != Size::kOne) shape.push_back(size_of(tensor.rows, config));
      shape.push_back(size_of(tensor.width, config));
      tensors.push_back({"model.layers." + number + tensor.hf, "blk." + number + tensor.ours, std::move(shape),
                         rotary_heads(tensor, config)});
    };
    for (const LayerTensor& tensor : kEveryFamily) add(tensor);
    for (const LayerTensor& tensor : own_tensors(config.architecture)) add(tensor);
  }
  return tensors;
}

std::string matrix_of_module(std::string_view hf_module) {
  constexpr std::string_view kLayers = "model.layers.", kWeight = ".weight";
  if (!hf_module.starts_with(kLayers)) return {};
  hf_module.remove_prefix(kLayers.size());
  const size_t dot = std::min(hf_module.find('.'), hf_module.size());
  const std::string_view number = hf_module.substr(0, dot),
                         module = hf_module.substr(std::min(dot + 1, hf_module.size()));
  const bool is_number = !number.empty() && number.size() <= kMaxLayerDigits &&
                         std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
  if (!is_number || (number.size() > 1 && number.front() == '0')) return {};
  for (const LayerTensor& tensor : kEveryFamily) {
    std::string_view hf = tensor.hf, ours = tensor.ours;
    if (tensor.rows == Size::kOne) continue;
    hf.remove_suffix(kWeight.size());
    ours.remove_suffix(kWeight.size());
    if (hf == module) return "blk." + std::string(number) + "." + std::string(ours);
  }
  return {};
}

bool is_passed_over(std::string_view hf_name, const HfConfig& config) {
  if (config.ties_embeddings && hf_name == "lm_head.weight") return true;  // a copy of the embedding
  return hf_name.ends_with(".rotary_emb.inv_freq");                        // follows from rope_theta
}

}  // namespace studio::engine
