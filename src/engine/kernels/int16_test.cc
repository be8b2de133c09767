// Products and attention in integers of 16 bits: the bits of the scalar set in every set, for any company, near f64.
#include <algorithm>

#include "engine/kernels/int16_inputs.h"
#include "engine/kernels/int16_panels.h"
#include "engine/kernels/int16_scratch.h"
#include "engine/kernels/kernel_test_util.h"

namespace studio::engine {
namespace {

class Int16Test : public testing::TestWithParam<const KernelSet*> {
 protected:
  const KernelSet& set() const { return *GetParam(); }
};
INSTANTIATE_TEST_SUITE_P(Sets, Int16Test, testing::ValuesIn(available_kernels()), set_name);

PanelMatrix matrix_of(const std::vector<float>& values, int rows, int k) {
  auto matrix = PanelMatrix::build(
      DType::kF32, rows, k, {reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof(float)}, nullptr);
  EXPECT_TRUE(matrix.ok());
  return std::move(*matrix);
}

Int16Panels panels_of(const std::vector<float>& values, int rows, int k) {
  ThreadPool pool(1);
  auto panels = Int16Panels::build(matrix_of(values, rows, k), pool);
  EXPECT_TRUE(panels.ok());
  return std::move(*panels);
}

// y [columns, rows] of a set, on top of ones.
std::vector<float> product(const KernelSet& set, const Int16Panels& weights, const std::vector<float>& x, int k,
                           const std::vector<float>& bias, bool add) {
  const int rows = weights.view().rows, columns = static_cast<int>(x.size()) / k;
  Int16Inputs inputs(columns, k);
  inputs.reset(columns);
  int16_kernels(set.isa).quantize(x.data(), static_cast<size_t>(k), inputs.view(), 0, columns);
  std::vector<float> y(static_cast<size_t>(columns) * static_cast<size_t>(rows), 1.0f);
  int16_kernels(set.isa).matmul(
      weights.view(), inputs.view(),
      {.out = y.data(), .stride = static_cast<size_t>(rows), .bias = bias.empty() ? nullptr : bias.data(), .add = add},
      0, weights.panels());
  return y;
}

TEST_P(Int16Test, ProductsHaveTheBitsOfTheScalarSetAndAreAccurate) {
  TestRandom random(1);
  for (const int k : {1, 2, 31, 32, 96, 383, 384, 385, 1536}) {
    for (const int rows : {1, 16, 33, 80}) {
      const auto n = static_cast<size_t>(k), m = static_cast<size_t>(rows);
      const std::vector<float> w = random.normals(m * n), bias = random.normals(m);
      const Int16Panels weights = panels_of(w, rows, k);
      for (const size_t columns : {size_t{1}, size_t{5}, size_t{29}}) {
        const std::vector<float> x = random.normals(columns * n);
        const auto y = product(set(), weights, x, k, bias, true);
        EXPECT_TRUE(same_bits(product(scalar_kernels(), weights, x, k, bias, true), y)) << k << " " << rows;
        EXPECT_TRUE(
            same_bits(product(scalar_kernels(), weights, x, k, {}, false), product(set(), weights, x, k, {}, false)));
        for (size_t c = 0; c < columns; ++c) {
          for (size_t r = 0; r < m; ++r) {
            double sum = 0;
            for (size_t i = 0; i < n; ++i) sum += static_cast<double>(w[r * n + i]) * static_cast<double>(x[c * n + i]);
            // Both factors miss at most half a step, 3 / 1365 and 3 / 4095, of values up to 3.
            const double most = 3.0 * std::sqrt(static_cast<double>(k)) * 3 * (0.5 / 1365 + 0.5 / 4095);
            EXPECT_NEAR(y[c * m + r], sum + static_cast<double>(bias[r]) + 1, most + 1e-5) << k;
          }
        }
      }
    }
  }
}

TEST_P(Int16Test, ExtremesHaveTheBitsOfTheScalarSet) {
  TestRandom random(2);
  constexpr int kK = 400, kRows = 20;
  for (int round = 0; round < 20; ++round) {
    const auto w = random.normals(kRows * kK), x = random.extremes(7 * kK);
    const Int16Panels weights = panels_of(w, kRows, kK);
    EXPECT_TRUE(
        same_bits(product(scalar_kernels(), weights, x, kK, {}, false), product(set(), weights, x, kK, {}, false)));
  }
  // Every code the largest there is, of one sign: the integer sum of a whole group is the largest too.
  const std::vector<float> ones(size_t{kInt16Group} * 16, 1.0f), more(kInt16Group, 2.0f);
  const auto y = product(set(), panels_of(ones, 16, kInt16Group), more, kInt16Group, {}, false);
  for (const float value : y) EXPECT_NEAR(value, 2.0f * kInt16Group, 1e-3);
}

TEST_P(Int16Test, AColumnHasTheSameBitsInAnyCompany) {
  TestRandom random(3);
  constexpr int kK = 416, kRows = 48;
  const Int16Panels weights = panels_of(random.normals(kRows * kK), kRows, kK);
  const auto x = random.normals(31 * kK);
  const auto together = product(set(), weights, x, kK, {}, false);
  for (size_t c = 0; c < 31; ++c) {
    const std::vector<float> one(x.begin() + static_cast<ptrdiff_t>(c * kK),
                                 x.begin() + static_cast<ptrdiff_t>((c + 1) * kK));
    const auto alone = product(set(), weights, one, kK, {}, false);
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), together.begin() + static_cast<ptrdiff_t>(c * kRows)));
  }
}

struct Qkv {
  std::vector<float> values;  // [tokens, 3, dim]
  int tokens, dim;
};

std::vector<float> attended(const KernelSet& set, const Qkv& in) {
  const auto dim = static_cast<size_t>(in.dim), tokens = static_cast<size_t>(in.tokens);
  const Int16ScratchMemory scratch(in.tokens, in.dim);
  std::vector<float> out(tokens * dim);
  int16_kernels(set.isa).attention({.q = in.values.data(),
                                    .k = in.values.data() + dim,
                                    .v = in.values.data() + 2 * dim,
                                    .stride = 3 * dim,
                                    .out = out.data(),
                                    .out_stride = dim,
                                    .tokens = in.tokens,
                                    .head_dim = in.dim,
                                    .scale = static_cast<float>(1 / std::sqrt(static_cast<double>(in.dim))),
                                    .scratch = scratch.view()});
  return out;
}

std::vector<double> exact_attention(const Qkv& in) {
  const auto dim = static_cast<size_t>(in.dim), tokens = static_cast<size_t>(in.tokens);
  const auto at = [&](size_t token, size_t part, size_t d) {
    return static_cast<double>(in.values[(token * 3 + part) * dim + d]);
  };
  std::vector<double> out(tokens * dim), shares(tokens);
  for (size_t i = 0; i < tokens; ++i) {
    double total = 0;
    for (size_t t = 0; t < tokens; ++t) {
      double score = 0;
      for (size_t d = 0; d < dim; ++d) score += at(i, 0, d) * at(t, 1, d);
      total += shares[t] = std::exp(score / std::sqrt(static_cast<double>(in.dim)));
    }
    for (size_t d = 0; d < dim; ++d) {
      for (size_t t = 0; t < tokens; ++t) out[i * dim + d] += shares[t] / total * at(t, 2, d);
    }
  }
  return out;
}

TEST_P(Int16Test, AttentionHasTheBitsOfTheScalarSetAndIsAccurate) {
  TestRandom random(4);
  for (const int dim : {16, 32, 64, 128, 256}) {
    for (const int tokens : {1, 2, 15, 16, 17, 48, 49, 131}) {
      const Qkv in{random.normals(static_cast<size_t>(tokens) * 3 * static_cast<size_t>(dim)), tokens, dim};
      const auto found = attended(set(), in);
      EXPECT_TRUE(same_bits(attended(scalar_kernels(), in), found)) << dim << " " << tokens;
      const auto expected = exact_attention(in);
      for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 6e-3) << dim << " " << tokens;
    }
  }
}

TEST_P(Int16Test, ZerosGiveZeros) {
  const Qkv in{std::vector<float>(5 * 3 * 32), 5, 32};
  EXPECT_EQ(attended(set(), in), std::vector<float>(5 * 32));
  const auto y = product(set(), panels_of(std::vector<float>(64), 2, 32), std::vector<float>(32), 32, {}, false);
  EXPECT_EQ(y, std::vector<float>(2));
}

}  // namespace
}  // namespace studio::engine
