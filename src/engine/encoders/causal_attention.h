// Attention within each text of a batch where a token sees itself and those before it; several query heads share the
// keys and values of one head.
//
// As in text_attention.h keys and values become small weight matrices, of which a tile of queries reads as many tokens
// as its last one sees. What lies behind a query's own place has the weight 0. A thread does all there is to do for a
// text's query head.
// Definition: kernels/numerics.md, section 8.
#pragma once

#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "engine/encoders/attention_tile.h"
#include "engine/kernels/kernel_set.h"

namespace studio::engine {

struct CausalShape {
  int heads = 0;       // H
  int kv_heads = 0;    // K, a divisor of H
  int head_dim = 0;    // D, a multiple of 16
  int max_tokens = 0;  // of a text
};

class CausalAttention {
 public:
  CausalAttention(const KernelSet& kernels, ThreadPool& pool, const CausalShape& shape);
  bool has_memory() const;

  // out [N, H, D], rows out_stride apart.
  void run(std::span<const TextRows> texts, const AttentionInput& input, float* out, size_t out_stride);

 private:
  void attend(const TextRows& text, int head, const AttentionInput& input, float* out, size_t out_stride,
              AttentionTile& tile) const;
  void weigh(float* scores, int first, int queries) const;

  const KernelSet& kernels_;
  ThreadPool& pool_;
  const CausalShape shape_;
  float scale_;                       // f32(1 / sqrt(D))
  std::vector<AttentionTile> tiles_;  // of the threads
};

}  // namespace studio::engine
