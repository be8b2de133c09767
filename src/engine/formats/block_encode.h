// Scalar encoders: f32 rows to any type the engine reads, for test models and the converters in tools/.
//
// Plain rounding to the nearest code with the scale that just covers the block. Good enough to make a model that runs;
// not the search over scales that a published quantisation deserves. F16 and BF16 round to nearest, ties to even.
// The result depends on the input alone, never on the machine. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/tensor/dtype.h"

namespace studio::engine {

// src [n] f32, finite -> dst [row_bytes(type, n)] bytes. n is a multiple of block_elements(type).
void encode_row(DType type, const float* src, uint8_t* dst, size_t n);

// The same for a whole tensor whose rows are multiples of a block.
std::vector<uint8_t> encode_tensor(DType type, std::span<const float> values);

}  // namespace studio::engine
