// Damages one file of a model in every way of a kind and loads the model after each, in a child process that a signal
// may end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats.h"

namespace studio::hostile {

enum class Damage {
  kCut,   // the file ends before byte `at`
  kFlip,  // bit `at` is another
};

struct Outcome {
  uint64_t loads = 0, refused = 0, accepted = 0;
  double slowest_ms = 0;             // processor time of one refusal
  std::vector<std::string> faults;   // a signal, a refusal without a reason or after too long, each with its place
  std::vector<uint64_t> refused_at;  // some, from the first to the last
  std::string example;               // of a reason
};

// Every `step`-th place of the first `places` (bytes for kCut, bits for kFlip).
Outcome sweep(const Format& format, const std::string& model, Damage damage, uint64_t places, uint64_t step);

}  // namespace studio::hostile
