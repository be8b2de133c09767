#include "engine/kernels/weight_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <utility>
#include <vector>

namespace studio::engine {
namespace {

constexpr size_t kMegabyte = 1u << 20;

bool all_are(const uint8_t* data, size_t bytes, uint8_t value) {
  for (size_t i = 0; i < bytes; ++i) {
    if (data[i] != value) return false;
  }
  return true;
}

TEST(WeightMemory, IsZeroedAndAlignedAtEverySize) {
  for (const size_t bytes :
       {size_t{64}, size_t{1000}, 255 * size_t{1024}, kMegabyte + 1, 3 * kMegabyte, 70 * kMegabyte}) {
    const WeightMemory memory(bytes);
    ASSERT_NE(memory.data(), nullptr) << bytes;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory.data()) % 64, 0u) << bytes;
    EXPECT_TRUE(all_are(memory.data(), bytes, 0)) << bytes;
  }
}

TEST(WeightMemory, NeighboursKeepWhatIsWrittenWhileOthersComeAndGo) {
  std::vector<std::pair<WeightMemory, uint8_t>> kept;
  for (int i = 0; i < 200; ++i) {  // more than one mapping holds
    const size_t bytes = kMegabyte + static_cast<size_t>(i) * 64 + 1;
    WeightMemory memory(bytes);
    ASSERT_NE(memory.data(), nullptr);
    ASSERT_TRUE(all_are(memory.data(), bytes, 0)) << "handed out twice";
    std::memset(memory.data(), i, bytes);
    if (i % 3 == 0) kept.emplace_back(std::move(memory), static_cast<uint8_t>(i));
  }
  for (const auto& [memory, value] : kept) EXPECT_TRUE(all_are(memory.data(), kMegabyte + 1, value));
}

TEST(WeightMemory, MatricesLieSideBySide) {
  const WeightMemory first(kMegabyte), second(kMegabyte);
  const auto distance = second.data() - first.data();
  // The second begins a mapping of its own where other tests have left the open one nearly full.
  if (distance == static_cast<ptrdiff_t>(kMegabyte)) return;
  const WeightMemory third(kMegabyte);
  EXPECT_EQ(third.data() - second.data(), static_cast<ptrdiff_t>(kMegabyte));
}

TEST(WeightMemory, MoreThanThereIsAddressSpaceIsEmpty) {
  EXPECT_EQ(WeightMemory(size_t{1} << 60).data(), nullptr);
  EXPECT_EQ(WeightMemory(SIZE_MAX).data(), nullptr);
  EXPECT_EQ(WeightMemory().data(), nullptr);
}

}  // namespace
}  // namespace studio::engine
