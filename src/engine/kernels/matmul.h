// Matrix products of one step, spread over the pool: all panels of all jobs in one loop, with one barrier at its end.
#pragma once

#include <span>

#include "base/thread_pool.h"
#include "engine/kernels/activations.h"
#include "engine/kernels/kernel_set.h"
#include "engine/kernels/panel_matrix.h"

namespace studio::engine {

// output [N, rows] = weights [rows, K] x input [N, K]; N and K as the input says, K equal on both sides.
struct MatmulJob {
  const PanelMatrix* weights = nullptr;
  const Activations* input = nullptr;
  MatmulOutput output;
};

// Jobs that may run at once, q, k and v of one layer for example. Outputs must not overlap.
void run_matmuls(const KernelSet& kernels, ThreadPool& pool, std::span<const MatmulJob> jobs);

}  // namespace studio::engine
