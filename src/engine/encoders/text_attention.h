// Attention within each text of a batch: every token sees every token of its text, and of no other.
//
// The keys and values of a text and head become small weight matrices, repacked as the kernels take them, so both
// products are those of kernels/matmul.h, and only softmax is left. A thread does all there is to do for a text's head.
// Definition: kernels/numerics.md, section 8.
#pragma once

#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "engine/kernels/aligned_buffer.h"
#include "engine/kernels/kernel_set.h"

namespace studio::engine {

// One text of a batch: rows first .. first + tokens - 1 of every [N, ...] array.
struct TextRows {
  int first = 0;
  int tokens = 0;
};

// q, k and v [N, H, D] f32 lie side by side: of a token at `row` they begin at base + row * stride.
struct AttentionInput {
  const float* q = nullptr;
  const float* k = nullptr;
  const float* v = nullptr;
  size_t stride = 0;
};

class TextAttention {
 public:
  // D is a multiple of 16; texts have at most max_tokens.
  TextAttention(const KernelSet& kernels, ThreadPool& pool, int heads, int head_dim, int max_tokens);
  bool has_memory() const;

  // out [N, H, D], rows out_stride apart.
  void run(std::span<const TextRows> texts, const AttentionInput& input, float* out, size_t out_stride);

 private:
  struct Scratch {           // of a thread
    AlignedBuffer k_panels;  // [panels of 16 tokens][D][16]
    AlignedBuffer v_panels;  // [D / 16][T][16]
    AlignedBuffer queries;   // [tile, D], times 1 / sqrt(D)
    AlignedBuffer scores;    // [tile, T]
  };

  void attend(const TextRows& text, int head, const AttentionInput& input, float* out, size_t out_stride,
              Scratch& scratch) const;
  void pack(const TextRows& text, int head, const AttentionInput& input, Scratch& scratch) const;

  const KernelSet& kernels_;
  ThreadPool& pool_;
  int heads_, head_dim_;
  float scale_;  // f32(1 / sqrt(D))
  std::vector<Scratch> scratch_;
};

}  // namespace studio::engine
