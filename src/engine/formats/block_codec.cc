#include "engine/formats/block_codec.h"

#include <cstring>

#include "engine/formats/block_fields.h"
#include "engine/tensor/half.h"

namespace studio::engine {
namespace {

uint16_t load_u16(const uint8_t* bytes) {
  return static_cast<uint16_t>(bytes[0] | bytes[1] << 8);
}

// Half a block by the formula of its type in block_fields.h: 16 elements that share every scale. `scale` is d times the
// sub-scale (1 where the type has none: exact), `min` is m times the sub-minimum, or m itself for Q4_1 and Q5_1.
void decode_half(DType type, const uint8_t q[kHalf16], float scale, float min, float* dst) {
  switch (type) {
    case DType::kQ4_1:
    case DType::kQ5_1:
      for (size_t i = 0; i < kHalf16; ++i) dst[i] = scale * static_cast<float>(q[i]) + min;
      return;
    case DType::kQ2_K:
    case DType::kQ4_K:
    case DType::kQ5_K:
      for (size_t i = 0; i < kHalf16; ++i) dst[i] = scale * static_cast<float>(q[i]) - min;
      return;
    case DType::kIQ4_NL:
    case DType::kIQ4_XS:
      for (size_t i = 0; i < kHalf16; ++i) dst[i] = scale * static_cast<float>(kIq4NlValues[q[i]]);
      return;
    default:  // Q4_0, Q5_0, Q8_0, Q3_K, Q6_K
      for (size_t i = 0; i < kHalf16; ++i) dst[i] = scale * static_cast<float>(q[i] - code_offset(type));
      return;
  }
}

void decode_block32(DType type, const uint8_t* row, size_t index, float* dst) {
  uint8_t q[kBlock32];
  Scales32 fields;
  unpack_block32(type, row, index, q);
  unpack_scales32(type, row, index, fields);
  const float d = f16_to_f32(fields.d_f16);
  const float m = f16_to_f32(fields.m_f16);
  const bool adds_m = type == DType::kQ4_1 || type == DType::kQ5_1;
  for (size_t half = 0; half < 2; ++half) {
    float scale = d * static_cast<float>(fields.scale[half]);
    float min = adds_m ? m : m * static_cast<float>(fields.min[half]);
    decode_half(type, q + half * kHalf16, scale, min, dst + half * kHalf16);
  }
}

}  // namespace

void decode_row(DType type, const uint8_t* src, float* dst, size_t n) {
  switch (type) {
    case DType::kF32:
      if (n != 0) std::memcpy(dst, src, n * sizeof(float));
      return;
    case DType::kF16:
      for (size_t i = 0; i < n; ++i) dst[i] = f16_to_f32(load_u16(src + 2 * i));
      return;
    case DType::kBF16:
      for (size_t i = 0; i < n; ++i) dst[i] = bf16_to_f32(load_u16(src + 2 * i));
      return;
    default:
      for (size_t i = 0; i < n / kBlock32; ++i) decode_block32(type, src, i, dst + i * kBlock32);
      return;
  }
}

}  // namespace studio::engine
