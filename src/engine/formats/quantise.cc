#include "engine/formats/quantise.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/formats/block_encode.h"
#include "engine/formats/block_fields.h"
#include "engine/tensor/half.h"

namespace studio::engine {
namespace {

constexpr size_t kGroup = 32;    // elements with one scale and minimum
constexpr size_t kGroups = 8;    // of a Q4_K superblock
constexpr int kTopCode = 15;     // of 4 bits
constexpr int kTopScale = 63;    // of 6 bits
constexpr int kCandidates = 24;  // widths tried for a group: beyond 20 the error hardly falls (measured on normal rows)
constexpr float kNarrowest = -1.2f, kStep = 0.1f;  // candidate i spans 15 + kNarrowest + i * kStep codes

constexpr float kLeastSpan = 1e-30f;  // far below what an f16 scale can say, far above where inverses overflow

float largest_magnitude(const float* x, size_t n) {
  float largest = 0;
  for (size_t i = 0; i < n; ++i) largest = std::max(largest, std::fabs(x[i]));
  return largest;
}

void store_u16(uint8_t* bytes, uint16_t value) {
  std::memcpy(bytes, &value, sizeof value);
}

// 0 where there is no scale, or one so small that its inverse overflows: an f16 scale is 0 there too.
float inverse(float scale) {
  const float value = 1.0f / scale;
  return std::isfinite(value) ? value : 0.0f;
}

void quantise_q8_0(const float* x, uint8_t* block) {
  const float d = largest_magnitude(x, kBlock32) / 127.0f;
  const float id = inverse(d);
  store_u16(block, f32_to_f16(d));
  for (size_t i = 0; i < kBlock32; ++i) {
    block[2 + i] = static_cast<uint8_t>(static_cast<int8_t>(std::round(x[i] * id)));  // halves away from zero
  }
}

int code_q4_0(float x, float id) {
  return std::clamp(static_cast<int>(x * id + 8.5f), 0, kTopCode);  // never below 0: the peak gives -8 or 8
}

void quantise_q4_0(const float* x, uint8_t* block) {
  float peak = x[0];  // the first of the largest magnitude, with its sign, a zero's too
  for (size_t i = 1; i < kBlock32; ++i) {
    if (std::fabs(x[i]) > std::fabs(peak)) peak = x[i];
  }
  const float d = peak / -8.0f;
  const float id = inverse(d);
  store_u16(block, f32_to_f16(d));
  for (size_t i = 0; i < kHalf16; ++i) {
    block[2 + i] = static_cast<uint8_t>(code_q4_0(x[i], id) | code_q4_0(x[kHalf16 + i], id) << 4);
  }
}

// x is about scale * code - depth, with codes 0 .. 15 and depth >= 0.
struct Fit {
  float scale = 0, depth = 0, error = 0;
};

int nearest_code(float value, float inverse_scale) {
  return static_cast<int>(std::clamp(std::floor(value * inverse_scale + 0.5f), 0.0f, static_cast<float>(kTopCode)));
}

// The least weighted square error over scale and depth for codes given: two linear equations.
Fit solve(const float* x, const float* weight, const int* code) {
  float w = 0, q = 0, qq = 0, v = 0, vq = 0;
  for (size_t i = 0; i < kGroup; ++i) {
    const auto c = static_cast<float>(code[i]);
    w += weight[i];
    q += weight[i] * c;
    qq += weight[i] * c * c;
    v += weight[i] * x[i];
    vq += weight[i] * c * x[i];
  }
  Fit fit;
  const float determinant = w * qq - q * q;
  if (determinant > 0) {
    fit.scale = (w * vq - q * v) / determinant;
    fit.depth = (q * vq - qq * v) / determinant;
  }
  if (fit.depth < 0 || determinant <= 0) {  // no minimum below zero is needed
    fit.depth = 0;
    fit.scale = qq > 0 ? vq / qq : 0;
  }
  fit.scale = std::max(fit.scale, 0.0f);
  for (size_t i = 0; i < kGroup; ++i) {
    const float off = fit.scale * static_cast<float>(code[i]) - fit.depth - x[i];
    fit.error += weight[i] * off * off;
  }
  return fit;
}

// The best of several widths. Large elements weigh more: what they are multiplied with counts for more of the sum.
Fit fit_group(const float* x) {
  float squares = 0;
  for (size_t i = 0; i < kGroup; ++i) squares += x[i] * x[i];
  const float mean = std::sqrt(squares / static_cast<float>(kGroup));
  float weight[kGroup];
  for (size_t i = 0; i < kGroup; ++i) weight[i] = mean + std::fabs(x[i]);

  const auto [low, high] = std::minmax_element(x, x + kGroup);
  const float depth = std::max(0.0f, -*low), span = *high + depth;
  if (!(span > kLeastSpan)) return {0, depth, 0};  // all the same, at or below zero
  Fit best;
  bool has_any = false;
  for (int i = 0; i < kCandidates; ++i) {
    const float codes = static_cast<float>(kTopCode) + kNarrowest + static_cast<float>(i) * kStep;
    const float inverse_scale = codes / span;
    int code[kGroup];
    for (size_t j = 0; j < kGroup; ++j) code[j] = nearest_code(x[j] + depth, inverse_scale);
    const Fit fit = solve(x, weight, code);
    if (has_any && !(fit.error < best.error)) continue;
    best = fit;
    has_any = true;
  }
  return best;
}

// See scales_q45_k in block_fields.cc for the order of the 12 bytes.
void pack_scales(const int* scale, const int* depth, uint8_t* packed) {
  for (size_t g = 0; g < 4; ++g) {
    packed[g] = static_cast<uint8_t>(scale[g] | scale[g + 4] >> 4 << 6);
    packed[g + 4] = static_cast<uint8_t>(depth[g] | depth[g + 4] >> 4 << 6);
    packed[g + 8] = static_cast<uint8_t>((scale[g + 4] & 0xf) | (depth[g + 4] & 0xf) << 4);
  }
}

int nearest_scale(float value, float inverse_unit) {
  return static_cast<int>(std::clamp(std::floor(value * inverse_unit + 0.5f), 0.0f, static_cast<float>(kTopScale)));
}

void quantise_q4_k(const float* x, uint8_t* block) {
  Fit fits[kGroups];
  float widest = 0, deepest = 0;
  for (size_t g = 0; g < kGroups; ++g) {
    fits[g] = fit_group(x + g * kGroup);
    widest = std::max(widest, fits[g].scale);
    deepest = std::max(deepest, fits[g].depth);
  }
  const uint16_t d_f16 = f32_to_f16(widest / static_cast<float>(kTopScale));
  const uint16_t m_f16 = f32_to_f16(deepest / static_cast<float>(kTopScale));
  store_u16(block, d_f16);
  store_u16(block + 2, m_f16);
  const float d = f16_to_f32(d_f16), m = f16_to_f32(m_f16);  // as the decoder will read them
  int scale[kGroups], depth[kGroups];
  for (size_t g = 0; g < kGroups; ++g) {
    scale[g] = nearest_scale(fits[g].scale, inverse(d));
    depth[g] = nearest_scale(fits[g].depth, inverse(m));
    const float step = d * static_cast<float>(scale[g]), lift = m * static_cast<float>(depth[g]);
    uint8_t* codes = block + 16 + g / 2 * kGroup;
    for (size_t i = 0; i < kGroup; ++i) {
      const int code = nearest_code(x[g * kGroup + i] + lift, inverse(step));
      codes[i] = static_cast<uint8_t>(codes[i] | code << (g % 2 * 4));
    }
  }
  pack_scales(scale, depth, block + 4);
}

}  // namespace

void quantise_row(DType type, const float* src, uint8_t* dst, size_t n) {
  void (*quantise)(const float*, uint8_t*) = type == DType::kQ8_0   ? quantise_q8_0
                                             : type == DType::kQ4_0 ? quantise_q4_0
                                             : type == DType::kQ4_K ? quantise_q4_k
                                                                    : nullptr;
  if (quantise == nullptr) return encode_row(type, src, dst, n);
  const size_t elements = block_elements(type), bytes = block_bytes(type);
  std::fill_n(dst, row_bytes(type, n), uint8_t{0});
  for (size_t i = 0; i < n / elements; ++i) quantise(src + i * elements, dst + i * bytes);
}

}  // namespace studio::engine
