// Every set against plain loops, to the bit, and factors against their values.
#include "engine/kernels/factor_product.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "engine/kernels/factor_panels.h"
#include "engine/kernels/kernel_set.h"

namespace studio::engine {
namespace {

struct Problem {
  int rows, k, columns, code_bytes;
};

std::vector<float> random_values(size_t n, unsigned seed) {
  std::minstd_rand random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(n);
  for (float& value : values) value = normal(random);
  return values;
}

int code_at(const FactorView& view, int row, int k) {
  const size_t panel = static_cast<size_t>(row / kPanelRows), lane = static_cast<size_t>(row % kPanelRows);
  const size_t place = (panel * static_cast<size_t>(view.k) + static_cast<size_t>(k)) * kPanelRows + lane;
  if (view.code_bytes == 1) return static_cast<int8_t>(view.data[place]);
  return static_cast<int16_t>(view.data[2 * place] | view.data[2 * place + 1] << 8);
}

class FactorProductTest : public testing::TestWithParam<Problem> {};

TEST_P(FactorProductTest, EverySetAndCutEqualsPlainLoopsToTheBit) {
  const auto [rows, k, columns, code_bytes] = GetParam();
  const auto width = static_cast<size_t>(k), n = static_cast<size_t>(columns), stride = static_cast<size_t>(rows) + 3;
  auto factor = FactorPanels::build(random_values(static_cast<size_t>(rows) * width, 1), rows, k, FactorScales::kOfRows,
                                    code_bytes);
  ASSERT_TRUE(factor.ok());
  const std::vector<float> x = random_values(n * width, 2), before = random_values(n * stride, 3);
  for (const bool add : {false, true}) {
    std::vector<float> expected = before;
    for (size_t column = 0; column < n; ++column) {
      for (int row = 0; row < rows; ++row) {
        float acc = 0;
        for (int i = 0; i < k; ++i) {
          acc = std::fmaf(static_cast<float>(code_at(factor->view(), row, i)),
                          x[column * width + static_cast<size_t>(i)], acc);
        }
        float& y = expected[column * stride + static_cast<size_t>(row)];
        y = add ? y + acc : acc;
      }
    }
    for (const KernelSet* set : available_kernels()) {
      for (const int cut : {factor->panels(), 1, 3}) {
        std::vector<float> y = before;
        const MatmulOutput out{.out = y.data(), .stride = stride, .bias = nullptr, .add = add};
        for (int panel = 0; panel < factor->panels(); panel += cut) {
          const int end = std::min(factor->panels(), panel + cut);
          factor_product(set->isa)(factor->view(), x.data(), columns, out, panel, end);
        }
        EXPECT_EQ(y, expected) << set->name << ", cut " << cut << ", add " << add;
      }
    }
  }
}

TEST_P(FactorProductTest, AColumnDoesNotDependOnItsNeighbours) {
  const auto [rows, k, columns, code_bytes] = GetParam();
  const auto width = static_cast<size_t>(k), height = static_cast<size_t>(rows);
  auto factor = FactorPanels::build(random_values(height * width, 1), rows, k, FactorScales::kOfColumns, code_bytes);
  ASSERT_TRUE(factor.ok());
  const std::vector<float> x = random_values(static_cast<size_t>(columns) * width, 2);
  for (const KernelSet* set : available_kernels()) {
    std::vector<float> together(static_cast<size_t>(columns) * height), alone = together;
    const FactorProduct product = factor_product(set->isa);
    product(factor->view(), x.data(), columns, {.out = together.data(), .stride = height}, 0, factor->panels());
    for (size_t column = 0; column < static_cast<size_t>(columns); ++column) {
      product(factor->view(), x.data() + column * width, 1, {.out = alone.data() + column * height, .stride = height},
              0, factor->panels());
    }
    EXPECT_EQ(together, alone) << set->name;
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, FactorProductTest,
                         testing::Values(Problem{4, 8, 1, 2}, Problem{16, 896, 1, 2}, Problem{64, 96, 5, 2},
                                         Problem{150, 16, 7, 2}, Problem{33, 1, 3, 1}, Problem{256, 64, 33, 1},
                                         Problem{130, 4, 1, 1}),
                         [](const auto& info) {
                           const Problem& p = info.param;
                           return std::to_string(p.rows) + "x" + std::to_string(p.k) + "x" + std::to_string(p.columns) +
                                  "_" + std::to_string(8 * p.code_bytes);
                         });

TEST(FactorPanels, ACodeTimesItsScaleIsTheValueWithinHalfAScale) {
  constexpr int kRows = 21, kWidth = 10;
  std::vector<float> values = random_values(kRows * kWidth, 4);
  for (int i = 0; i < kWidth; ++i) values[static_cast<size_t>(3 * kWidth + i)] = 0;  // a row of zeros
  for (int row = 0; row < kRows; ++row)
    values[static_cast<size_t>(row * kWidth + 2)] *= 1e-6f;  // a column of small ones
  for (const auto which : {FactorScales::kOfRows, FactorScales::kOfColumns}) {
    for (const int code_bytes : {1, 2}) {
      auto factor = FactorPanels::build(values, kRows, kWidth, which, code_bytes);
      ASSERT_TRUE(factor.ok());
      for (int row = 0; row < kRows; ++row) {
        for (int k = 0; k < kWidth; ++k) {
          const float scale = factor->scales()[static_cast<size_t>(which == FactorScales::kOfRows ? row : k)];
          const float value = values[static_cast<size_t>(row * kWidth + k)];
          EXPECT_NEAR(scale * static_cast<float>(code_at(factor->view(), row, k)), value, scale * 0.501f);
        }
      }
    }
  }
}

}  // namespace
}  // namespace studio::engine
