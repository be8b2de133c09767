// The plain forward pass of Qwen2, Qwen3 and Llama models: exactly decoded weights, f32 activations, f64 softmax.
//
// Slow and obvious on purpose; see README.md. Sources: the `transformers` classes Qwen2ForCausalLM, Qwen3ForCausalLM
// and LlamaForCausalLM (5.x), against whose logits it is tested; GGUF stores Llama's q and k rows in the order that
// makes its rotary pairs neighbours. Threads: one caller at a time; it spreads products over `threads` of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/formats/gguf.h"

namespace studio::reference {

struct Config {
  std::string architecture;  // "qwen2", "qwen3", "llama"
  int layers = 0, hidden = 0, heads = 0, kv_heads = 0, head_dim = 0, feed_forward = 0, vocab = 0;
  float norm_eps = 0;
  double rope_base = 0;
};

class ReferenceModel {
 public:
  static Result<std::unique_ptr<ReferenceModel>> open(const std::string& path, int threads);

  const Config& config() const { return config_; }

  // Logits of every position of one sequence, in order: sink(position, row [V]).
  void logits(std::span<const int32_t> tokens, const std::function<void(int, const float*)>& sink);

 private:
  explicit ReferenceModel(engine::GgufFile file, int threads) : file_(std::move(file)), threads_(threads) {}

  Status read_config();
  std::vector<float> decode(const std::string& name) const;  // a whole tensor; empty when the model has none
  void product(const std::string& name, const std::vector<float>& x, size_t tokens, std::vector<float>& y) const;
  void rotate(std::vector<float>& x, size_t tokens, int heads) const;
  void attend(const std::vector<float>& q, const std::vector<float>& k, const std::vector<float>& v, size_t tokens,
              std::vector<float>& out) const;
  void layer(int index, std::vector<float>& x, size_t tokens) const;

  engine::GgufFile file_;
  int threads_;
  Config config_;
};

}  // namespace studio::reference
