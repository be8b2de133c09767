#include <algorithm>

#include "engine/kernels/kernel_test_util.h"

namespace studio::engine {
namespace {

class EncoderKernelsTest : public testing::TestWithParam<const KernelSet*> {
 protected:
  const KernelSet& set() const { return *GetParam(); }
};
INSTANTIATE_TEST_SUITE_P(Sets, EncoderKernelsTest, testing::ValuesIn(available_kernels()), set_name);

TEST_P(EncoderKernelsTest, LayerNormHasTheBitsOfTheScalarSetAndIsAccurate) {
  TestRandom random(1);
  for (const int k : {1, 7, 16, 17, 31, 64, 100, 384, 1024}) {
    const auto n = static_cast<size_t>(k);
    std::vector<float> x = random.normals(3 * n);
    for (float& value : x) value += 3;  // variance by differences, or it would show
    const std::vector<float> w = random.normals(n), b = random.normals(n);
    const NormInput in{.x = x.data(), .stride = n, .weight = w.data(), .eps = 1e-5f, .k = k};
    std::vector<float> y(3 * n), reference(3 * n);
    set().layer_norm(in, b.data(), y.data(), n, 0, 3);
    scalar_kernels().layer_norm(in, b.data(), reference.data(), n, 0, 3);
    EXPECT_TRUE(same_bits(reference, y)) << k;
    for (size_t row = 0; row < 3; ++row) {
      double sum = 0, squares = 0;
      const auto at = [&](size_t i) { return static_cast<double>(x[row * n + i]); };
      for (size_t i = 0; i < n; ++i) sum += at(i);
      const double mean = sum / k;
      for (size_t i = 0; i < n; ++i) squares += (at(i) - mean) * (at(i) - mean);
      const double factor = 1 / std::sqrt(squares / k + 1e-5);
      for (size_t i = 0; i < n; ++i) {
        const double exact = (at(i) - mean) * factor * static_cast<double>(w[i]) + static_cast<double>(b[i]);
        if (k > 1) EXPECT_NEAR(y[row * n + i], exact, 2e-5) << k;
      }
    }
    const NormInput in_place{.x = x.data(), .stride = n, .weight = w.data(), .eps = 1e-5f, .k = k};
    set().layer_norm(in_place, b.data(), x.data(), n, 0, 3);
    EXPECT_TRUE(same_bits(y, x)) << k;
  }
}

TEST_P(EncoderKernelsTest, GeluIsWithinTheStatedError) {
  std::vector<float> x;
  for (uint32_t bits = 0; bits < 0x7f800000u; bits += 20'011) {
    x.push_back(std::bit_cast<float>(bits));
    x.push_back(std::bit_cast<float>(bits | 0x80000000u));
  }
  for (float value = -8; value < 8; value += 0.001f) x.push_back(value);
  std::vector<float> y = x, reference = x;
  const int n = static_cast<int>(x.size());
  set().gelu(y.data(), x.size(), n, 0, 1);
  scalar_kernels().gelu(reference.data(), x.size(), n, 0, 1);
  EXPECT_TRUE(same_bits(reference, y));
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double exact = static_cast<double>(x[i]) * 0.5 * std::erfc(-static_cast<double>(x[i]) * std::sqrt(0.5));
    if (x[i] != 0)
      worst = std::max(worst,
                       (std::fabs(static_cast<double>(y[i]) - exact) - 1e-44) / std::fabs(static_cast<double>(x[i])));
  }
  EXPECT_LT(worst, 0x1p-21);
  RecordProperty("worst", std::to_string(worst));
}

TEST_P(EncoderKernelsTest, SoftmaxHasTheBitsOfTheScalarSetAndIsAccurate) {
  TestRandom random(3);
  for (const int n : {1, 2, 15, 16, 17, 100, 512}) {
    const size_t width = static_cast<size_t>(n), stride = width + 3;
    std::vector<float> x = random.normals(4 * stride);
    for (float& value : x) value *= 30;
    std::vector<float> y = x, reference = x;
    set().softmax(y.data(), stride, n, 1, 4);
    scalar_kernels().softmax(reference.data(), stride, n, 1, 4);
    EXPECT_TRUE(same_bits(reference, y)) << n;
    for (size_t i = 0; i < 4 * stride; ++i) {
      if (i < stride || i % stride >= width) EXPECT_EQ(y[i], x[i]) << "a value that is not in the rows";
    }
    for (size_t row = 1; row < 4; ++row) {
      const auto at = [&](size_t i) { return static_cast<double>(x[row * stride + i]); };
      double top = at(0), total = 0;
      for (size_t i = 0; i < width; ++i) top = std::max(top, at(i));
      for (size_t i = 0; i < width; ++i) total += std::exp(at(i) - top);
      for (size_t i = 0; i < width; ++i) EXPECT_NEAR(y[row * stride + i], std::exp(at(i) - top) / total, 2e-6);
    }
  }
}

}  // namespace
}  // namespace studio::engine
