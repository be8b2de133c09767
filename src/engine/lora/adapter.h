// One LoRA adapter, ready to be applied: the factors of each matrix it changes as small integers.
//
// Immutable; a sequence that runs holds the adapter, so one that was dropped meanwhile goes with the last of them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/formats/lora_source.h"
#include "engine/kernels/factor_panels.h"

namespace studio::engine {

// y += up (scales * (down x)), in codes (factor_panels.h).
struct LowRank {
  FactorPanels down;          // [R, K]
  FactorPanels up;            // [rows, R]
  std::vector<float> scales;  // [R]: of both factors, and the adapter's own
};

class Adapter {
 public:
  // `file` is what write_lora() makes, `base` the model it is for. Errors: those of LoraSource; corrupt_data for a
  // value that is not finite; unavailable when memory is short.
  static Result<std::shared_ptr<const Adapter>> load(std::span<const uint8_t> file, const ModelSource& base);

  // nullptr where the matrix is the base's alone.
  const LowRank* find(int layer, LoraTarget target) const;

  const std::string& digest() const { return digest_; }  // SHA-256 of the file, hex
  int64_t bytes() const { return bytes_; }               // of memory
  int max_rank() const { return max_rank_; }

 private:
  Adapter() = default;

  std::string digest_;
  std::vector<LowRank> products_;
  std::vector<int> index_;  // into products_, by layer and target; -1: none
  int64_t bytes_ = 0;
  int max_rank_ = 0;
};

}  // namespace studio::engine
