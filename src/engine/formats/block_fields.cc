// The byte layouts of the quantised blocks. Each function states its block as a line of fields with their sizes.
#include "engine/formats/block_fields.h"

#include <cstring>

namespace studio::engine {
namespace {

uint16_t load_u16(const uint8_t* bytes) {
  return static_cast<uint16_t>(bytes[0] | bytes[1] << 8);
}

// 16 bytes hold 32 codes of 4 bits: the low halves are the first 16, the high halves the last.
void unpack_nibbles(const uint8_t* packed, uint8_t q[kBlock32]) {
  for (size_t i = 0; i < kHalf16; ++i) {
    q[i] = packed[i] & 0xf;
    q[kHalf16 + i] = packed[i] >> 4;
  }
}

// Bit i of a 32-bit word is bit 4 of code i.
void add_fifth_bits(const uint8_t* word, uint8_t q[kBlock32]) {
  uint32_t bits = static_cast<uint32_t>(load_u16(word)) | static_cast<uint32_t>(load_u16(word + 2)) << 16;
  for (size_t i = 0; i < kBlock32; ++i) q[i] = static_cast<uint8_t>(q[i] | (bits >> i & 1u) << 4);
}

// q[i] = the `mask`ed bits of bytes[i] from `shift` up.
void unpack_plane(const uint8_t* bytes, unsigned shift, uint8_t mask, uint8_t q[kBlock32]) {
  for (size_t i = 0; i < kBlock32; ++i) q[i] = static_cast<uint8_t>(bytes[i] >> shift) & mask;
}

// q[i] gets the `mask`ed bits of bytes[i] from `shift` up on top of its `below` bits.
void add_plane(const uint8_t* bytes, unsigned shift, uint8_t mask, unsigned below, uint8_t q[kBlock32]) {
  for (size_t i = 0; i < kBlock32; ++i) {
    q[i] = static_cast<uint8_t>(q[i] | (static_cast<uint8_t>(bytes[i] >> shift) & mask) << below);
  }
}

// Superblocks of 256 are 8 blocks of 32; `part` is the block's place in its superblock.

// Q2_K: scales[16] codes[64] d[2] dmin[2]. 32 bytes of codes hold four blocks, two bits each.
void unpack_q2_k(const uint8_t* block, size_t part, uint8_t* q) {
  unpack_plane(block + 16 + part / 4 * 32, 2 * (part % 4), 3, q);
}

void scales_q2_k(const uint8_t* block, size_t part, Scales32& s) {
  s.d_f16 = load_u16(block + 80);
  s.m_f16 = load_u16(block + 82);
  for (size_t half = 0; half < 2; ++half) {
    s.scale[half] = static_cast<int8_t>(block[2 * part + half] & 0xf);
    s.min[half] = block[2 * part + half] >> 4;
  }
}

// Q3_K: high bits[32] codes[64] scales[12] d[2]. Codes as Q2_K; bit `part` of the high bytes is bit 2 of the code.
void unpack_q3_k(const uint8_t* block, size_t part, uint8_t* q) {
  unpack_plane(block + 32 + part / 4 * 32, 2 * (part % 4), 3, q);
  add_plane(block, static_cast<unsigned>(part), 1, 2, q);
}

// 16 scales of 6 bits: the low four are the nibbles of bytes 0..7 (low halves first), the high two lie in bytes 8..11.
void scales_q3_k(const uint8_t* block, size_t part, Scales32& s) {
  const uint8_t* packed = block + 96;
  s.d_f16 = load_u16(block + 108);
  for (size_t half = 0; half < 2; ++half) {
    size_t i = 2 * part + half;
    int low = packed[i % 8] >> (i < 8 ? 0 : 4) & 0xf;
    int high = packed[8 + i % 4] >> (2 * (i / 4)) & 3;
    s.scale[half] = static_cast<int8_t>((low | high << 4) - 32);
  }
}

// Q4_K: d[2] dmin[2] scales[12] codes[128]. 32 bytes of codes hold two blocks, four bits each.
void unpack_q4_k(const uint8_t* block, size_t part, uint8_t* q) {
  unpack_plane(block + 16 + part / 2 * 32, 4 * (part % 2), 0xf, q);
}

// Q5_K: d[2] dmin[2] scales[12] high bits[32] codes[128].
void unpack_q5_k(const uint8_t* block, size_t part, uint8_t* q) {
  unpack_plane(block + 48 + part / 2 * 32, 4 * (part % 2), 0xf, q);
  add_plane(block + 16, static_cast<unsigned>(part), 1, 4, q);
}

// Q4_K and Q5_K: 8 scales and 8 minima of 6 bits in 12 bytes. The first four of each are the low six bits of bytes
// 0..3 and 4..7; the last four have their low nibbles in bytes 8..11 and their top two bits in the top of those bytes.
void scales_q45_k(const uint8_t* block, size_t part, Scales32& s) {
  const uint8_t* packed = block + 4;
  s.d_f16 = load_u16(block);
  s.m_f16 = load_u16(block + 2);
  int scale = packed[part] & 63;
  int min = packed[part + 4] & 63;
  if (part >= 4) {
    scale = (packed[part + 4] & 0xf) | packed[part - 4] >> 6 << 4;
    min = packed[part + 4] >> 4 | packed[part] >> 6 << 4;
  }
  s.scale[0] = s.scale[1] = static_cast<int8_t>(scale);
  s.min[0] = s.min[1] = static_cast<uint8_t>(min);
}

// Q6_K: low bits[128] high bits[64] scales[16] d[2]. 128 codes take 64 bytes of low nibbles (blocks 0 and 1 in the low
// halves, 2 and 3 in the high) and 32 bytes of high bits, two per block.
void unpack_q6_k(const uint8_t* block, size_t part, uint8_t* q) {
  size_t group = part / 4;
  size_t quarter = part % 4;
  unpack_plane(block + group * 64 + quarter % 2 * 32, 4 * static_cast<unsigned>(quarter / 2), 0xf, q);
  add_plane(block + 128 + group * 32, 2 * static_cast<unsigned>(quarter), 3, 4, q);
}

void scales_q6_k(const uint8_t* block, size_t part, Scales32& s) {
  s.d_f16 = load_u16(block + 208);
  std::memcpy(s.scale, block + 192 + 2 * part, 2);
}

// IQ4_XS: d[2] high bits of the scales[2] low bits[4] codes[128]; 16 bytes of codes per block.
void scales_iq4_xs(const uint8_t* block, size_t part, Scales32& s) {
  s.d_f16 = load_u16(block);
  int low = block[4 + part / 2] >> (4 * (part % 2)) & 0xf;
  int high = load_u16(block + 2) >> (2 * part) & 3;
  s.scale[0] = s.scale[1] = static_cast<int8_t>((low | high << 4) - 32);
}

// The (super)block that holds block32 `index` of a row, and the block's place in it.
struct Place {
  const uint8_t* block;
  size_t part;
};

Place locate(DType type, const uint8_t* row, size_t index) {
  size_t parts = block_elements(type) / kBlock32;
  return {row + index / parts * block_bytes(type), index % parts};
}

}  // namespace

bool unpack_block32(DType type, const uint8_t* row, size_t index, uint8_t q[kBlock32]) {
  if (!is_quantised(type)) return false;
  auto [block, part] = locate(type, row, index);
  switch (type) {
    case DType::kQ4_0:  // d[2] codes[16]
    case DType::kIQ4_NL:
      unpack_nibbles(block + 2, q);
      return true;
    case DType::kQ4_1:  // d[2] m[2] codes[16]
      unpack_nibbles(block + 4, q);
      return true;
    case DType::kQ5_0:  // d[2] fifth bits[4] codes[16]
      unpack_nibbles(block + 6, q);
      add_fifth_bits(block + 2, q);
      return true;
    case DType::kQ5_1:  // d[2] m[2] fifth bits[4] codes[16]
      unpack_nibbles(block + 8, q);
      add_fifth_bits(block + 4, q);
      return true;
    case DType::kQ8_0:  // d[2] values[32], signed: flipping the top bit adds 128
      for (size_t i = 0; i < kBlock32; ++i) q[i] = block[2 + i] ^ 0x80;
      return true;
    case DType::kQ2_K:
      unpack_q2_k(block, part, q);
      return true;
    case DType::kQ3_K:
      unpack_q3_k(block, part, q);
      return true;
    case DType::kQ4_K:
      unpack_q4_k(block, part, q);
      return true;
    case DType::kQ5_K:
      unpack_q5_k(block, part, q);
      return true;
    case DType::kQ6_K:
      unpack_q6_k(block, part, q);
      return true;
    case DType::kIQ4_XS:
      unpack_nibbles(block + 8 + part * kHalf16, q);
      return true;
    case DType::kF32:
    case DType::kF16:
    case DType::kBF16:
      break;
  }
  return false;
}

bool unpack_scales32(DType type, const uint8_t* row, size_t index, Scales32& scales) {
  if (!is_quantised(type)) return false;
  auto [block, part] = locate(type, row, index);
  scales = Scales32{};
  switch (type) {
    case DType::kQ4_0:
    case DType::kQ5_0:
    case DType::kQ8_0:
    case DType::kIQ4_NL:
      scales.d_f16 = load_u16(block);
      return true;
    case DType::kQ4_1:
    case DType::kQ5_1:
      scales.d_f16 = load_u16(block);
      scales.m_f16 = load_u16(block + 2);
      return true;
    case DType::kQ2_K:
      scales_q2_k(block, part, scales);
      return true;
    case DType::kQ3_K:
      scales_q3_k(block, part, scales);
      return true;
    case DType::kQ4_K:
    case DType::kQ5_K:
      scales_q45_k(block, part, scales);
      return true;
    case DType::kQ6_K:
      scales_q6_k(block, part, scales);
      return true;
    case DType::kIQ4_XS:
      scales_iq4_xs(block, part, scales);
      return true;
    case DType::kF32:
    case DType::kF16:
    case DType::kBF16:
      break;
  }
  return false;
}

}  // namespace studio::engine
