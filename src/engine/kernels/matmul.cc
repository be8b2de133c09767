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
        kernels.matmul(job.weights->view(), job.input->view(), job.output, static_cast<int>(from - first),
                       static_cast<int>(to - first));
      }
      first = last;
    }
  });
}

}  // namespace studio::engine
