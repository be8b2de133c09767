#include "small_model.h"

namespace studio::hostile {
namespace {

class Tensors {
 public:
  void matrix(const std::string& gguf_name, const std::string& hf_name, uint64_t rows, uint64_t width) {
    all.push_back({gguf_name + ".weight", hf_name + ".weight", width, rows, values(rows * width, 0.04f, 0)});
  }
  void vector(const std::string& gguf_name, const std::string& hf_name, uint64_t width) {
    all.push_back({gguf_name + ".weight", hf_name + ".weight", width, 0, values(width, 0.1f, 1)});
  }

  std::vector<SmallTensor> all;

 private:
  std::vector<float> values(uint64_t n, float spread, float middle) {
    std::vector<float> made(n);
    for (float& value : made) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;  // Knuth's MMIX generator
      value = middle + spread * (static_cast<float>(state_ >> 40) / static_cast<float>(1 << 24) - 0.5f);
    }
    return made;
  }

  uint64_t state_ = 7;
};

}  // namespace

std::vector<SmallTensor> small_tensors() {
  const uint64_t vocab = vocabulary().size();
  Tensors tensors;
  tensors.matrix("token_embd", "model.embed_tokens", vocab, kHidden);
  tensors.vector("output_norm", "model.norm", kHidden);
  for (uint64_t layer = 0; layer < kLayers; ++layer) {
    const std::string number = std::to_string(layer), gguf = "blk." + number + ".", hf = "model.layers." + number + ".";
    tensors.vector(gguf + "attn_norm", hf + "input_layernorm", kHidden);
    tensors.vector(gguf + "ffn_norm", hf + "post_attention_layernorm", kHidden);
    tensors.vector(gguf + "attn_q_norm", hf + "self_attn.q_norm", kHeadDim);
    tensors.vector(gguf + "attn_k_norm", hf + "self_attn.k_norm", kHeadDim);
    tensors.matrix(gguf + "attn_q", hf + "self_attn.q_proj", kHeads * kHeadDim, kHidden);
    tensors.matrix(gguf + "attn_k", hf + "self_attn.k_proj", kKvHeads * kHeadDim, kHidden);
    tensors.matrix(gguf + "attn_v", hf + "self_attn.v_proj", kKvHeads * kHeadDim, kHidden);
    tensors.matrix(gguf + "attn_output", hf + "self_attn.o_proj", kHidden, kHeads * kHeadDim);
    tensors.matrix(gguf + "ffn_gate", hf + "mlp.gate_proj", kFeedForward, kHidden);
    tensors.matrix(gguf + "ffn_up", hf + "mlp.up_proj", kFeedForward, kHidden);
    tensors.matrix(gguf + "ffn_down", hf + "mlp.down_proj", kHidden, kFeedForward);
  }
  tensors.matrix("output", "lm_head", vocab, kHidden);
  return std::move(tensors.all);
}

std::vector<std::string> vocabulary() {
  std::vector<std::string> tokens = {"\xC4\x8A", "\xC4\xA0"};
  for (char c = '!'; c <= '~'; ++c) tokens.emplace_back(1, c);
  tokens.push_back(std::string(kMergeLeft) + kMergeRight);
  for (const char* control : {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}) tokens.emplace_back(control);
  return tokens;
}

}  // namespace studio::hostile
