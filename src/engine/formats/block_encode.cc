#include "engine/formats/block_encode.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/formats/block_fields.h"
#include "engine/tensor/half.h"

namespace studio::engine {
namespace {

void store_u16(uint8_t* bytes, uint16_t value) {
  bytes[0] = static_cast<uint8_t>(value);
  bytes[1] = static_cast<uint8_t>(value >> 8);
}

// The integer nearest to value / scale inside [low, high]; 0 (clamped) where there is no scale. Halves go up: floor and
// a sum are the same on every machine, whatever its rounding instructions.
int nearest(float value, float scale, int low, int high) {
  if (scale == 0.0f) return std::clamp(0, low, high);
  return static_cast<int>(
      std::clamp(std::floor(value / scale + 0.5f), static_cast<float>(low), static_cast<float>(high)));
}

// The element of the largest magnitude, with its sign.
float peak(const float* x, size_t n) {
  float best = 0;
  for (size_t i = 0; i < n; ++i) {
    if (std::fabs(x[i]) > std::fabs(best)) best = x[i];
  }
  return best;
}

// Stores value as f16 and gives what the decoder will read, so that codes are chosen for the scale as stored.
float store_scale(uint8_t* bytes, float value) {
  uint16_t half = f32_to_f16(value);
  store_u16(bytes, half);
  return f16_to_f32(half);
}

void pack_nibbles(const int* q, uint8_t* packed) {
  for (size_t i = 0; i < kHalf16; ++i) packed[i] = static_cast<uint8_t>((q[i] & 0xf) | (q[kHalf16 + i] & 0xf) << 4);
}

void pack_fifth_bits(const int* q, uint8_t* word) {
  uint32_t bits = 0;
  for (size_t i = 0; i < kBlock32; ++i) bits |= static_cast<uint32_t>(q[i] >> 4 & 1) << i;
  for (size_t i = 0; i < 4; ++i) word[i] = static_cast<uint8_t>(bits >> (8 * i));
}

// ---- types with blocks of 32 ------------------------------------------------------------------------------------

// Q4_0, Q5_0: the peak takes the code 0, which reaches one step further than the largest code.
void encode_symmetric(DType type, const float* x, uint8_t* block) {
  int offset = code_offset(type);
  float d = store_scale(block, peak(x, kBlock32) / static_cast<float>(-offset));
  int q[kBlock32];
  for (size_t i = 0; i < kBlock32; ++i) q[i] = nearest(x[i], d, -offset, offset - 1) + offset;
  if (type == DType::kQ5_0) pack_fifth_bits(q, block + 2);
  pack_nibbles(q, block + (type == DType::kQ5_0 ? 6 : 2));
}

// Q4_1, Q5_1.
void encode_with_minimum(DType type, const float* x, uint8_t* block) {
  auto [low, high] = std::minmax_element(x, x + kBlock32);
  int top = code_count(type) - 1;
  float d = store_scale(block, (*high - *low) / static_cast<float>(top));
  float m = store_scale(block + 2, *low);
  int q[kBlock32];
  for (size_t i = 0; i < kBlock32; ++i) q[i] = nearest(x[i] - m, d, 0, top);
  if (type == DType::kQ5_1) pack_fifth_bits(q, block + 4);
  pack_nibbles(q, block + (type == DType::kQ5_1 ? 8 : 4));
}

void encode_q8_0(const float* x, uint8_t* block) {
  float d = store_scale(block, std::fabs(peak(x, kBlock32)) / 127.0f);
  for (size_t i = 0; i < kBlock32; ++i) block[2 + i] = static_cast<uint8_t>(nearest(x[i], d, -127, 127));
}

// The index of the table's value nearest to x / scale, the lower of two equally near.
int nearest_iq4(float x, float scale) {
  if (scale == 0.0f) return 8;  // the value 1, nearest to nothing
  float wanted = x / scale;
  int best = 0;
  for (int i = 1; i < 16; ++i) {
    if (std::fabs(wanted - static_cast<float>(kIq4NlValues[i])) <
        std::fabs(wanted - static_cast<float>(kIq4NlValues[best]))) {
      best = i;
    }
  }
  return best;
}

void encode_iq4_codes(const float* x, float scale, uint8_t* packed) {
  int q[kBlock32];
  for (size_t i = 0; i < kBlock32; ++i) q[i] = nearest_iq4(x[i], scale);
  pack_nibbles(q, packed);
}

void encode_iq4_nl(const float* x, uint8_t* block) {
  float d = store_scale(block, peak(x, kBlock32) / static_cast<float>(kIq4NlValues[0]));
  encode_iq4_codes(x, d, block + 2);
}

// ---- superblocks of 256 -----------------------------------------------------------------------------------------

constexpr size_t kSuper = 256;

// Integer sub-scales and codes of one superblock, before they are packed. Group g of `group` elements has one scale.
struct Super {
  float d = 0;
  float m = 0;
  int scale[16] = {};
  int min[16] = {};
  int q[kSuper];  // unsigned codes
};

// Q2_K, Q4_K, Q5_K: x = d*scale*q - m*min with q >= 0, so the smallest element (or 0) becomes the minimum.
Super fit_with_minima(DType type, const float* x, uint8_t* d_bytes, uint8_t* m_bytes) {
  size_t group = scale_group(type);
  int top = code_count(type) - 1;
  int top_scale = type == DType::kQ2_K ? 15 : 63;  // 4 or 6 bits
  float widest = 0;
  float deepest = 0;
  float width[16];
  float depth[16];
  for (size_t g = 0; g < kSuper / group; ++g) {
    auto [low, high] = std::minmax_element(x + g * group, x + (g + 1) * group);
    depth[g] = std::max(0.0f, -*low);
    width[g] = std::max(0.0f, *high + depth[g]) / static_cast<float>(top);
    widest = std::max(widest, width[g]);
    deepest = std::max(deepest, depth[g]);
  }
  Super s;
  s.d = store_scale(d_bytes, widest / static_cast<float>(top_scale));
  s.m = store_scale(m_bytes, deepest / static_cast<float>(top_scale));
  for (size_t g = 0; g < kSuper / group; ++g) {
    s.scale[g] = nearest(width[g], s.d, 0, top_scale);
    s.min[g] = nearest(depth[g], s.m, 0, top_scale);
    float scale = s.d * static_cast<float>(s.scale[g]);
    float min = s.m * static_cast<float>(s.min[g]);
    for (size_t i = g * group; i < (g + 1) * group; ++i) s.q[i] = nearest(x[i] + min, scale, 0, top);
  }
  return s;
}

// Q3_K, Q6_K: x = d*scale*(q - offset) with signed scales: a group's peak takes the code 0.
Super fit_symmetric(DType type, const float* x, int lowest_scale, uint8_t* d_bytes) {
  size_t group = scale_group(type);
  int offset = code_offset(type);
  float step[16];
  for (size_t g = 0; g < kSuper / group; ++g) {
    step[g] = peak(x + g * group, group) / static_cast<float>(-offset);
  }
  Super s;
  s.d = store_scale(d_bytes, peak(step, kSuper / group) / static_cast<float>(lowest_scale));
  for (size_t g = 0; g < kSuper / group; ++g) {
    s.scale[g] = nearest(step[g], s.d, lowest_scale, -lowest_scale - 1);
    float scale = s.d * static_cast<float>(s.scale[g]);
    for (size_t i = g * group; i < (g + 1) * group; ++i) s.q[i] = nearest(x[i], scale, -offset, offset - 1) + offset;
  }
  return s;
}

// Bits [bit, bit + width) of the codes of block32 `part` go into bytes at `shift`.
void pack_plane(const int* q, size_t part, int bit, int width, uint8_t* bytes, size_t shift) {
  for (size_t i = 0; i < kBlock32; ++i) {
    int bits = q[part * kBlock32 + i] >> bit & ((1 << width) - 1);
    bytes[i] = static_cast<uint8_t>(bytes[i] | bits << shift);
  }
}

void encode_q2_k(const float* x, uint8_t* block) {
  Super s = fit_with_minima(DType::kQ2_K, x, block + 80, block + 82);
  for (size_t g = 0; g < 16; ++g) block[g] = static_cast<uint8_t>(s.scale[g] | s.min[g] << 4);
  for (size_t part = 0; part < 8; ++part) pack_plane(s.q, part, 0, 2, block + 16 + part / 4 * 32, 2 * (part % 4));
}

void encode_q3_k(const float* x, uint8_t* block) {
  Super s = fit_symmetric(DType::kQ3_K, x, -32, block + 108);
  uint8_t* scales = block + 96;
  for (size_t g = 0; g < 16; ++g) {
    int stored = s.scale[g] + 32;
    scales[g % 8] = static_cast<uint8_t>(scales[g % 8] | (stored & 0xf) << (g < 8 ? 0 : 4));
    scales[8 + g % 4] = static_cast<uint8_t>(scales[8 + g % 4] | stored >> 4 << (2 * (g / 4)));
  }
  for (size_t part = 0; part < 8; ++part) {
    pack_plane(s.q, part, 0, 2, block + 32 + part / 4 * 32, 2 * (part % 4));
    pack_plane(s.q, part, 2, 1, block, part);
  }
}

// Q4_K and Q5_K: see scales_q45_k in block_fields.cc for the order of the 12 bytes.
void pack_scales_q45_k(const Super& s, uint8_t* packed) {
  for (size_t g = 0; g < 4; ++g) {
    packed[g] = static_cast<uint8_t>(s.scale[g] | s.scale[g + 4] >> 4 << 6);
    packed[g + 4] = static_cast<uint8_t>(s.min[g] | s.min[g + 4] >> 4 << 6);
    packed[g + 8] = static_cast<uint8_t>((s.scale[g + 4] & 0xf) | (s.min[g + 4] & 0xf) << 4);
  }
}

void encode_q45_k(DType type, const float* x, uint8_t* block) {
  Super s = fit_with_minima(type, x, block, block + 2);
  pack_scales_q45_k(s, block + 4);
  uint8_t* codes = block + (type == DType::kQ5_K ? 48 : 16);
  for (size_t part = 0; part < 8; ++part) {
    pack_plane(s.q, part, 0, 4, codes + part / 2 * 32, 4 * (part % 2));
    if (type == DType::kQ5_K) pack_plane(s.q, part, 4, 1, block + 16, part);
  }
}

void encode_q6_k(const float* x, uint8_t* block) {
  Super s = fit_symmetric(DType::kQ6_K, x, -128, block + 208);
  for (size_t g = 0; g < 16; ++g) block[192 + g] = static_cast<uint8_t>(s.scale[g]);
  for (size_t part = 0; part < 8; ++part) {
    size_t quarter = part % 4;
    pack_plane(s.q, part, 0, 4, block + part / 4 * 64 + quarter % 2 * 32, quarter / 2 * 4);
    pack_plane(s.q, part, 4, 2, block + 128 + part / 4 * 32, 2 * quarter);
  }
}

void encode_iq4_xs(const float* x, uint8_t* block) {
  float step[8];
  for (size_t part = 0; part < 8; ++part) {
    step[part] = peak(x + part * kBlock32, kBlock32) / static_cast<float>(kIq4NlValues[0]);
  }
  float d = store_scale(block, peak(step, 8) / -32.0f);
  unsigned high = 0;
  for (size_t part = 0; part < 8; ++part) {
    int scale = nearest(step[part], d, -32, 31);
    unsigned stored = static_cast<unsigned>(scale + 32);
    block[4 + part / 2] = static_cast<uint8_t>(block[4 + part / 2] | (stored & 0xf) << (4 * (part % 2)));
    high |= stored >> 4 << (2 * part);
    encode_iq4_codes(x + part * kBlock32, d * static_cast<float>(scale), block + 8 + part * kHalf16);
  }
  store_u16(block + 2, static_cast<uint16_t>(high));
}

// One block; the bytes are zero before.
void encode_block(DType type, const float* x, uint8_t* block) {
  switch (type) {
    case DType::kF32:
      std::memcpy(block, x, sizeof *x);
      return;
    case DType::kF16:
      store_u16(block, f32_to_f16(*x));
      return;
    case DType::kBF16:
      store_u16(block, f32_to_bf16(*x));
      return;
    case DType::kQ4_0:
    case DType::kQ5_0:
      encode_symmetric(type, x, block);
      return;
    case DType::kQ4_1:
    case DType::kQ5_1:
      encode_with_minimum(type, x, block);
      return;
    case DType::kQ8_0:
      encode_q8_0(x, block);
      return;
    case DType::kQ2_K:
      encode_q2_k(x, block);
      return;
    case DType::kQ3_K:
      encode_q3_k(x, block);
      return;
    case DType::kQ4_K:
    case DType::kQ5_K:
      encode_q45_k(type, x, block);
      return;
    case DType::kQ6_K:
      encode_q6_k(x, block);
      return;
    case DType::kIQ4_NL:
      encode_iq4_nl(x, block);
      return;
    case DType::kIQ4_XS:
      encode_iq4_xs(x, block);
      return;
  }
}

}  // namespace

void encode_row(DType type, const float* src, uint8_t* dst, size_t n) {
  size_t elements = block_elements(type);
  size_t bytes = block_bytes(type);
  std::fill_n(dst, row_bytes(type, n), uint8_t{0});
  for (size_t i = 0; i < n / elements; ++i) encode_block(type, src + i * elements, dst + i * bytes);
}

std::vector<uint8_t> encode_tensor(DType type, std::span<const float> values) {
  std::vector<uint8_t> bytes(row_bytes(type, values.size()));
  encode_row(type, values.data(), bytes.data(), values.size());
  return bytes;
}

}  // namespace studio::engine
