// Attention within each text of a batch: every token sees every token of its text, and of no other.
//
// The keys and values of a text and head become small weight matrices, repacked as the kernels take them, so both
// products are those of kernels/matmul.h, and only softmax is left. A thread does all there is to do for a text's head.
// Definition: kernels/numerics.md, section 8.
#pragma once

#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "engine/encoders/attention_tile.h"
#include "engine/kernels/kernel_set.h"

namespace studio::engine {

class TextAttention {
 public:
  // D is a multiple of 16; texts have at most max_tokens.
  TextAttention(const KernelSet& kernels, ThreadPool& pool, int heads, int head_dim, int max_tokens);
  bool has_memory() const;

  // K = H; out [N, H, D], rows out_stride apart.
  void run(std::span<const TextRows> texts, const AttentionInput& input, float* out, size_t out_stride);

 private:
  void attend(const TextRows& text, int head, const AttentionInput& input, float* out, size_t out_stride,
              AttentionTile& tile) const;

  const KernelSet& kernels_;
  ThreadPool& pool_;
  int heads_, head_dim_;
  float scale_;                       // f32(1 / sqrt(D))
  std::vector<AttentionTile> tiles_;  // of the threads
};

}  // namespace studio::engine
