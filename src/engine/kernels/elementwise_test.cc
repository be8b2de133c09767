#include <algorithm>

#include "engine/kernels/kernel_test_util.h"
#include "engine/kernels/rope_table.h"

namespace studio::engine {
namespace {

class ElementwiseTest : public testing::TestWithParam<const KernelSet*> {
 protected:
  const KernelSet& set() const { return *GetParam(); }
};
INSTANTIATE_TEST_SUITE_P(Sets, ElementwiseTest, testing::ValuesIn(available_kernels()), set_name);

double ulps(float found, double exact) {
  const auto nearest = static_cast<float>(exact);
  const double unit = static_cast<double>(std::nextafter(std::fabs(nearest), INFINITY)) - std::fabs(nearest);
  return std::fabs(static_cast<double>(found) - exact) / unit;
}

TEST_P(ElementwiseTest, ExpIsWithinTheStatedError) {
  std::vector<float> x;
  for (uint32_t bits = 0; bits < 0x7f800000u; bits += 20'011) {
    x.push_back(std::bit_cast<float>(bits));
    x.push_back(std::bit_cast<float>(bits | 0x80000000u));
  }
  std::vector<float> y(x.size()), reference(x.size());
  set().exp(y.data(), x.data(), x.size());
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    if (x[i] > 88.72283f) {
      EXPECT_EQ(y[i], INFINITY);
    } else if (x[i] < -87.33654f) {
      EXPECT_EQ(y[i], 0.0f);
    } else {
      worst = std::max(worst, ulps(y[i], std::exp(static_cast<double>(x[i]))));
    }
  }
  EXPECT_LT(worst, 1.0);
  RecordProperty("worst_ulp", std::to_string(worst));
  scalar_kernels().exp(reference.data(), x.data(), x.size());
  EXPECT_TRUE(same_bits(reference, y));

  const std::vector<float> special = {0.0f, -0.0f, -INFINITY, INFINITY};
  std::vector<float> found(4);
  set().exp(found.data(), special.data(), 4);
  EXPECT_TRUE(same_bits(found, {1.0f, 1.0f, 0.0f, INFINITY}));
}

TEST_P(ElementwiseTest, RmsNormHasTheBitsOfTheScalarSetAndIsAccurate) {
  TestRandom random(1);
  for (int k : {1, 7, 16, 64, 100, 896, 1536}) {
    const auto n = static_cast<size_t>(k);
    const std::vector<float> x = random.normals(3 * n), w = random.normals(n);
    const NormInput in{.x = x.data(), .stride = n, .weight = w.data(), .eps = 1e-6f, .k = k};
    std::vector<float> y(3 * n), reference(3 * n);
    set().rms_norm(in, y.data(), n, 0, 3);
    scalar_kernels().rms_norm(in, reference.data(), n, 0, 3);
    EXPECT_TRUE(same_bits(reference, y)) << k;
    for (size_t c = 0; c < 3; ++c) {
      double squares = 0;
      for (size_t i = 0; i < n; ++i) squares += static_cast<double>(x[c * n + i]) * static_cast<double>(x[c * n + i]);
      const double factor = 1 / std::sqrt(squares / k + 1e-6);
      for (size_t i = 0; i < n; ++i) {
        const double exact = static_cast<double>(x[c * n + i]) * factor * static_cast<double>(w[i]);
        EXPECT_NEAR(y[c * n + i], exact, 1e-5 * std::fabs(exact) + 1e-9);
      }
    }
  }
}

TEST_P(ElementwiseTest, ProducersQuantiseToTheBitsOfTheScalarSet) {
  TestRandom random(2);
  for (int columns : {1, 2, 8, 9, 16, 17, 35}) {
    for (int k : {32, 64, 96, 896}) {
      const auto n = static_cast<size_t>(k);
      const size_t total = static_cast<size_t>(columns) * n;
      const std::vector<float> x = random.extremes(total), u = random.normals(total), w = random.normals(n);
      const NormInput in{.x = x.data(), .stride = n, .weight = w.data(), .eps = 1e-5f, .k = k};
      for (const ActivationParts parts : {ActivationParts{true, true}, {true, false}, {false, true}}) {
        Activations found(64, 1024, parts), expected(64, 1024, parts);
        found.reset(columns, k);
        expected.reset(columns, k);
        const int part = k / 64 * 32;
        set().quantize(x.data(), n, found.view(), 0, columns, part, k);
        set().quantize(x.data(), n, found.view(), 0, columns, 0, part);
        scalar_kernels().quantize(x.data(), n, expected.view(), 0, columns, 0, expected.view().k);
        EXPECT_TRUE(same_bits(contents(expected), contents(found))) << "quantize " << columns << " x " << k;

        set().rms_norm_quantize(in, found.view(), 0, columns, part, k);
        set().rms_norm_quantize(in, found.view(), 0, columns, 0, part);
        scalar_kernels().rms_norm_quantize(in, expected.view(), 0, columns, 0, expected.view().k);
        EXPECT_TRUE(same_bits(contents(expected), contents(found))) << "norm " << columns << " x " << k;

        const std::vector<float> gate = random.normals(total);
        const int cut = k / 64 * 32;
        set().swiglu_quantize(gate.data(), u.data(), n, found.view(), 0, columns, 0, cut);
        set().swiglu_quantize(gate.data() + cut, u.data() + cut, n, found.view(), 0, columns, cut, k);
        scalar_kernels().swiglu_quantize(gate.data(), u.data(), n, expected.view(), 0, columns, 0, k);
        EXPECT_TRUE(same_bits(contents(expected), contents(found))) << "swiglu " << columns << " x " << k;
      }
    }
  }
}

TEST_P(ElementwiseTest, QuantisesWhatTheFirstTermLeavesAsTheSecond) {
  TestRandom random(4);
  const std::vector<float> x = random.normals(2 * 96);
  Activations fine(2, 96, {.max_terms = 2}), plain(2, 96, {});
  fine.reset(2, 96, 2);
  set().quantize(x.data(), 96, fine.view(), 0, 2, 0, fine.view().k);
  set().quantize(x.data(), 96, plain.view(), 0, 2, 0, plain.view().k);
  // Of one column the first term, then the second; both columns of both terms lie in one group of four.
  std::vector<float> left(2 * 96);
  for (size_t c = 0; c < 2; ++c) {
    for (size_t k = 0; k < 96; ++k) {
      const size_t block = k / 32, of_plain = (block * 2 + c) * 32 + k % 32,
                   of_fine = (block * 4 + 2 * c) * 32 + k % 32;
      EXPECT_EQ(fine.view().codes[of_fine], plain.view().codes[of_plain]);
      left[c * 96 + k] = std::fma(-plain.view().scales[block * 2 + c], static_cast<float>(plain.view().codes[of_plain]),
                                  x[c * 96 + k]);
    }
  }
  set().quantize(left.data(), 96, plain.view(), 0, 2, 0, plain.view().k);
  for (size_t c = 0; c < 2; ++c) {
    for (size_t k = 0; k < 96; ++k) {
      const size_t block = k / 32;
      EXPECT_EQ(fine.view().codes[(block * 4 + 2 * c + 1) * 32 + k % 32],
                plain.view().codes[(block * 2 + c) * 32 + k % 32]);
      EXPECT_EQ(fine.view().scales[block * 4 + 2 * c + 1], plain.view().scales[block * 2 + c]);
      EXPECT_EQ(fine.view().sums[block * 4 + 2 * c + 1], plain.view().sums[block * 2 + c]);
    }
  }
}

TEST_P(ElementwiseTest, TheFirstTermsAreWhatOneTermIs) {
  TestRandom random(5);
  const ActivationParts one{.values = true}, two{.values = true, .max_terms = 2};
  for (const int columns : {1, 3, 5, 8, 9, 20}) {  // one and two terms lie in groups of the same and of other widths
    const int k = 96;
    const std::vector<float> x = random.normals(static_cast<size_t>(columns * k));
    Activations fine(columns, k, two), expected(columns, k, one), found(columns, k, one);
    fine.reset(columns, k, 2);
    set().quantize(x.data(), k, fine.view(), 0, columns, 0, fine.view().k);
    set().quantize(x.data(), k, expected.view(), 0, columns, 0, expected.view().k);
    found.take_first_terms(fine, columns / 2, columns, 0, k);
    found.take_first_terms(fine, 0, columns / 2, 64, k);
    found.take_first_terms(fine, 0, columns / 2, 0, 64);
    EXPECT_TRUE(same_bits(contents(expected), contents(found))) << columns << " columns";
  }
}

TEST_P(ElementwiseTest, QuantisesAsDefined) {
  TestRandom random(3);
  const std::vector<float> x = random.extremes(320);
  Activations a(1, 320, {});
  set().quantize(x.data(), 320, a.view(), 0, 1, 0, a.view().k);
  for (size_t b = 0; b < 10; ++b) {
    float amax = 0;
    for (size_t i = 0; i < 32; ++i) amax = std::max(amax, std::fabs(x[32 * b + i]));
    const float scale = a.view().scales[b];
    EXPECT_EQ(scale, defined_scale(amax));
    EXPECT_TRUE(scale == 0 || (127 * scale >= 0.999999f * amax && 127 * scale < 1.26f * amax)) << scale << " " << amax;
    EXPECT_EQ(std::ldexp(1 + 0.25f * static_cast<float>(a.view().quarters[b] / 16), a.view().exponents[b] >> 23),
              scale == 0 ? 1 : scale);
    int sum = 0;
    for (size_t i = 0; i < 32; ++i) {
      const int code = a.view().codes[32 * b + i];
      const int expected = scale == 0 ? 0 : static_cast<int>(std::nearbyint(x[32 * b + i] * (1 / scale)));
      EXPECT_EQ(code, std::clamp(expected, -127, 127));
      sum += code;
    }
    EXPECT_EQ(a.view().minus_sums[b], -128 * sum);
    EXPECT_EQ(a.view().minus_halves[2 * b] + a.view().minus_halves[2 * b + 1], -128 * sum);
    EXPECT_EQ(a.view().sums[b], static_cast<float>(sum) * a.view().scales[b]);
  }
  EXPECT_EQ(*a.view().wild, 0);
  const std::vector<float> huge(32, 0x1p110f);
  Activations past(1, 32, {});
  set().quantize(huge.data(), 32, past.view(), 0, 1, 0, past.view().k);
  EXPECT_NE(*past.view().wild, 0);
}

TEST_P(ElementwiseTest, SwigluIsAccurateToTheEndsOfTheRange) {
  std::vector<float> gate, up;
  for (float g = -120; g < 120; g += 0.37f) {
    gate.push_back(g);
    up.push_back(0.75f);
  }
  const int k = static_cast<int>(gate.size());
  Activations a(1, k, {.codes = false, .values = true});
  set().swiglu_quantize(gate.data(), up.data(), gate.size(), a.view(), 0, 1, 0, k);
  for (size_t i = 0; i < gate.size(); ++i) {
    const double g = static_cast<double>(gate[i]), exact = g / (1 + std::exp(-g)) * 0.75;
    EXPECT_NEAR(a.view().values[i], exact, 1e-6 * std::fabs(exact) + 1e-36) << gate[i];
  }
}

TEST_P(ElementwiseTest, RopeRotatesPairsByThePositionsAngle) {
  TestRandom random(4);
  for (const bool interleaved : {false, true}) {
    for (const auto [dim, rotary] : {std::pair{64, 64}, {128, 128}, {64, 32}, {20, 10}}) {
      RopeTable table(rotary, 10000.0, {}, 4096);
      const std::vector<int32_t> positions = {0, 1, 777, 4095};
      const auto pairs = static_cast<size_t>(rotary / 2), d = static_cast<size_t>(dim);
      std::vector<float> cos(4 * pairs), sin(4 * pairs);
      table.gather(positions, cos.data(), sin.data());
      const std::vector<float> x = random.normals(4 * 3 * d);
      std::vector<float> y = x, reference = x;
      RopeArgs args{.x = y.data(),
                    .stride = 3 * d,
                    .heads = 3,
                    .head_dim = dim,
                    .rotary_dim = rotary,
                    .interleaved = interleaved,
                    .cos = cos.data(),
                    .sin = sin.data()};
      set().rope(args, 0, 4);
      args.x = reference.data();
      scalar_kernels().rope(args, 0, 4);
      EXPECT_TRUE(same_bits(reference, y));
      for (size_t c = 0; c < 4; ++c) {
        for (size_t h = 0; h < 3; ++h) {
          for (size_t i = 0; i < pairs; ++i) {
            const size_t head = (c * 3 + h) * d;
            const size_t first = head + (interleaved ? 2 * i : i), second = interleaved ? first + 1 : first + pairs;
            const double angle = positions[c] * std::pow(10000.0, -2.0 * static_cast<double>(i) / rotary);
            const double x1 = static_cast<double>(x[first]), x2 = static_cast<double>(x[second]);
            EXPECT_NEAR(y[first], x1 * std::cos(angle) - x2 * std::sin(angle), 1e-6);
            EXPECT_NEAR(y[second], x2 * std::cos(angle) + x1 * std::sin(angle), 1e-6);
          }
          for (size_t i = 2 * pairs; i < d; ++i) EXPECT_EQ(y[(c * 3 + h) * d + i], x[(c * 3 + h) * d + i]);
        }
      }
    }
  }
}

TEST_P(ElementwiseTest, SumsAndMaximaHaveTheBitsOfTheScalarSet) {
  TestRandom random(5);
  for (size_t n : {size_t{1}, size_t{5}, size_t{16}, size_t{31}, size_t{1000}, size_t{151'936}}) {
    std::vector<float> x = random.normals(n);
    for (float& v : x) v *= 8;
    const float top = *std::max_element(x.begin(), x.end());
    EXPECT_EQ(set().max(x.data(), n), top);
    double exact = 0;
    for (float v : x) exact += std::exp(static_cast<double>(v) - static_cast<double>(top));
    const float sum = set().sum_exp(x.data(), n, top);
    EXPECT_NEAR(sum, exact, 1e-5 * exact);
    EXPECT_EQ(sum, scalar_kernels().sum_exp(x.data(), n, top));
    std::vector<float> y = random.normals(n), expected = y;
    set().add(y.data(), x.data(), n);
    for (size_t i = 0; i < n; ++i) expected[i] += x[i];
    EXPECT_TRUE(same_bits(expected, y));
  }
}

}  // namespace
}  // namespace studio::engine
