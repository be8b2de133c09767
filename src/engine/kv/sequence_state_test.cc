#include "engine/kv/sequence_state.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace studio::engine {
namespace {

PagePool make_pool(int pages) {
  return PagePool::create({.layers = 1, .kv_heads = 1, .head_dim = 16}, pages).value();
}

TEST(SequenceState, TakesPagesAsItGrows) {
  PagePool pool = make_pool(4);
  SequenceState state(&pool);
  EXPECT_TRUE(state.reserve(1));
  EXPECT_EQ(state.pages(), 1);
  state.advance(1);
  EXPECT_TRUE(state.reserve(16));
  EXPECT_EQ(state.pages(), 1);
  EXPECT_TRUE(state.reserve(17));
  EXPECT_EQ(state.pages(), 2);
  EXPECT_EQ(state.length(), 1);
}

TEST(SequenceState, TakesAllThatIsMissingOrNone) {
  PagePool pool = make_pool(3);
  SequenceState first(&pool), second(&pool);
  ASSERT_TRUE(first.reserve(20));
  EXPECT_FALSE(second.reserve(20));
  EXPECT_EQ(pool.free(), 1);
  EXPECT_EQ(second.pages(), 0);
  EXPECT_TRUE(second.reserve(16));
}

TEST(SequenceState, TruncateKeepsThePagesOfWhatStays) {
  PagePool pool = make_pool(4);
  SequenceState state(&pool);
  ASSERT_TRUE(state.reserve(64));
  state.advance(50);
  const std::vector<int32_t> before(state.page_table(), state.page_table() + 4);
  state.truncate(33);
  EXPECT_EQ(state.length(), 33);
  EXPECT_EQ(state.pages(), 3);
  state.truncate(32);
  EXPECT_EQ(state.pages(), 2);
  EXPECT_EQ(std::vector<int32_t>(state.page_table(), state.page_table() + 2),
            (std::vector<int32_t>{before[0], before[1]}));
  EXPECT_EQ(pool.free(), 2);
  state.release();
  EXPECT_EQ(state.length(), 0);
  EXPECT_EQ(pool.free(), 4);
}

TEST(SequenceState, GivesItsPagesBackOnceWhereverItWasMoved) {
  PagePool pool = make_pool(4);
  {
    SequenceState a(&pool);
    ASSERT_TRUE(a.reserve(30));
    SequenceState b(std::move(a));
    SequenceState c(&pool);
    ASSERT_TRUE(c.reserve(10));
    c = std::move(b);
    EXPECT_EQ(c.pages(), 2);
  }
  EXPECT_EQ(pool.free(), 4);
}

static_assert(!std::is_copy_constructible_v<SequenceState>);
static_assert(!std::is_copy_assignable_v<SequenceState>);

}  // namespace
}  // namespace studio::engine
