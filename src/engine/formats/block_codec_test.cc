#include "engine/formats/block_codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "engine/formats/block_fields.h"
#include "engine/tensor/half.h"

namespace studio::engine {
namespace {

// The byte stream of SplitMix64 from seed 1.
std::vector<uint8_t> splitmix_bytes(size_t count) {
  std::vector<uint8_t> bytes(count);
  uint64_t state = 1;
  for (size_t i = 0; i < count; i += 8) {
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    std::memcpy(bytes.data() + i, &z, std::min<size_t>(8, count - i));
  }
  return bytes;
}

struct Golden {
  DType type;
  uint64_t digest;
};

// What the `gguf` Python package 0.19.0 decodes 64 blocks of that stream to: FNV-1a over the f32 patterns, every NaN as
// 7fc00000. Made by `tests/formats/decode_parity.py --digests`.
constexpr Golden kGolden[] = {
    {DType::kF32, 0xd4770f65655ee02e},  {DType::kF16, 0x1c1e029ababda825},    {DType::kBF16, 0x72af2ddaf6140825},
    {DType::kQ4_0, 0x0b09c4966cc1cb25}, {DType::kQ4_1, 0x1c21962b57a72c35},   {DType::kQ5_0, 0x67d381e4d43e0125},
    {DType::kQ5_1, 0x96c40dcc5747c804}, {DType::kQ8_0, 0x329c5ed5ced228e5},   {DType::kQ2_K, 0x82926679ae8c89d9},
    {DType::kQ3_K, 0x4133484ab34c26e5}, {DType::kQ4_K, 0x6a3642ef94b6bbc1},   {DType::kQ5_K, 0x21512cfc88832f3b},
    {DType::kQ6_K, 0xb3ccc918330fcfa1}, {DType::kIQ4_NL, 0xafe3910fe6571ba5}, {DType::kIQ4_XS, 0x7b8733136b1f03b7},
};

class DecodeRow : public testing::TestWithParam<Golden> {};

TEST_P(DecodeRow, GivesTheBitsOfTheReference) {
  auto [type, expected] = GetParam();
  auto blocks = splitmix_bytes(64 * block_bytes(type));
  std::vector<float> values(64 * block_elements(type));
  decode_row(type, blocks.data(), values.data(), values.size());
  uint64_t digest = 0xcbf29ce484222325u;
  for (float value : values) {
    uint32_t pattern = std::isnan(value) ? 0x7fc00000u : std::bit_cast<uint32_t>(value);
    digest = (digest ^ pattern) * 0x100000001b3u;
  }
  EXPECT_EQ(digest, expected);
}

// What the kernels rely on: fields alone give back every value, and codes stay in their range.
TEST_P(DecodeRow, IsTheFormulaOfTheFields) {
  DType type = GetParam().type;
  if (!is_quantised(type)) {
    uint8_t q[kBlock32];
    Scales32 scales;
    EXPECT_FALSE(unpack_block32(type, nullptr, 0, q));
    EXPECT_FALSE(unpack_scales32(type, nullptr, 0, scales));
    return;
  }
  auto row = splitmix_bytes(8 * block_bytes(type));
  std::vector<float> values(8 * block_elements(type));
  decode_row(type, row.data(), values.data(), values.size());
  bool is_table = type == DType::kIQ4_NL || type == DType::kIQ4_XS;
  for (size_t i = 0; i < values.size(); ++i) {
    uint8_t q[kBlock32];
    Scales32 s;
    ASSERT_TRUE(unpack_block32(type, row.data(), i / kBlock32, q));
    ASSERT_TRUE(unpack_scales32(type, row.data(), i / kBlock32, s));
    size_t half = i % kBlock32 / kHalf16;
    int code = q[i % kBlock32];
    ASSERT_LT(code, code_count(type));
    if (scale_group(type) == kBlock32) {
      EXPECT_EQ(s.scale[0], s.scale[1]);
    }
    // In double, where sums of such products are nearly exact; types of 32 add m itself, K types subtract m * min.
    double factor = is_table ? kIq4NlValues[static_cast<size_t>(code)] : code - code_offset(type);
    double m = block_elements(type) == kBlock32 ? f16_to_f32(s.m_f16) : -1.0 * f16_to_f32(s.m_f16) * s.min[half];
    double expected = 1.0 * f16_to_f32(s.d_f16) * s.scale[half] * factor + m;
    if (!std::isfinite(expected)) continue;
    double magnitude = std::fabs(expected) + std::fabs(m);
    EXPECT_NEAR(values[i], expected, magnitude * 0x1p-22 + 0x1p-149) << dtype_name(type) << " element " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(EveryType, DecodeRow, testing::ValuesIn(kGolden),
                         [](const auto& param) { return std::string(dtype_name(param.param.type)); });

TEST(DecodeRowOf, NothingReadsNothing) {
  for (const DTypeTraits& traits : kDTypes) decode_row(traits.type, nullptr, nullptr, 0);
}

TEST(BlockFields, ShowsAHandMadeQ4KBlock) {
  // Scales 1 .. 8 and minima 11 .. 18 in their six bits; codes i % 16.
  std::vector<uint8_t> block(144);
  block[0] = 0x00, block[1] = 0x3c;  // d = 1
  block[2] = 0x00, block[3] = 0x38;  // dmin = 0.5
  for (uint8_t i = 0; i < 4; ++i) {
    block[4 + i] = static_cast<uint8_t>(1 + i);
    block[8 + i] = static_cast<uint8_t>(11 + i);
    int scale = 5 + i;
    int min = 15 + i;  // 15 .. 18: the last three need the bits above the nibble
    block[12 + i] = static_cast<uint8_t>((scale & 15) | (min & 15) << 4);
    block[4 + i] = static_cast<uint8_t>(block[4 + i] | scale >> 4 << 6);
    block[8 + i] = static_cast<uint8_t>(block[8 + i] | min >> 4 << 6);
  }
  for (size_t i = 0; i < 128; ++i) block[16 + i] = static_cast<uint8_t>(i % 16 | i % 16 << 4);
  for (size_t part = 0; part < 8; ++part) {
    uint8_t q[kBlock32];
    Scales32 s;
    ASSERT_TRUE(unpack_block32(DType::kQ4_K, block.data(), part, q));
    ASSERT_TRUE(unpack_scales32(DType::kQ4_K, block.data(), part, s));
    EXPECT_EQ(s.scale[0], static_cast<int>(part) + 1);
    EXPECT_EQ(s.min[1], static_cast<int>(part) + 11);
    for (size_t i = 0; i < kBlock32; ++i) EXPECT_EQ(q[i], i % 16);
  }
  std::vector<float> values(256);
  decode_row(DType::kQ4_K, block.data(), values.data(), 256);
  EXPECT_EQ(values[255], 8.0f * 15 - 0.5f * 18);
}

}  // namespace
}  // namespace studio::engine
