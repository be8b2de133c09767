#include "engine/formats/block_encode.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "engine/formats/block_codec.h"

namespace studio::engine {
namespace {

std::vector<float> round_trip(DType type, const std::vector<float>& values) {
  auto bytes = encode_tensor(type, values);
  std::vector<float> decoded(values.size());
  decode_row(type, bytes.data(), decoded.data(), decoded.size());
  return decoded;
}

// Bell-shaped like weights, without the standard library's distributions: those differ between libraries.
std::vector<float> bell_values(size_t count) {
  std::mt19937 random(5);
  std::vector<float> values(count);
  for (float& value : values) {
    float sum = -2;
    for (int i = 0; i < 4; ++i) sum += static_cast<float>(random()) * 0x1p-32f;
    value = sum * 0.03f;
  }
  return values;
}

struct Quality {
  DType type;
  double relative_error;  // root mean square of the error over that of the values: a tenth over what was measured
};

class EncodeRow : public testing::TestWithParam<Quality> {};

TEST_P(EncodeRow, StaysCloseToTheValues) {
  auto [type, bound] = GetParam();
  auto values = bell_values(64 * 256);
  auto decoded = round_trip(type, values);
  double error = 0;
  double power = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    error += std::pow(values[i] - decoded[i], 2);
    power += std::pow(values[i], 2);
  }
  EXPECT_LE(std::sqrt(error / power), bound);
}

TEST_P(EncodeRow, KeepsZeroAndSurvivesExtremes) {
  DType type = GetParam().type;
  std::vector<float> zeros(256);
  EXPECT_EQ(round_trip(type, zeros), zeros);
  for (float extreme : {1e-30f, -1e-8f, 60000.0f, -60000.0f}) {
    std::vector<float> values(256, extreme);
    values[100] = -extreme;
    for (float value : round_trip(type, values)) EXPECT_TRUE(std::isfinite(value)) << extreme;
  }
}

INSTANTIATE_TEST_SUITE_P(
    EveryType, EncodeRow,
    testing::Values(Quality{DType::kF32, 0}, Quality{DType::kF16, 3e-4}, Quality{DType::kBF16, 2e-3},
                    Quality{DType::kQ4_0, 0.089}, Quality{DType::kQ4_1, 0.084}, Quality{DType::kQ5_0, 0.045},
                    Quality{DType::kQ5_1, 0.04}, Quality{DType::kQ8_0, 0.0056}, Quality{DType::kQ2_K, 0.36},
                    Quality{DType::kQ3_K, 0.17}, Quality{DType::kQ4_K, 0.084}, Quality{DType::kQ5_K, 0.041},
                    Quality{DType::kQ6_K, 0.02}, Quality{DType::kIQ4_NL, 0.086}, Quality{DType::kIQ4_XS, 0.086}),
    [](const auto& param) { return std::string(dtype_name(param.param.type)); });

}  // namespace
}  // namespace studio::engine
