// One step of a transformer over a batch: the operations a layer is written in, spread over the pool.
//
// A Step holds the batch's runs, positions and rotary angles, and lends kernels and threads. Each operation is one
// parallel loop (or none, for a single token), so a layer costs about eight barriers. Activations are quantised by the
// operation that produces them, never by those that read them.
// Threads: the scheduler thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "engine/kernels/activations.h"
#include "engine/kernels/kernel_set.h"
#include "engine/kernels/matmul.h"
#include "engine/kernels/rope_table.h"
#include "engine/kv/page_pool.h"
#include "engine/kv/sequence_state.h"

namespace studio::engine {

struct HeadShape {
  int heads = 0;     // H
  int kv_heads = 0;  // K
  int head_dim = 0;  // D
};

// One sequence's share of the batch: tokens first_row .. first_row + tokens - 1 of every [N, ...] array.
struct StepRun {
  const SequenceState* sequence = nullptr;
  int first_row = 0;
  int tokens = 0;
  int first_position = 0;
};

struct AttentionJob {
  HeadShape shape;
  PagePool* pages = nullptr;
  int layer = 0;
  bool interleaved = false;         // which values are rotated together: RopeArgs
  float* q = nullptr;               // [N, H, D]
  float* k = nullptr;               // [N, K, D]
  const float* k_center = nullptr;  // [K, D] or null: KvStoreArgs
  const float* v = nullptr;         // [N, K, D]
  float* out = nullptr;             // [N, H, D]
  // What is multiplied next, in this order, or null: attention asks memory for their beginnings.
  const PanelMatrix* after[WeightsAhead::kMaxSpans] = {};
};

class Step {
 public:
  // is_fine: attention as precise as float weights deserve; else as coded ones do.
  Step(const KernelSet& kernels, ThreadPool& pool, RopeTable& rope, int rotary_dim, bool is_fine, int max_tokens);

  void begin(std::span<const StepRun> runs);
  int tokens() const { return tokens_; }  // N
  std::span<const StepRun> runs() const { return runs_; }

  // y = quantised RMSNorm(x [N, K]) * weight, each value in `terms` terms; the first terms alone in `first` too, if
  // given.
  void norm(const float* x, std::span<const float> weight, float eps, Activations& y, int rows, int terms = 1,
            Activations* first = nullptr);
  // In place over each head of x [N, heads, D].
  void norm_heads(float* x, int heads, std::span<const float> weight, float eps);
  // y [rows as y was reset to, K] = quantised x.
  void quantize(const float* x, Activations& y);
  void matmul(std::span<const MatmulJob> jobs) { run_matmuls(kernels_, pool_, jobs); }
  // y [N, F] = silu(gate x) * (up x), quantised.
  void gated(const PanelMatrix& gate, const PanelMatrix& up, const Activations& x, Activations& y,
             std::span<const LowRankUpdate> gate_updates = {}, std::span<const LowRankUpdate> up_updates = {}) {
    gated_.run(gate, up, x, y, gate_updates, up_updates);
  }
  // logits [rows of x, stride] hold the products of x's first terms. Where one is within `range` of its row's largest,
  // it gets the second term's product too.
  void refine(const PanelMatrix& head, const Activations& x, float range, float* logits, size_t stride);
  // Rotates q and k, stores k and v in the sequences' pages, and attends.
  void attend(const AttentionJob& job);

 private:
  struct AttentionItem {
    const StepRun* run;
    int kv_head, begin, end;  // rows of the run's T * G
  };

  struct alignas(64) ThreadWeights : WeightsAhead {};

  template <typename Fn>
  void for_parts(int columns, int k, Fn fn);
  void rotate_and_store(const AttentionJob& job, const StepRun& run, int begin, int end, int head_begin, int head_end);
  AttentionArgs attention_args(const AttentionJob& job, const StepRun& run, int kv_head) const;
  void look_ahead(const AttentionJob& job);

  const KernelSet& kernels_;
  ThreadPool& pool_;
  RopeTable& rope_;
  GatedProduct gated_;
  int rotary_dim_;
  bool is_fine_;
  int tokens_ = 0;
  std::vector<StepRun> runs_;
  std::vector<int32_t> positions_;  // [N]
  std::vector<float> cos_, sin_;    // [N, rotary_dim / 2]
  std::vector<AttentionItem> items_;
  std::vector<ThreadWeights> ahead_;  // [threads]
  std::vector<float> tops_;           // of the pieces of each row of logits
};

}  // namespace studio::engine
