#include "engine/kernels/rope_table.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

namespace studio::engine {
namespace {

TEST(RopeTable, ItsFunctionsAreAccurate) {
  for (double x = 1e-3; x < 1e8; x *= 1.0137) EXPECT_NEAR(exact_log2(x), std::log2(x), 2e-15 * 27) << x;
  for (double x = -60; x < 60; x += 0.0371) EXPECT_NEAR(exact_exp2(x) / std::exp2(x), 1, 4e-15) << x;
  for (double x = 0; x < 4.1e6; x = x * 1.0003 + 0.0713) {
    double s = 0, c = 0;
    exact_sincos(x, s, c);
    EXPECT_NEAR(s, std::sin(x), 1e-15) << x;
    EXPECT_NEAR(c, std::cos(x), 1e-15) << x;
    exact_sincos(-x, s, c);
    EXPECT_NEAR(s, -std::sin(x), 1e-15) << x;
    EXPECT_NEAR(c, std::cos(x), 1e-15) << x;
  }
}

TEST(RopeTable, GivesTheRoundedCosinesOfEveryPosition) {
  RopeTable table(64, 1e6, {}, 32'768);
  const std::vector<int32_t> positions = {32'767, 0, 1, 255, 256, 12'345};
  std::vector<float> cos(6 * 32), sin(6 * 32);
  table.gather(positions, cos.data(), sin.data());
  for (size_t p = 0; p < 6; ++p) {
    for (size_t i = 0; i < 32; ++i) {
      const double angle = positions[p] * std::pow(1e6, -2.0 * static_cast<double>(i) / 64);
      EXPECT_NEAR(cos[p * 32 + i], std::cos(angle), 6.1e-8);
      EXPECT_NEAR(sin[p * 32 + i], std::sin(angle), 6.1e-8);
    }
  }
}

TEST(RopeTable, DividesFrequenciesByTheGivenFactors) {
  const float factors[] = {1, 8};
  RopeTable table(4, 10000.0, factors, 100);
  const int32_t position = 99;
  float cos[2], sin[2];
  table.gather({&position, 1}, cos, sin);
  EXPECT_FLOAT_EQ(cos[0], static_cast<float>(std::cos(99.0)));
  EXPECT_FLOAT_EQ(sin[1], static_cast<float>(std::sin(99.0 / 100 / 8)));
}

// The same bits everywhere: a digest of a table, computed once and compared by every preset and machine.
TEST(RopeTable, HasTheBitsItAlwaysHad) {
  RopeTable table(128, 1e6, {}, 4096);
  std::vector<int32_t> positions;
  for (int32_t p = 0; p < 4096; p += 7) positions.push_back(p);
  std::vector<float> cos(positions.size() * 64), sin(positions.size() * 64);
  table.gather(positions, cos.data(), sin.data());
  uint64_t digest = 0xcbf29ce484222325ull;  // FNV-1a
  for (const auto& values : {cos, sin}) {
    for (float v : values) digest = (digest ^ std::bit_cast<uint32_t>(v)) * 0x100000001b3ull;
  }
  EXPECT_EQ(digest, 5683269808502857714u);
}

}  // namespace
}  // namespace studio::engine
