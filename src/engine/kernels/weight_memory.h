// Memory for a weight matrix. Matrices lie side by side in mappings of large pages: a pass over all weights meets a new
// page every 4 KB otherwise, and no fetch ahead of time crosses one without its translation. Move-only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/kernels/aligned_buffer.h"

namespace studio::engine {

class WeightMemory {
 public:
  WeightMemory() = default;
  // Zeroed, at a 64-byte border; empty when memory is short. Any thread.
  explicit WeightMemory(size_t bytes);

  uint8_t* data() const { return data_; }

 private:
  class Mapping;
  struct Open;

  std::shared_ptr<Mapping> mapping_;  // which others share; it goes with the last of them
  AlignedBuffer own_;                 // of a small matrix
  uint8_t* data_ = nullptr;
};

}  // namespace studio::engine
