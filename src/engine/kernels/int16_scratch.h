// A thread's memory for Int16Kernels::attention, of texts up to a length.
#pragma once

#include "engine/kernels/aligned_buffer.h"
#include "engine/kernels/int16_kernels.h"

namespace studio::engine {

class Int16ScratchMemory {
 public:
  Int16ScratchMemory(int max_tokens, int head_dim);
  bool has_memory() const { return memory_.data() != nullptr; }
  const Int16Scratch& view() const { return view_; }

 private:
  AlignedBuffer memory_;
  Int16Scratch view_;
};

}  // namespace studio::engine
