// What the attention of a text's head is made of, whoever sees whom: memory of a thread, keys and values as small
// weight matrices in the order that kernels/matmul.h takes, and tiles of queries beside them.
#pragma once

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

// q [N, H, D], k and v [N, K, D] f32 lie side by side: of a token at `row` they begin at base + row * stride.
struct AttentionInput {
  const float* q = nullptr;
  const float* k = nullptr;
  const float* v = nullptr;
  size_t stride = 0;
};

// Queries that are taken together: whole blocks of the float product (12 columns), and for a text of 512 tokens scores
// of 96 KB, which stay in the second-level cache. Few beside the tokens they see, as half a tile's work lies behind the
// places of its queries where these see only what is before them.
inline constexpr int kTileQueries = 48;

int panels_for(int rows);

// Columns of f32 values as the float product reads them: values [columns, k].
ActivationView float_columns(float* values, int columns, int k);

// Of one thread. D is a multiple of 16; texts have at most max_tokens.
class AttentionTile {
 public:
  AttentionTile(int head_dim, int max_tokens);
  static std::vector<AttentionTile> for_each_thread(const ThreadPool& pool, int head_dim, int max_tokens);
  bool has_memory() const;

  // Keys and values of one head as matrices: rows of the first are tokens, rows of the second the head's values.
  void pack(const TextRows& text, int kv_head, const AttentionInput& input);
  // Those of the first `seen` tokens of a packed text of `tokens`.
  PanelView keys(int seen) const;
  PanelView values(int seen, int tokens) const;

  // The queries of `head` in rows first .. first + n - 1, each times `scale`: [n, D].
  ActivationView queries(const AttentionInput& input, int head, size_t first, int n, float scale);
  float* scores() { return scores_.as<float>(); }

 private:
  int head_dim_;
  AlignedBuffer k_panels_;  // [panels of 16 tokens][D][16]
  AlignedBuffer v_panels_;  // [D / 16][T][16]
  AlignedBuffer queries_;   // [tile, D]
  AlignedBuffer scores_;    // [tile, T]
};

}  // namespace studio::engine
