#include "engine/kernels/matmul.h"

#include <algorithm>
#include <array>

#include "engine/formats/block_fields.h"
#include "engine/kernels/matmul_test_util.h"
#include "engine/tensor/half.h"

namespace studio::engine {
namespace {

// The numerics class of quantised products (numerics.md, sections 2 and 3), written from the file's blocks in the
// plainest way. Every kernel set must give these bits.
float defined_product(DType type, const uint8_t* row, const float* x, int k) {
  float acc = 0;
  for (int b = 0; b < k / 32; ++b, x += 32) {
    float amax = 0;
    for (int i = 0; i < 32; ++i) amax = std::max(amax, std::fabs(x[i]));
    const float as = defined_scale(amax), inverse = as == 0 ? 0 : 1 / as;
    int q[32], sum[2] = {0, 0};
    for (int i = 0; i < 32; ++i) {
      q[i] = std::clamp(static_cast<int>(std::nearbyint(x[i] * inverse)), -127, 127);
      sum[i / 16] += q[i];
    }
    const float asum = static_cast<float>(sum[0] + sum[1]) * as;

    uint8_t codes[kBlock32];
    Scales32 s;
    unpack_block32(type, row, static_cast<size_t>(b), codes);
    unpack_scales32(type, row, static_cast<size_t>(b), s);
    const bool is_iq4 = type == DType::kIQ4_NL || type == DType::kIQ4_XS;
    int dot[2] = {0, 0};
    for (int i = 0; i < 32; ++i) {
      dot[i / 16] += q[i] * (is_iq4 ? kIq4NlValues[codes[i]] : codes[i] - code_offset(type));
    }
    const float d = f16_to_f32(s.d_f16), m = f16_to_f32(s.m_f16);
    if (scale_group(type) == 16) {
      for (int h = 0; h < 2; ++h)
        acc = std::fma(static_cast<float>(dot[h]), d * static_cast<float>(s.scale[h]) * as, acc);
    } else {
      acc = std::fma(static_cast<float>(dot[0] + dot[1]), d * static_cast<float>(s.scale[0]) * as, acc);
    }
    if (type == DType::kQ4_1 || type == DType::kQ5_1) acc = std::fma(m, asum, acc);
    if (type == DType::kQ4_K || type == DType::kQ5_K) acc = std::fma(-(m * static_cast<float>(s.min[0])), asum, acc);
    if (type == DType::kQ2_K) {
      acc = std::fma(static_cast<float>(s.min[0] * sum[0] + s.min[1] * sum[1]), -m * as, acc);
    }
  }
  return acc;
}

float defined_product_of_floats(const std::vector<float>& row, const float* x) {
  float acc = 0;
  for (size_t i = 0; i < row.size(); ++i) acc = std::fma(row[i], x[i], acc);
  return acc;
}

std::vector<float> defined_products(const Problem& p) {
  std::vector<float> y;
  std::vector<float> row(static_cast<size_t>(p.k));
  for (int c = 0; c < p.columns; ++c) {
    for (int r = 0; r < p.rows; ++r) {
      const uint8_t* bytes = p.data.data() + static_cast<size_t>(r) * row_bytes(p.type, row.size());
      const float* x = p.x.data() + static_cast<size_t>(c) * row.size();
      if (is_quantised(p.type)) {
        y.push_back(defined_product(p.type, bytes, x, p.k));
      } else {
        decode_row(p.type, bytes, row.data(), row.size());
        y.push_back(defined_product_of_floats(row, x));
      }
    }
  }
  return y;
}

class MatmulTest : public testing::TestWithParam<DTypeTraits> {
 protected:
  DType type() const { return GetParam().type; }
};
INSTANTIATE_TEST_SUITE_P(Types, MatmulTest, testing::ValuesIn(kDTypes),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(MatmulTest, GivesTheDefinedBitsInEverySet) {
  TestRandom random(11);
  for (int columns = 1; columns <= 40; columns += columns < 18 ? 1 : 7) {
    const int rows = 1 + random.below(50), k = smallest_k(type()) * (1 + random.below(5));
    const Problem problem(type(), rows, k, columns, static_cast<uint64_t>(columns), columns % 3 == 0);
    const std::vector<float> expected = defined_products(problem);
    for (const KernelSet* set : available_kernels()) {
      ASSERT_TRUE(same_bits(expected, problem.product(*set)))
          << set->name << ": " << rows << " x " << k << ", " << columns << " columns";
    }
  }
}

TEST_P(MatmulTest, GivesTheSameBitsOverLongRowsAndManyColumns) {
  // Longer than a strip, more columns than a strip serves, a tail in both.
  const Problem problem(type(), 33, smallest_k(type()) * (is_quantised(type()) ? 2816 / smallest_k(type()) : 50), 300,
                        5, true);
  const std::vector<float> expected = problem.product(*available_kernels().back());
  for (const KernelSet* set : available_kernels()) {
    EXPECT_TRUE(same_bits(expected, problem.product(*set))) << set->name;
  }
  // A column gives the same alone as among 300.
  for (int column : {0, 7, 8, 17, 255, 256, 299}) {
    const std::vector<float> alone = problem.product(*available_kernels().back(), column, 1);
    const auto at = expected.begin() + column * problem.rows;
    EXPECT_TRUE(same_bits(alone, std::vector<float>(at, at + problem.rows))) << "column " << column;
  }
}

TEST_P(MatmulTest, AddsTheProductsOfTwoTerms) {
  if (!is_quantised(type())) return;  // terms are of codes
  for (int columns : {1, 2, 3, 4, 5, 9, 10, 13, 40, 150}) {
    const Problem problem(type(), 21, smallest_k(type()) * 2, columns, 9, false);
    const auto k = static_cast<size_t>(problem.k), n = static_cast<size_t>(columns);
    // The second term alone is the product of what the first leaves over.
    Problem rest(type(), 21, smallest_k(type()) * 2, columns, 9, false);  // the same weights
    for (size_t c = 0; c < n; ++c) {
      for (size_t b = 0; b < k; b += 32) {
        const float* x = problem.x.data() + c * k + b;
        float amax = 0;
        for (size_t i = 0; i < 32; ++i) amax = std::max(amax, std::fabs(x[i]));
        const float scale = defined_scale(amax);
        for (size_t i = 0; i < 32; ++i) {
          rest.x[c * k + b + i] = std::fma(0 - scale, std::nearbyint(x[i] * (1 / scale)), x[i]);
        }
      }
    }
    const std::vector<float> first = problem.product(scalar_kernels()), second = rest.product(scalar_kernels());
    std::vector<float> expected = first;
    for (size_t i = 0; i < expected.size(); ++i) expected[i] = first[i] + second[i];
    for (const KernelSet* set : available_kernels()) {
      Activations a(columns, problem.k, {.max_terms = 2});
      a.reset(columns, problem.k, 2);
      set->quantize(problem.x.data(), k, a.view(), 0, columns, 0, a.view().k);
      std::vector<float> y(expected.size());
      set->matmul(problem.weights.view(), a.view(), {.out = y.data(), .stride = 21}, 0, problem.weights.panels());
      EXPECT_TRUE(same_bits(expected, y)) << set->name << ", " << columns << " columns";
    }
  }
}

TEST_P(MatmulTest, RefinesTheRowsThatAreNotFarBelow) {
  if (!is_quantised(type())) return;  // terms are of codes
  for (int columns : {1, 3, 5, 20}) {
    const Problem problem(type(), 77, smallest_k(type()) * 2, columns, 12, false);
    const auto k = static_cast<size_t>(problem.k);
    for (const KernelSet* set : available_kernels()) {
      Activations fine(columns, problem.k, {.max_terms = 2});
      fine.reset(columns, problem.k, 2);
      set->quantize(problem.x.data(), k, fine.view(), 0, columns, 0, fine.view().k);
      const std::vector<float> first = problem.product(*set);
      std::vector<float> both(first.size()), found = first;
      set->matmul(problem.weights.view(), fine.view(), {.out = both.data(), .stride = 77}, 0, 5);
      for (int c = 0; c < columns; ++c) {
        float* y = found.data() + c * 77;
        const float least = y[40];
        set->refine(problem.weights.view(), fine.view(), c, least, y, 0, 2);
        set->refine(problem.weights.view(), fine.view(), c, least, y, 2, 5);
        for (size_t r = 0, at = static_cast<size_t>(c) * 77; r < 77; ++r, ++at) {
          EXPECT_EQ(found[at], first[at] < least ? first[at] : both[at]) << set->name << " " << c << " " << r;
        }
      }
    }
  }
}

TEST_P(MatmulTest, IsCloseToExactArithmetic) {
  const Problem problem(type(), 24, smallest_k(type()) * 4, 9, 6, false);
  const std::vector<float> found = problem.product(scalar_kernels());
  const auto k = static_cast<size_t>(problem.k);
  std::vector<float> row(k);
  for (int c = 0; c < problem.columns; ++c) {
    for (int r = 0; r < problem.rows; ++r) {
      decode_row(type(), problem.data.data() + static_cast<size_t>(r) * row_bytes(type(), k), row.data(), k);
      const float* x = problem.x.data() + static_cast<size_t>(c) * k;
      double exact = 0, bound = 0;
      for (size_t i = 0; i < k; ++i) {
        exact += static_cast<double>(row[i]) * static_cast<double>(x[i]);
        // A code is off by half a step of at most 3 / 127 (|x| <= 3); f32 rounding adds a little of the magnitude.
        bound += std::fabs(static_cast<double>(row[i])) * (is_quantised(type()) ? 0.5 * 3 / 127 + 1e-5 : 1e-5);
      }
      EXPECT_NEAR(found[static_cast<size_t>(c * problem.rows + r)], exact, bound + 1e-6);
    }
  }
}

TEST_P(MatmulTest, MayBeCutAnywhereAndAddsOrBiasesItsOutput) {
  const Problem problem(type(), 77, smallest_k(type()) * 2, 11, 7, false);
  TestRandom random(8);
  const std::vector<float> bias = random.normals(77);
  for (const KernelSet* set : available_kernels()) {
    const std::vector<float> plain = problem.product(*set);
    const Activations input = problem.input(*set, 0, 11);
    constexpr size_t kStride = 100;
    std::vector<float> out = random.normals(11 * kStride);
    const std::vector<float> before = out;
    for (int p = 0; p < 5; ++p) {
      set->matmul(problem.weights.view(), input.view(),
                  {.out = out.data(), .stride = kStride, .bias = bias.data(), .add = true}, p, p + 1);
    }
    std::vector<float> expected = before;
    for (size_t c = 0; c < 11; ++c) {
      for (size_t r = 0; r < 77; ++r) {
        const float biased = plain[c * 77 + r] + bias[r];
        expected[c * kStride + r] = before[c * kStride + r] + biased;
      }
    }
    EXPECT_TRUE(same_bits(expected, out)) << set->name;
  }
}

TEST(Matmul, RunsSeveralJobsOverThePoolWithTheSameBits) {
  const Problem q(DType::kQ5_0, 200, 96, 3, 1, false), k(DType::kQ8_0, 40, 96, 3, 2, false);
  const KernelSet& set = *available_kernels().back();
  const Activations input = q.input(set, 0, 3);
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    std::vector<float> yq(600), yk(120), alone(120);
    const MatmulJob jobs[] = {{&q.weights, &input, {.out = yq.data(), .stride = 200}},
                              {&k.weights, &input, {.out = yk.data(), .stride = 40}}};
    run_matmuls(set, pool, jobs);
    EXPECT_TRUE(same_bits(yq, q.product(set)));
    set.matmul(k.weights.view(), input.view(), {.out = alone.data(), .stride = 40}, 0, 3);
    EXPECT_TRUE(same_bits(yk, alone));
  }
}

// For every cut over threads and chunks: the products, then swiglu, each by itself.
TEST(Matmul, GatesRowsWhereTheyAreComputedWithTheSameBits) {
  struct Shape {
    DType type;
    int rows, k;
  };
  for (const Shape& shape : {Shape{DType::kQ5_0, 32, 64}, {DType::kQ4_K, 1120, 256}, {DType::kF16, 72, 40}}) {
    for (int columns : {1, 2, 9, 33, 512}) {
      const Problem gate(shape.type, shape.rows, shape.k, columns, 3, false);
      const Problem up(shape.type, shape.rows, shape.k, columns, 4, false);
      const ActivationParts parts{.codes = is_quantised(shape.type), .values = true};
      for (const KernelSet* set : available_kernels()) {
        const Activations input = gate.input(*set, 0, columns);
        Activations expected(columns, shape.rows, parts);
        const std::vector<float> open = [&] {
          std::vector<float> y(static_cast<size_t>(columns) * static_cast<size_t>(shape.rows));
          set->matmul(up.weights.view(), input.view(), {.out = y.data(), .stride = static_cast<size_t>(shape.rows)}, 0,
                      up.weights.panels());
          return y;
        }();
        set->swiglu_quantize(gate.product(*set).data(), open.data(), static_cast<size_t>(shape.rows), expected.view(),
                             0, columns, 0, shape.rows);
        for (int threads : {1, 3}) {
          ThreadPool pool(threads);
          GatedProduct product(*set, pool, columns);
          Activations found(columns, shape.rows, parts);
          product.run(gate.weights, up.weights, input, found);
          EXPECT_TRUE(same_bits(contents(expected), contents(found)))
              << set->name << " " << dtype_name(shape.type) << " " << columns << " columns, " << threads << " threads";
        }
      }
    }
  }
}

TEST(Matmul, SurvivesTheExtremesOfCodesAndActivations) {
  // Every weight code at its ends against activations of one magnitude: the largest integer sums there are.
  for (const DTypeTraits& traits : kDTypes) {
    if (!is_quantised(traits.type)) continue;
    for (uint8_t fill : {0x00, 0xff, 0x80, 0x7f}) {
      const int k = static_cast<int>(traits.block_elements) * 2;
      std::vector<uint8_t> data(16 * row_bytes(traits.type, static_cast<size_t>(k)), fill);
      const PanelMatrix probe = panels_of(traits.type, 16, k, data);
      std::vector<float> x(static_cast<size_t>(k), 127.0f);
      for (size_t i = 0; i < x.size(); i += 3) x[i] = fill % 2 == 0 ? 127.0f : -127.0f;
      std::vector<float> first;
      for (const KernelSet* set : available_kernels()) {
        Activations a(1, k, {});
        set->quantize(x.data(), x.size(), a.view(), 0, 1, 0, a.view().k);
        std::vector<float> y(16);
        set->matmul(probe.view(), a.view(), {.out = y.data(), .stride = 16}, 0, 1);
        for (float& value : y) value = std::isnan(value) ? 0 : value;  // the sign of a NaN is no one's promise
        if (first.empty()) first = y;
        EXPECT_TRUE(same_bits(first, y)) << set->name << " " << traits.name << " " << int{fill};
      }
    }
  }
}

}  // namespace
}  // namespace studio::engine
