// The settings that must not change a bit, and a small set of them in which every pair of values meets.
#pragma once

#include <string>
#include <vector>

#include "engine/schedule/engine.h"

namespace studio::bit_identity {

struct Setting {
  int concurrency = 1;     // sequences running at once
  int prompt_chunk = 512;  // prompt tokens per step at most
  int threads = 2;
  engine::KernelChoice kernels = engine::KernelChoice::kAuto;
  bool scarce_pages = false;  // too few for all that run: sequences are preempted and computed again
};

std::string describe(const Setting& setting);

// Greedy covering array over concurrency 1, 2, 7, 16; chunk 1, 17, 512; threads 1, 2, 3, 8; the kernel sets this CPU
// runs; ample and scarce pages. The same on machines with the same kernel sets; the first rows cover the most.
std::vector<Setting> every_pair_of_values();

// Pairs of values that `settings` cover and that there are.
struct PairCount {
  int covered = 0, all = 0;
};
PairCount count_pairs(const std::vector<Setting>& settings);

}  // namespace studio::bit_identity
