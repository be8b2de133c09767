// Quantisers: f32 rows to the types that models are imported to, with care for the error.
//
// Q8_0 and Q4_0 give the very bytes of the reference quantisers (gguf-py's quants.py, gguf 0.19; tests/safetensors
// compares them). Q4_K searches scale and minimum of each 32 neighbours for the least weighted square error, which
// plain rounding (block_encode.h) does not. All other types are encode_row()'s. The result depends on the input alone:
// plain f32 arithmetic, no fused operations, one order. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/tensor/dtype.h"

namespace studio::engine {

// src [n] f32, finite -> dst [row_bytes(type, n)] bytes. n is a multiple of block_elements(type).
void quantise_row(DType type, const float* src, uint8_t* dst, size_t n);

}  // namespace studio::engine
