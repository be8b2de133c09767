#include "engine/kv/page_pool.h"

#include <gtest/gtest.h>

#include <set>

namespace studio::engine {
namespace {

constexpr KvShape kShape{.layers = 3, .kv_heads = 2, .head_dim = 32};

TEST(PagePool, GivesEveryPageOnceAndThenNone) {
  PagePool pool = PagePool::create(kShape, 5).value();
  std::set<int32_t> taken;
  for (int i = 0; i < 5; ++i) taken.insert(pool.take());
  EXPECT_EQ(taken, (std::set<int32_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(pool.take(), -1);
  EXPECT_EQ(pool.free(), 0);
  for (const int32_t page : taken) pool.release(page);
  EXPECT_EQ(pool.free(), pool.total());
}

TEST(PagePool, APageIsFreeWhenItsLastHolderLetsGo) {
  PagePool pool = PagePool::create(kShape, 2).value();
  const int32_t page = pool.take();
  pool.hold(page);
  pool.release(page);
  EXPECT_EQ(pool.holders(page), 1);
  EXPECT_EQ(pool.free(), 1);
  pool.release(page);
  EXPECT_EQ(pool.free(), 2);
}

class PagePoolOfType : public testing::TestWithParam<KvType> {};
INSTANTIATE_TEST_SUITE_P(Types, PagePoolOfType, testing::Values(KvType::kInt16, KvType::kInt8),
                         [](const auto& info) { return info.param == KvType::kInt8 ? "int8" : "int16"; });

// Every (page, layer, head, K or V) has a block of its own, aligned, inside the pool.
TEST_P(PagePoolOfType, PartsOfPagesDoNotOverlap) {
  KvShape shape = kShape;
  shape.type = GetParam();
  PagePool pool = PagePool::create(shape, 4).value();
  const size_t block = kv_block_bytes(32, GetParam());
  std::set<size_t> starts;
  for (int layer = 0; layer < shape.layers; ++layer) {
    for (int head = 0; head < shape.kv_heads; ++head) {
      const KvPages view = pool.view(layer, head);
      EXPECT_EQ(view.type, GetParam());
      EXPECT_EQ(reinterpret_cast<uintptr_t>(view.base) % 64, 0u);
      for (size_t page = 0; page < 4; ++page) {
        for (const size_t offset : {view.k_offset, view.v_offset}) {
          const size_t start = page * view.page_stride + offset;
          EXPECT_EQ(start % block, 0u);
          EXPECT_EQ(start % 64, 0u);
          EXPECT_LE(start + block, 4 * shape.bytes_per_page());
          EXPECT_TRUE(starts.insert(start).second);
        }
      }
    }
  }
  EXPECT_EQ(starts.size(), 4u * 3 * 2 * 2);
}

TEST(PagePool, EightBitsTakeOnePlaneInThePlaceOfTwo) {
  KvShape small = kShape;
  small.type = KvType::kInt8;
  const size_t blocks = 3 * 2 * 2, plane = 16 * 32;
  EXPECT_EQ(kShape.bytes_per_page() - small.bytes_per_page(), blocks * plane);
  EXPECT_NE(kv_format(small.type), kv_format(kShape.type));
}

TEST(PagePool, RefusesToBeEmpty) {
  EXPECT_FALSE(PagePool::create(kShape, 0).ok());
  EXPECT_FALSE(PagePool::create({}, 4).ok());
}

}  // namespace
}  // namespace studio::engine
