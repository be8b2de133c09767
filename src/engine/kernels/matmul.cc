#include "engine/kernels/matmul.h"

#include <algorithm>

namespace studio::engine {
namespace {

// A chunk should be long against the cost of claiming it (0.1 us) and short against the whole loop, so that threads
// end together: about this many bytes of weights times columns, and whole pairs of panels, which kernels like.
constexpr int64_t kChunkWork = 256 << 10;
constexpr int64_t kChunksPerThread = 8;

int64_t chunk_panels(std::span<const MatmulJob> jobs, int64_t panels, int threads) {
  const MatmulJob& job = jobs.front();
  const auto panel_work = static_cast<int64_t>(job.weights->view().panel_bytes) * job.input->view().coded;
  const int64_t by_work = kChunkWork / std::max<int64_t>(panel_work, 1);
  const int64_t by_share = panels / (kChunksPerThread * threads);
  return std::max<int64_t>(1, std::min(by_work, by_share) / 2) * 2;
}

// Rows that a thread computes of both before it multiplies them: 32 at least, the block that is quantised together. So
// many values of each, 64 KB, stay in the second-level cache beside the weights that stream through it.
constexpr int kGatedValues = 16384;

// Panels [first / 16, ...) of a matrix as a matrix of their own.
PanelView from_row(PanelView view, int first) {
  view.data += static_cast<size_t>(first / kPanelRows) * view.panel_bytes;
  view.rows -= first;
  return view;
}

// Panels [begin, end) of each update, counted from its row `first_row`, added to what the output's rows hold.
void add_updates(const KernelSet& kernels, std::span<const LowRankUpdate> updates, int first_row,
                 const MatmulOutput& output, int begin, int end) {
  const FactorProduct product = factor_product(kernels.isa);
  for (const LowRankUpdate& update : updates) {
    const MatmulOutput rows{.out = output.out + static_cast<size_t>(update.first) * output.stride,
                            .stride = output.stride,
                            .bias = nullptr,
                            .add = true};
    product(update.up->from_row(first_row), update.mid, update.n, rows, begin, end);
  }
}

}  // namespace

void run_matmuls(const KernelSet& kernels, ThreadPool& pool, std::span<const MatmulJob> jobs) {
  if (jobs.empty()) return;
  int64_t panels = 0;
  for (const MatmulJob& job : jobs) panels += job.weights->panels();

  // Panels of all jobs are numbered through.
  pool.parallel_for(panels, chunk_panels(jobs, panels, pool.threads()), [&](int64_t begin, int64_t end, int) {
    int64_t first = 0;
    for (const MatmulJob& job : jobs) {
      const int64_t last = first + job.weights->panels();
      const int64_t from = std::max(begin, first), to = std::min(end, last);
      if (from < to) {
        const int panel_begin = static_cast<int>(from - first), panel_end = static_cast<int>(to - first);
        kernels.matmul(job.weights->view(), job.input->view(), job.output, panel_begin, panel_end);
        add_updates(kernels, job.updates, 0, job.output, panel_begin, panel_end);
      }
      first = last;
    }
  });
}

GatedProduct::GatedProduct(const KernelSet& kernels, ThreadPool& pool, int max_columns)
    : kernels_(kernels), pool_(pool), values_(std::max(kGatedValues, max_columns * kActivationBlock)) {
  for (int i = 0; i < pool.threads(); ++i) {
    scratch_.emplace_back(2 * static_cast<size_t>(values_) * sizeof(float));
  }
}

void GatedProduct::run(const PanelMatrix& gate, const PanelMatrix& up, const Activations& x, Activations& y,
                       std::span<const LowRankUpdate> gate_updates, std::span<const LowRankUpdate> up_updates) {
  const int rows = static_cast<int>(gate.rows()), columns = x.columns();
  const int blocks = (rows + kActivationBlock - 1) / kActivationBlock;
  const MatmulJob jobs[] = {{&gate, &x, {}, {}}, {&up, &x, {}, {}}};
  const int64_t wanted = chunk_panels(jobs, gate.panels() + up.panels(), pool_.threads()) / 4;  // 2 panels of each
  const int chunk = static_cast<int>(std::clamp<int64_t>(wanted, 1, values_ / (columns * kActivationBlock)));
  pool_.parallel_for(blocks, chunk, [&](int64_t begin, int64_t end, int thread) {
    float* const gated = scratch_[static_cast<size_t>(thread)].as<float>();
    float* const open = gated + values_;
    for (int64_t block = begin; block < end; block += chunk) {
      const int first = static_cast<int>(block) * kActivationBlock;
      const int last = std::min(rows, static_cast<int>(std::min(block + chunk, end)) * kActivationBlock);
      const auto stride = static_cast<size_t>(last - first);
      const int panels = (last - first + kPanelRows - 1) / kPanelRows;
      PanelView of_gate = from_row(gate.view(), first), of_up = from_row(up.view(), first);
      of_gate.after = of_up.data;
      of_up.after = of_gate.data + static_cast<size_t>(panels) * of_gate.panel_bytes;
      const MatmulOutput gated_rows{.out = gated, .stride = stride}, open_rows{.out = open, .stride = stride};
      kernels_.matmul(of_gate, x.view(), gated_rows, 0, panels);
      add_updates(kernels_, gate_updates, first, gated_rows, 0, panels);
      kernels_.matmul(of_up, x.view(), open_rows, 0, panels);
      add_updates(kernels_, up_updates, first, open_rows, 0, panels);
      kernels_.swiglu_quantize(gated, open, stride, y.view(), 0, columns, first, last);
    }
  });
}

}  // namespace studio::engine
