// Exact scalar decoders: the reference of every kernel.
//
// Each value is computed by the formula in block_fields.h, in f32, one rounding per operation and in the order written,
// so that a row decodes to the same bits on every machine and as the `gguf` Python package does (tests/formats).
// Kernels are compared with this; it is not meant to be fast. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/tensor/dtype.h"

namespace studio::engine {

// src [row_bytes(type, n)] bytes of any alignment -> dst [n] f32. n is a multiple of block_elements(type).
void decode_row(DType type, const uint8_t* src, float* dst, size_t n);

}  // namespace studio::engine
