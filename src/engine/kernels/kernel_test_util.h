// What the kernel tests share: random inputs with their extremes, exact comparison, weights of any type.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/formats/block_codec.h"
#include "engine/formats/block_encode.h"
#include "engine/kernels/activations.h"
#include "engine/kernels/kernel_set.h"
#include "engine/kernels/panel_matrix.h"

namespace studio::engine {

// A small generator with the same sequence everywhere (xorshift64*, Vigna 2016).
class TestRandom {
 public:
  explicit TestRandom(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ull + 1) {}

  uint64_t bits() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1dull;
  }
  int below(int n) { return static_cast<int>(bits() >> 33) % n; }
  float uniform() { return static_cast<float>(bits() >> 40) * 0x1p-23f - 1.0f; }  // [-1, 1)
  // Roughly normal.
  float normal() { return uniform() + uniform() + uniform(); }

  std::vector<float> normals(size_t n) {
    std::vector<float> v(n);
    for (float& x : v) x = normal();
    return v;
  }
  // Normals with stretches of zeros, one magnitude, huge, tiny and denormal values.
  std::vector<float> extremes(size_t n) {
    std::vector<float> v(n);
    for (size_t i = 0; i < n; i += 16) {
      const int kind = below(12);
      for (size_t j = i; j < n && j < i + 16; ++j) {
        const float x = normal();
        switch (kind) {
          case 0:
            v[j] = 0;
            break;
          case 1:
            v[j] = below(2) == 0 ? 3.5f : -3.5f;
            break;
          case 2:
            v[j] = x * 1e18f;
            break;
          case 3:
            v[j] = x * 1e-18f;
            break;
          case 4:
            v[j] = x * 1e-39f;
            break;
          default:
            v[j] = x;
        }
      }
    }
    return v;
  }

 private:
  uint64_t state_;
};

// Rows as a GGUF file holds them, with every code and scale that finite values allow: random bytes where they decode to
// numbers of moderate size, encoded normals where not.
inline std::vector<uint8_t> random_rows(DType type, int rows, int k, TestRandom& random) {
  const size_t n = static_cast<size_t>(k);
  std::vector<uint8_t> data;
  std::vector<float> values(n);
  for (int r = 0; r < rows; ++r) {
    std::vector<uint8_t> row(row_bytes(type, n));
    encode_row(type, random.normals(n).data(), row.data(), n);
    if (is_quantised(type)) {
      for (size_t block = 0; block < n / block_elements(type); ++block) {
        std::vector<uint8_t> bytes(block_bytes(type));
        for (uint8_t& b : bytes) b = static_cast<uint8_t>(random.bits() >> 56);
        std::vector<float> decoded(block_elements(type));
        decode_row(type, bytes.data(), decoded.data(), decoded.size());
        bool moderate = true;
        for (float x : decoded) moderate = moderate && std::isfinite(x) && std::fabs(x) < 1e6f;
        if (moderate) std::copy(bytes.begin(), bytes.end(), row.begin() + static_cast<ptrdiff_t>(block * bytes.size()));
      }
    }
    data.insert(data.end(), row.begin(), row.end());
  }
  return data;
}

inline PanelMatrix panels_of(DType type, int rows, int k, const std::vector<uint8_t>& data) {
  auto matrix = PanelMatrix::build(type, rows, k, data, nullptr);
  EXPECT_TRUE(matrix.ok());
  return std::move(*matrix);
}

// The scale of a block of activations by its largest magnitude, the plainest way (numerics.md, section 2): up from
// amax / 127 in steps of quarters of a power of two.
inline float defined_scale(float amax) {
  if (amax < 0x1p-92f) return 0;
  const float least = amax * 0x1.020408p-7f;
  float power = std::exp2(std::floor(std::log2(least)));
  while (power > least) power /= 2;
  while (power * 2 <= least) power *= 2;
  for (const float mantissa : {1.0f, 1.25f, 1.5f, 1.75f}) {
    if (mantissa * power >= least) return mantissa * power;
  }
  return 2 * power;
}

// Every float the same bits, NaN included.
inline testing::AssertionResult same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return testing::AssertionFailure() << "sizes " << a.size() << " and " << b.size();
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::bit_cast<uint32_t>(a[i]) != std::bit_cast<uint32_t>(b[i])) {
      return testing::AssertionFailure() << "index " << i << ": " << a[i] << " and " << b[i];
    }
  }
  return testing::AssertionSuccess();
}

inline std::string set_name(const testing::TestParamInfo<const KernelSet*>& info) {
  return info.param->name;
}

inline const KernelSet& scalar_kernels() {
  return *available_kernels().front();
}

// All parts of an Activations as one list of numbers, lanes without data left out.
inline std::vector<float> contents(const Activations& a) {
  const ActivationView& v = a.view();
  std::vector<float> all;
  const auto width = static_cast<size_t>(v.width), blocks = static_cast<size_t>(v.k / kActivationBlock);
  for (size_t n = 0; n < static_cast<size_t>(v.columns); ++n) {
    for (size_t b = 0; a.parts().codes && b < blocks; ++b) {
      const size_t row = (n / width * blocks + b) * width, at = row + n % width;
      for (size_t i = 0; i < 32; ++i) all.push_back(v.codes[at * 32 + i]);
      all.push_back(v.scales[at]);
      all.push_back(v.sums[at]);
      all.push_back(static_cast<float>(v.minus_sums[at]));
      all.push_back(static_cast<float>(v.exponents[at]));
      all.push_back(static_cast<float>(v.quarters[at]));
      all.push_back(static_cast<float>(v.minus_halves[2 * row + n % width]));
      all.push_back(static_cast<float>(v.minus_halves[2 * row + width + n % width]));
    }
    for (size_t i = 0; a.parts().values && i < static_cast<size_t>(v.k); ++i) {
      all.push_back(v.values[n * static_cast<size_t>(v.k) + i]);
    }
  }
  return all;
}

}  // namespace studio::engine
