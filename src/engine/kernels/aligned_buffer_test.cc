#include "engine/kernels/aligned_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace studio::engine {
namespace {

// Around the sizes from which on it is a mapping, and one with large pages (where no sanitizer is built in).
constexpr size_t kSizes[] = {1, 63, 4096, (128u << 10) - 1, 128u << 10, (2u << 20) + 1, 4u << 20, (6u << 20) + 17};

TEST(AlignedBuffer, IsZeroAndWritableToItsLastByte) {
  for (const auto use : {AlignedBuffer::Use::kWhole, AlignedBuffer::Use::kFromFront}) {
    for (const size_t size : kSizes) {
      AlignedBuffer buffer(size, use);
      ASSERT_NE(buffer.data(), nullptr) << size;
      EXPECT_EQ(buffer.bytes(), size);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 64, 0u) << size;
      EXPECT_TRUE(std::all_of(buffer.data(), buffer.data() + size, [](uint8_t byte) { return byte == 0; })) << size;
      std::fill_n(buffer.data(), size, uint8_t{0xa5});
      const AlignedBuffer moved = std::move(buffer);
      EXPECT_EQ(moved.data()[size - 1], 0xa5) << size;
    }
  }
}

TEST(AlignedBuffer, IsEmptyWhereMemoryIsShort) {
  EXPECT_EQ(AlignedBuffer(0).data(), nullptr);
  EXPECT_EQ(AlignedBuffer(SIZE_MAX).data(), nullptr);
  EXPECT_EQ(AlignedBuffer(SIZE_MAX / 2, AlignedBuffer::Use::kFromFront).data(), nullptr);
}

}  // namespace
}  // namespace studio::engine
