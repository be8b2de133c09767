// Matrix products of one step, spread over the pool: all panels of all jobs in one loop, with one barrier at its end.
#pragma once

#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "engine/kernels/activations.h"
#include "engine/kernels/aligned_buffer.h"
#include "engine/kernels/factor_panels.h"
#include "engine/kernels/kernel_set.h"
#include "engine/kernels/panel_matrix.h"

namespace studio::engine {

// A product of low rank on top of another: rows [first, first + n) of the output += up [rows, R] x mid [n, R].
struct LowRankUpdate {
  const FactorPanels* up = nullptr;
  const float* mid = nullptr;
  int first = 0;
  int n = 0;
};

// output [N, rows] = weights [rows, K] x input [N, K]; N and K as the input says, K equal on both sides.
struct MatmulJob {
  const PanelMatrix* weights = nullptr;
  const Activations* input = nullptr;
  MatmulOutput output;
  std::span<const LowRankUpdate> updates = {};  // each row of the output in one of them at most
};

// Jobs that may run at once, q, k and v of one layer for example. Outputs must not overlap.
void run_matmuls(const KernelSet& kernels, ThreadPool& pool, std::span<const MatmulJob> jobs);

// y [N, F] = silu(gate x) * (up x), quantised; gate and up [F, K], x [N, K]. The thread that computes some rows of both
// multiplies and quantises them, so that neither product leaves its caches.
class GatedProduct {
 public:
  GatedProduct(const KernelSet& kernels, ThreadPool& pool, int max_columns);
  void run(const PanelMatrix& gate, const PanelMatrix& up, const Activations& x, Activations& y,
           std::span<const LowRankUpdate> gate_updates = {}, std::span<const LowRankUpdate> up_updates = {});

 private:
  const KernelSet& kernels_;
  ThreadPool& pool_;
  std::vector<AlignedBuffer> scratch_;  // per thread: f32 rows of gate, then as many of up
  int values_;                          // of each
};

}  // namespace studio::engine
