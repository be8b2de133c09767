// f16 and bf16 as f32 and back, exact on every machine: integer arithmetic alone, no conversion instruction.
//
// To f32 every value is exact. From f32 the rounding is to nearest, ties to even; what overflows becomes infinity, and
// a NaN stays a NaN (quiet, top payload bits kept). Source: IEEE 754-2019, 4.3.1 and 3.4.
#pragma once

#include <bit>
#include <cstdint>

namespace studio::engine {

constexpr float f16_to_f32(uint16_t half) {
  uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  uint32_t exponent = (half >> 10) & 0x1fu;
  uint32_t fraction = half & 0x3ffu;
  if (exponent == 0x1f) {  // infinity or NaN; a signalling NaN becomes quiet, as conversion instructions make it
    uint32_t quiet = fraction != 0 ? 0x400000u : 0;
    return std::bit_cast<float>(sign | 0x7f800000u | quiet | fraction << 13);
  }
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 127 - 15) << 23 | fraction << 13);
  // Subnormal or zero: fraction * 2^-24, both factors and the product exact in f32.
  float magnitude = static_cast<float>(fraction) * 0x1p-24f;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(magnitude) | sign);
}

constexpr uint16_t f32_to_f16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t sign = (bits >> 16) & 0x8000u;
  uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u | (magnitude >> 13 & 0x3ffu));  // NaN
  if (magnitude >= 0x47800000u) return static_cast<uint16_t>(sign | 0x7c00u);  // 2^16 and above
  if (magnitude >= 0x38800000u) {                                              // 2^-14 and above: a normal f16
    uint32_t rebased = magnitude - ((127u - 15u) << 23);
    uint32_t rounded = rebased + 0xfffu + (rebased >> 13 & 1u);  // a carry into the exponent is what rounding up means
    return static_cast<uint16_t>(sign | rounded >> 13);
  }
  if (magnitude < 0x33000000u) return static_cast<uint16_t>(sign);  // below 2^-25: nearer to zero than to 2^-24
  // Subnormal: the result counts units of 2^-24.
  uint32_t shift = 126u - (magnitude >> 23);  // 14 .. 24
  uint32_t fraction = (magnitude & 0x7fffffu) | 0x800000u;
  uint32_t units = fraction >> shift;
  uint32_t rest = fraction & ((1u << shift) - 1);
  uint32_t half_unit = 1u << (shift - 1);
  if (rest > half_unit || (rest == half_unit && (units & 1u) != 0)) ++units;
  return static_cast<uint16_t>(sign | units);
}

constexpr float bf16_to_f32(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

constexpr uint16_t f32_to_bf16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>(bits >> 16 | 0x40u);  // NaN
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

}  // namespace studio::engine
