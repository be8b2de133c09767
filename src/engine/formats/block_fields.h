// What is inside a quantised block: codes, scales and minima, exactly as stored and before any float arithmetic.
//
// Every type is seen in the same way, as blocks of 32 neighbours along K, each in two halves of 16. Element j of half h
// (j in 0..15) of a block means, with code q and s(h) = scale[h], n(h) = min[h]:
//
//   Q4_0 Q5_0 Q8_0   d * (q - offset)                     Q2_K Q4_K Q5_K   (d * s(h)) * q - (m * n(h))
//   Q4_1 Q5_1        (d * q) + m                          Q3_K Q6_K        (d * s(h)) * (q - offset)
//   IQ4_NL           d * kIq4NlValues[q]                  IQ4_XS           (d * s(h)) * kIq4NlValues[q]
//
// d and m are f16; each product and sum is rounded to f32 in the order written (block_codec.h does just that).
// Repacking for kernels reads these fields, so it loses nothing. Source: the block layouts of the GGUF format (ggml
// v0.9). Rows are little-endian bytes without alignment. Any thread; nothing is owned.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/tensor/dtype.h"

namespace studio::engine {

// The view of a block: elements along K, and how many of them share one scale at least.
inline constexpr size_t kBlock32 = 32;
inline constexpr size_t kHalf16 = 16;

// What a 4-bit code of IQ4_NL and IQ4_XS stands for.
inline constexpr std::array<int8_t, 16> kIq4NlValues = {-127, -104, -83, -65, -49, -35, -22, -10,
                                                        1,    13,   25,  38,  53,  69,  89,  113};

// The scales of one block of 32. Fields a type does not have are: m_f16 = 0, scale = 1, min = 0.
struct Scales32 {
  uint16_t d_f16 = 0;        // scale of the block, or of its superblock of 256
  uint16_t m_f16 = 0;        // Q4_1, Q5_1: what is added; Q2_K, Q4_K, Q5_K: scale of the minima (dmin)
  int8_t scale[2] = {1, 1};  // per half of 16; equal where the type has one per 32. Q3_K, IQ4_XS: bias 32 taken off
  uint8_t min[2] = {0, 0};   // per half of 16, in units of m_f16
};

// What has to be taken off an unsigned code: 8, 16, 128, 4 or 32; 0 for types with a minimum and for IQ4.
constexpr int code_offset(DType type) {
  switch (type) {
    case DType::kQ4_0:
      return 8;
    case DType::kQ5_0:
      return 16;
    case DType::kQ8_0:
      return 128;
    case DType::kQ3_K:
      return 4;
    case DType::kQ6_K:
      return 32;
    default:
      return 0;
  }
}

// Codes are 0 .. code_count - 1. 0 for the float types, which have no codes.
constexpr int code_count(DType type) {
  switch (type) {
    case DType::kQ2_K:
      return 4;
    case DType::kQ3_K:
      return 8;
    case DType::kQ4_0:
    case DType::kQ4_1:
    case DType::kQ4_K:
    case DType::kIQ4_NL:
    case DType::kIQ4_XS:
      return 16;
    case DType::kQ5_0:
    case DType::kQ5_1:
    case DType::kQ5_K:
      return 32;
    case DType::kQ6_K:
      return 64;
    case DType::kQ8_0:
      return 256;
    default:
      return 0;
  }
}

// Elements that share one sub-scale: 16 for Q2_K, Q3_K, Q6_K, else 32.
constexpr size_t scale_group(DType type) {
  return type == DType::kQ2_K || type == DType::kQ3_K || type == DType::kQ6_K ? kHalf16 : kBlock32;
}

// The unsigned codes of elements [32 * index, 32 * index + 32) of a row, in the order of K. Q8_0 gives value + 128,
// Q3_K value + 4, Q6_K value + 32, IQ4 the index into kIq4NlValues. The row holds block `index` whole; false (q
// untouched) for the float types.
bool unpack_block32(DType type, const uint8_t* row, size_t index, uint8_t q[kBlock32]);

// The scales of the same elements; false (scales untouched) for the float types.
bool unpack_scales32(DType type, const uint8_t* row, size_t index, Scales32& scales);

}  // namespace studio::engine
