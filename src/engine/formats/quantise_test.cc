#include "engine/formats/quantise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "engine/formats/block_codec.h"
#include "engine/formats/block_encode.h"

namespace studio::engine {
namespace {

std::vector<float> weights(size_t count) {
  std::mt19937 random(7);
  std::vector<float> values(count);
  for (float& value : values) {
    float sum = -2;
    for (int i = 0; i < 4; ++i) sum += static_cast<float>(random()) * 0x1p-32f;
    value = sum * 0.05f;
  }
  return values;
}

// Root mean square of the error over that of the values.
double relative_error(const std::vector<float>& values, const std::vector<uint8_t>& bytes, DType type) {
  std::vector<float> decoded(values.size());
  decode_row(type, bytes.data(), decoded.data(), decoded.size());
  double error = 0, power = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    error += std::pow(static_cast<double>(values[i]) - static_cast<double>(decoded[i]), 2);
    power += std::pow(static_cast<double>(values[i]), 2);
  }
  return std::sqrt(error / power);
}

std::vector<uint8_t> quantised(DType type, const std::vector<float>& values) {
  std::vector<uint8_t> bytes(row_bytes(type, values.size()));
  quantise_row(type, values.data(), bytes.data(), values.size());
  return bytes;
}

TEST(Quantise, StaysWithinEachTypesError) {
  const auto values = weights(64 * 256);
  EXPECT_LT(relative_error(values, quantised(DType::kQ8_0, values), DType::kQ8_0), 0.006);
  EXPECT_LT(relative_error(values, quantised(DType::kQ4_0, values), DType::kQ4_0), 0.09);
  EXPECT_LT(relative_error(values, quantised(DType::kQ4_K, values), DType::kQ4_K), 0.075);
}

TEST(Quantise, SearchBeatsPlainRounding) {
  const auto values = weights(64 * 256);
  const double plain = relative_error(values, encode_tensor(DType::kQ4_K, values), DType::kQ4_K);
  const double searched = relative_error(values, quantised(DType::kQ4_K, values), DType::kQ4_K);
  EXPECT_LT(searched, 0.95 * plain) << plain;
}

TEST(Quantise, KeepsZerosAndSurvivesExtremes) {
  for (DType type : {DType::kQ8_0, DType::kQ4_0, DType::kQ4_K, DType::kQ6_K, DType::kF16, DType::kBF16, DType::kF32}) {
    std::vector<float> values(512);
    auto bytes = quantised(type, values);
    std::vector<float> decoded(values.size());
    decode_row(type, bytes.data(), decoded.data(), decoded.size());
    EXPECT_EQ(decoded, values) << dtype_name(type);
    for (float extreme : {1e-45f, 1e-39f, -1e-38f, 1e-30f, 65504.0f, -65504.0f}) {
      for (size_t i = 0; i < values.size(); ++i) values[i] = i % 3 == 0 ? extreme : i % 3 == 1 ? -extreme / 3 : 0;
      bytes = quantised(type, values);
      decode_row(type, bytes.data(), decoded.data(), decoded.size());
      for (float value : decoded) EXPECT_TRUE(std::isfinite(value)) << dtype_name(type) << " " << extreme;
    }
  }
}

}  // namespace
}  // namespace studio::engine
