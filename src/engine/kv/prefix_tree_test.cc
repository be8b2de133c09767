#include "engine/kv/prefix_tree.h"

#include <gtest/gtest.h>

#include <vector>

#include "engine/kv/prefix_tree_for_test.h"

namespace studio::engine {
namespace {

TEST(PrefixTree, FindsTheLongestRunOfPagesAndTheBeginningOfTheNext) {
  Trunk trunk(40);
  trunk.run(ids_of(100, 3, {1, 2, 3, 4, 5}));
  EXPECT_EQ(trunk.tree.pages(), 4);
  EXPECT_EQ(trunk.found(ids_of(100, 3, {1, 2, 3, 4, 5})), 53);
  EXPECT_EQ(trunk.found(ids_of(100, 3, {1, 2, 3, 9})), 51);
  EXPECT_EQ(trunk.found(ids_of(100, 2, {132, 133, 7, 7, 7, 7, 7})), 34) << "the beginning of a whole page";
  EXPECT_EQ(trunk.found(ids_of(100, 1)), 16);
  EXPECT_EQ(trunk.found(ids_of(101, 3)), 0);
  EXPECT_EQ(trunk.found({100}), 1);
}

TEST(PrefixTree, NothingIsFoundUnderAnotherSalt) {
  Trunk trunk(40);
  trunk.run(ids_of(100, 3), 1);
  EXPECT_EQ(trunk.found(ids_of(100, 3), 2), 0);
  EXPECT_EQ(trunk.found(ids_of(100, 3), kPublicSalt), 0);
  EXPECT_EQ(trunk.found(ids_of(100, 3), 1), 48);
  trunk.run(ids_of(100, 3), 2);
  EXPECT_EQ(trunk.tree.pages(), 6) << "each tenant has its own";
}

//   100 .. 115 ── 116 .. 131
//              └─ 500 .. 515
TEST(PrefixTree, SequencesBranchWhereTheyDiffer) {
  Trunk trunk(40);
  trunk.run(ids_of(100, 2));
  Ids other = ids_of(100, 1);
  for (const TokenId id : ids_of(500, 1)) other.push_back(id);
  trunk.run(other);
  EXPECT_EQ(trunk.tree.pages(), 3);
  EXPECT_EQ(trunk.pages.free(), 40);
  EXPECT_EQ(trunk.pages.idle(), 3);
  EXPECT_EQ(trunk.found(ids_of(100, 2)), 32);
  EXPECT_EQ(trunk.found(other), 32);
}

TEST(PrefixTree, ATailGivesWayToWhatBeginsWithIt) {
  Trunk trunk(40);
  trunk.run(ids_of(100, 1, {1, 2}));
  trunk.run(ids_of(100, 1, {1, 2, 3}));
  EXPECT_EQ(trunk.tree.pages(), 2);
  trunk.run(ids_of(100, 1, {1}));
  EXPECT_EQ(trunk.tree.pages(), 2);
  trunk.run(ids_of(100, 1, {1, 4}));
  EXPECT_EQ(trunk.tree.pages(), 3);
  Ids whole = ids_of(100, 1, {1, 2, 3});
  while (whole.size() < 32) whole.push_back(9);
  trunk.run(whole);
  EXPECT_EQ(trunk.tree.pages(), 3);
  EXPECT_EQ(trunk.pages.idle(), 3);
  EXPECT_EQ(trunk.found(whole), 32);
}

TEST(PrefixTree, TwoThatComputedTheSamePageEndUpHoldingOne) {
  Trunk trunk(8);
  const Ids ids = ids_of(100, 2);
  SequenceState first(&trunk.pages), second(&trunk.pages);
  Place at_first{.salt = 1}, at_second{.salt = 1};
  for (SequenceState* state : {&first, &second}) {
    ASSERT_TRUE(state->reserve(40));
    state->advance(32);
  }
  EXPECT_EQ(trunk.pages.free(), 2);
  trunk.tree.insert(at_first, ids, first);
  trunk.tree.insert(at_second, ids, second);
  EXPECT_EQ(trunk.pages.free(), 4);
  EXPECT_EQ(trunk.pages.idle(), 0);
  for (const int page : {0, 1}) EXPECT_EQ(first.page_table()[page], second.page_table()[page]);
  EXPECT_NE(first.page_table()[2], second.page_table()[2]);
  EXPECT_EQ(trunk.pages.holders(first.page_table()[0]), 2);
}

TEST(PrefixTree, GivesUpTheLeafThatWasUsedLeastRecentlyAndNoPageThatIsHeld) {
  Trunk trunk(6);
  trunk.run(ids_of(100, 2));
  trunk.run(ids_of(500, 2));
  trunk.run(ids_of(900, 2));
  EXPECT_EQ(trunk.pages.idle(), 6);
  SequenceState holder(&trunk.pages);
  Place place{.salt = 1};
  trunk.tree.extend(place, ids_of(100, 2), holder);
  EXPECT_EQ(trunk.pages.free(), 4);
  {
    SequenceState taker(&trunk.pages);
    ASSERT_TRUE(taker.reserve(32));
    EXPECT_EQ(trunk.tree.evictions(), 2u);
    EXPECT_FALSE(SequenceState(&trunk.pages).reserve(48));
    EXPECT_TRUE(SequenceState(&trunk.pages).reserve(32));
  }
  EXPECT_EQ(trunk.tree.pages(), 2);
  EXPECT_EQ(trunk.pages.free(), 4);
  EXPECT_EQ(trunk.pages.idle(), 0);
  EXPECT_EQ(holder.length(), 32);
}

TEST(PrefixTree, WhatCostsLessToComputeAgainGoesFirst) {
  Trunk trunk(8);
  trunk.run(ids_of(100, 6, {1}));  // six pages and a tail of one token
  trunk.run(ids_of(900, 1));       // used later, at a cheaper place than the sixth page
  ASSERT_TRUE(SequenceState(&trunk.pages).reserve(16));
  EXPECT_EQ(trunk.found(ids_of(100, 6, {1})), 96) << "the tail went";
  ASSERT_TRUE(SequenceState(&trunk.pages).reserve(32));
  EXPECT_EQ(trunk.found(ids_of(900, 1)), 0);
  EXPECT_EQ(trunk.found(ids_of(100, 6)), 96);
}

TEST(PrefixTree, ForgetsASequenceUpToWhatOthersUse) {
  Trunk trunk(20);
  trunk.run(ids_of(100, 1, ids_of(700, 1)));
  const Ids ids = ids_of(100, 3);
  SequenceState state(&trunk.pages);
  Place place{.salt = 1};
  ASSERT_TRUE(state.reserve(48));
  state.advance(48);
  trunk.tree.insert(place, ids, state);
  EXPECT_EQ(trunk.tree.pages(), 4);
  state.release();
  trunk.tree.forget(place);
  EXPECT_EQ(trunk.tree.pages(), 2);
  EXPECT_EQ(trunk.found(ids), 16);
  EXPECT_EQ(trunk.pages.free(), 20);
}

TEST(PrefixTree, ClearingLeavesEveryPageEmptyButWhatIsHeld) {
  Trunk trunk(20);
  trunk.run(ids_of(100, 4, {1, 2}), 1);
  trunk.run(ids_of(100, 4, {1, 2}), 2);
  {
    SequenceState holder(&trunk.pages);
    Place place{.salt = 1};
    trunk.tree.extend(place, ids_of(100, 2), holder);
    trunk.tree.clear();
    EXPECT_EQ(trunk.tree.pages(), 0);
    EXPECT_EQ(trunk.pages.idle(), 0);
    EXPECT_EQ(trunk.pages.free(), 18);
  }
  EXPECT_EQ(trunk.pages.free(), 20);
}

//   public 100 .. 115 ── salt 1: 116 .. 131
//                     └─ salt 2: 116 .. 131
TEST(PrefixTree, PublicPagesAreEverybodysAndWhatFollowsIsNot) {
  Trunk trunk(40);
  trunk.run(ids_of(100, 2), 1, 1);
  EXPECT_EQ(trunk.found(ids_of(100, 2), 2, 1), 16);
  EXPECT_EQ(trunk.found(ids_of(100, 2), 1, 1), 32);
  EXPECT_EQ(trunk.found(ids_of(100, 2), kPublicSalt, 0), 16);
  EXPECT_EQ(trunk.found(ids_of(100, 2), 2, 0), 0) << "who does not know of it computes it";
  trunk.run(ids_of(100, 2, {1, 2}), 2, 1);
  EXPECT_EQ(trunk.tree.pages(), 4);
  EXPECT_EQ(trunk.found(ids_of(100, 2, {1, 2}), 1, 1), 32);
  EXPECT_EQ(trunk.found(ids_of(100, 2, {1, 2}), 2, 1), 34);
}

}  // namespace
}  // namespace studio::engine
