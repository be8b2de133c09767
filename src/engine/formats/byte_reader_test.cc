#include "engine/formats/byte_reader.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace studio::engine {
namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

TEST(Extent, IsProvedOnlyInsideTheLimit) {
  EXPECT_TRUE(Extent::prove(0, 10, 10));
  EXPECT_TRUE(Extent::prove(10, 0, 10));
  EXPECT_FALSE(Extent::prove(10, 1, 10));
  EXPECT_FALSE(Extent::prove(11, 0, 10));
  EXPECT_FALSE(Extent::prove(kMax, 1, 10));
  EXPECT_FALSE(Extent::prove(5, kMax - 3, 10));  // the sum wraps to 1
}

TEST(CheckedArithmetic, GivesNothingOnOverflow) {
  EXPECT_EQ(checked_add(kMax, 0), kMax);
  EXPECT_FALSE(checked_add(kMax, 1));
  EXPECT_EQ(checked_multiply(1ull << 32, (1ull << 32) - 1), (1ull << 32) * ((1ull << 32) - 1));
  EXPECT_FALSE(checked_multiply(1ull << 32, 1ull << 32));
  EXPECT_EQ(checked_align_up(33, 32), 64u);
  EXPECT_EQ(checked_align_up(64, 32), 64u);
  EXPECT_FALSE(checked_align_up(kMax - 30, 32));
}

TEST(ByteReader, ReadsLittleEndianValuesInOrder) {
  const uint8_t bytes[] = {1, 0x34, 0x12, 0, 0, 0x80, 0xbf};
  ByteReader reader(bytes);
  EXPECT_EQ(reader.read<uint8_t>(), 1);
  EXPECT_EQ(reader.read<uint16_t>(), 0x1234);
  EXPECT_EQ(reader.read<float>(), -1.0f);
  EXPECT_EQ(reader.remaining(), 0u);
}

TEST(ByteReader, MovesNothingWhenAReadFails) {
  const uint8_t bytes[] = {1, 2, 3};
  ByteReader reader(bytes);
  EXPECT_FALSE(reader.read<uint32_t>());
  EXPECT_FALSE(reader.read_bytes(4));
  EXPECT_FALSE(reader.read_bytes(kMax));
  EXPECT_EQ(reader.position(), 0u);
  EXPECT_TRUE(reader.read_bytes(3));
}

TEST(ByteReader, RefusesAStringOverItsLimitOrPastTheEnd) {
  const uint8_t bytes[] = {3, 0, 0, 0, 0, 0, 0, 0, 'a', 'b', 'c'};
  EXPECT_EQ(ByteReader(bytes).read_string(3), "abc");
  ByteReader strict(bytes);
  EXPECT_FALSE(strict.read_string(2));
  EXPECT_EQ(strict.position(), 0u);
  EXPECT_FALSE(ByteReader(std::span(bytes).first(10)).read_string(3));
  EXPECT_FALSE(ByteReader(std::span(bytes).first(7)).read_string(3));
}

TEST(ByteReader, PassesOverStringsAsItReadsThem) {
  const uint8_t bytes[] = {1, 0, 0, 0, 0, 0, 0, 0, 'a', 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 'b', 'c'};
  for (size_t size = 0; size <= sizeof bytes; ++size) {
    for (const uint64_t limit : {0, 1, 2, 3}) {
      for (const uint64_t count : {0, 2, 3, 4}) {
        ByteReader one_by_one(std::span(bytes).first(size)), at_once(std::span(bytes).first(size));
        uint64_t passed = 0;
        while (passed < count && one_by_one.read_string(limit)) ++passed;
        EXPECT_EQ(at_once.skip_strings(count, limit), passed);
        EXPECT_EQ(at_once.position(), one_by_one.position());
      }
    }
  }
  std::vector<uint8_t> huge(16, 0xFF);  // whose end overflows
  EXPECT_EQ(ByteReader(huge).skip_strings(1, kMax), 0u);
}

}  // namespace
}  // namespace studio::engine
