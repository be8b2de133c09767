#include "engine/kernels/rope_table.h"

#include <bit>

namespace studio::engine {
namespace {

// Positions per block: with D = 128 a block is 32 KB and takes about 0.5 ms, of which a short first answer waits for
// one.
constexpr int kBlockPositions = 64;

// Nearest whole number, halves away from zero. |x| < 2^62.
int64_t nearest(double x) {
  return static_cast<int64_t>(x < 0 ? x - 0.5 : x + 0.5);
}

// 2^n for a normal result.
double power_of_two(int64_t n) {
  return std::bit_cast<double>(static_cast<uint64_t>(n + 1023) << 52);
}

// sum of c_i x^i with c_(i-1) = c_i * step(i): a Taylor series from its last term on.
double sine_series(double r) {  // |r| <= pi / 4; the term of degree 19 is below 2^-63
  const double square = r * r;
  double sum = 1;
  for (int i = 17; i >= 3; i -= 2) sum = 1 - square * sum / static_cast<double>(i * (i - 1));
  return r * sum;
}

double cosine_series(double r) {
  const double square = r * r;
  double sum = 1;
  for (int i = 18; i >= 2; i -= 2) sum = 1 - square * sum / static_cast<double>(i * (i - 1));
  return sum;
}

}  // namespace

double exact_log2(double x) {
  const auto bits = std::bit_cast<uint64_t>(x);
  int64_t exponent = static_cast<int64_t>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0xfffffffffffffull) | 0x3ff0000000000000ull);  // 1 <= m < 2
  if (m > 0x1.6a09e667f3bcdp+0) {                                                         // sqrt 2
    m *= 0.5;
    exponent += 1;
  }
  // ln m = 2 atanh t = 2 (t + t^3 / 3 + ...), |t| <= 0.1716: the term of degree 25 is below 2^-68.
  const double t = (m - 1) / (m + 1), square = t * t;
  double sum = 0;
  for (int i = 23; i >= 1; i -= 2) sum = sum * square + 1.0 / static_cast<double>(i);
  constexpr double kTwoOverLn2 = 2 * 0x1.71547652b82fep+0;
  return static_cast<double>(exponent) + t * sum * kTwoOverLn2;
}

double exact_exp2(double x) {
  const int64_t whole = nearest(x);
  const double r = (x - static_cast<double>(whole)) * 0x1.62e42fefa39efp-1;  // |r| <= ln 2 / 2
  double sum = 1;
  for (int i = 14; i >= 1; --i) sum = 1 + r * sum / static_cast<double>(i);
  return sum * power_of_two(whole);
}

void exact_sincos(double x, double& s, double& c) {
  // Minus the nearest multiple of pi / 2, whose first two parts have 30 bits: their products with n are exact.
  const int64_t n = nearest(x * 0x1.45f306dc9c883p-1);
  const auto turns = static_cast<double>(n);
  const double r = ((x - turns * 0x1.921fb54p+0) - turns * 0x1.10b46118p-30) - turns * 0x1.313198a2e0370p-61;
  const double sine = sine_series(r), cosine = cosine_series(r);
  switch (n & 3) {
    case 0:
      s = sine;
      c = cosine;
      break;
    case 1:
      s = cosine;
      c = -sine;
      break;
    case 2:
      s = -sine;
      c = -cosine;
      break;
    default:
      s = -cosine;
      c = sine;
  }
}

RopeTable::RopeTable(int rotary_dim, double base, std::span<const float> factors, int max_positions)
    : pairs_(rotary_dim / 2), blocks_(static_cast<size_t>((max_positions + kBlockPositions - 1) / kBlockPositions)) {
  const double log_base = exact_log2(base);
  for (int i = 0; i < pairs_; ++i) {
    const double frequency = exact_exp2(-2.0 * i / rotary_dim * log_base);
    const auto at = static_cast<size_t>(i);
    frequencies_.push_back(at < factors.size() ? frequency / static_cast<double>(factors[at]) : frequency);
  }
}

void RopeTable::compute_block(int block) {
  const auto pairs = static_cast<size_t>(pairs_);
  std::vector<float>& rows = blocks_[static_cast<size_t>(block)];
  rows.resize(static_cast<size_t>(kBlockPositions) * 2 * pairs);
  for (int p = 0; p < kBlockPositions; ++p) {
    float* row = rows.data() + static_cast<size_t>(p) * 2 * pairs;
    for (size_t i = 0; i < pairs; ++i) {
      double s = 0, c = 0;
      exact_sincos(frequencies_[i] * static_cast<double>(block * kBlockPositions + p), s, c);
      row[i] = static_cast<float>(c);
      row[pairs + i] = static_cast<float>(s);
    }
  }
}

void RopeTable::gather(std::span<const int32_t> positions, float* cos, float* sin) {
  const auto pairs = static_cast<size_t>(pairs_);
  for (int32_t position : positions) {
    const int block = position / kBlockPositions;
    if (blocks_[static_cast<size_t>(block)].empty()) compute_block(block);
    const float* row =
        blocks_[static_cast<size_t>(block)].data() + static_cast<size_t>(position % kBlockPositions) * 2 * pairs;
    for (size_t i = 0; i < pairs; ++i) {
      *cos++ = row[i];
      *sin++ = row[pairs + i];
    }
  }
}

}  // namespace studio::engine
