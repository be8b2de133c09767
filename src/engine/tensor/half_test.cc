#include "engine/tensor/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace studio::engine {
namespace {

uint32_t bits(float value) {
  return std::bit_cast<uint32_t>(value);
}

bool is_f16_nan(uint32_t half) {
  return (half & 0x7fff) > 0x7c00;
}

TEST(Half, EveryF16HasItsValueAndComesBack) {
  for (uint32_t half = 0; half < 0x10000; ++half) {
    float value = f16_to_f32(static_cast<uint16_t>(half));
    if (is_f16_nan(half)) {
      EXPECT_TRUE(std::isnan(value));
      EXPECT_TRUE(is_f16_nan(f32_to_f16(value)));
      continue;
    }
    // The definition: (-1)^s * 2^(e - 25) * (1024 + f), or 2^-24 * f for e = 0.
    int exponent = static_cast<int>(half >> 10 & 31);
    int fraction = static_cast<int>(half & 1023);
    double expected = exponent == 31  ? std::numeric_limits<double>::infinity()
                      : exponent == 0 ? std::ldexp(fraction, -24)
                                      : std::ldexp(1024 + fraction, exponent - 25);
    EXPECT_EQ(std::fabs(value), expected);
    EXPECT_EQ(std::signbit(value), (half & 0x8000) != 0);
    EXPECT_EQ(f32_to_f16(value), half);
  }
}

// Between two neighbours everything below the middle goes down, above it up, the middle to the even one. As the
// conversion is monotonic this covers every f32.
TEST(Half, RoundsToNearestTiesToEven) {
  for (uint32_t half = 0; half < 0x7c00; ++half) {
    float low = f16_to_f32(static_cast<uint16_t>(half));
    float high = half + 1 == 0x7c00 ? 65536.0f : f16_to_f32(static_cast<uint16_t>(half + 1));
    float middle = (low + high) / 2;  // exact: f32 has 13 bits more
    uint32_t even = half % 2 == 0 ? half : half + 1;
    for (uint32_t sign : {0u, 0x8000u}) {
      auto round = [&](float x) { return f32_to_f16(sign != 0 ? -x : x); };
      ASSERT_EQ(round(middle), sign | even) << half;
      ASSERT_EQ(round(std::nextafter(middle, 0.0f)), sign | half) << half;
      ASSERT_EQ(round(std::nextafter(middle, 1e9f)), sign | (half + 1)) << half;
      ASSERT_EQ(round(std::nextafter(high, 0.0f)), sign | (half + 1)) << half;
    }
  }
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::max()), 0x7c00);
  EXPECT_EQ(f32_to_f16(-std::numeric_limits<float>::infinity()), 0xfc00);
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::denorm_min()), 0);
}

TEST(Half, Bf16IsTheUpperHalfOfF32RoundedToEven) {
  for (uint32_t half = 0; half < 0x10000; ++half) {
    float value = bf16_to_f32(static_cast<uint16_t>(half));
    EXPECT_EQ(bits(value), half << 16);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(value))));
      continue;
    }
    EXPECT_EQ(f32_to_bf16(value), half);
    if (std::isinf(value)) continue;
    uint32_t even = half % 2 == 0 ? half : half + 1;
    EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(half << 16 | 0x7fff)), half);
    EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(half << 16 | 0x8000)), even);
    EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(half << 16 | 0x8001)), half + 1);
  }
  EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(std::bit_cast<float>(0x7f800001u)))));
}

}  // namespace
}  // namespace studio::engine
