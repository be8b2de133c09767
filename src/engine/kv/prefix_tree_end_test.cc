// Logits at the ends of prompts: found for the same prompt alone, and only while its pages are there.
#include <gtest/gtest.h>

#include "engine/kv/prefix_tree_for_test.h"

namespace studio::engine {
namespace {

constexpr size_t kVocab = 8;

std::vector<float> logits_of(const Ids& ids) {
  return std::vector<float>(kVocab, static_cast<float>(ids.size()) + 0.5f);
}

struct Prompts : Trunk {
  using Trunk::Trunk;

  // A prompt that is computed, keeps its end, is answered with `answer` and leaves.
  void prompt(const Ids& ids, const Ids& answer = {}, uint64_t salt = 1) {
    SequenceState state(&pages);
    Place place{.salt = salt};
    Ids all = ids;
    all.insert(all.end(), answer.begin(), answer.end());
    ASSERT_TRUE(state.reserve(static_cast<int>(all.size())));
    state.advance(static_cast<int>(all.size()));
    tree.insert(place, ids, state);
    tree.keep_logits(place, ids, logits_of(ids));
    tree.insert(place, all, state);
    tree.insert_tail(place, all, state);
  }
  // Whether the same prompt again has nothing to compute.
  bool is_whole(const Ids& ids, uint64_t salt = 1) {
    SequenceState state(&pages);
    Place place{.salt = salt};
    const auto but_last = std::span(ids).first(ids.size() - 1);
    tree.extend(place, but_last, state);
    EXPECT_TRUE(state.reserve(static_cast<int>(ids.size())));
    tree.copy_beginning(place, but_last, state);
    const int before = state.length();
    const auto logits = tree.take_end(place, ids, state);
    EXPECT_EQ(state.length(), logits.empty() ? before : static_cast<int>(ids.size()));
    if (logits.empty()) return false;
    EXPECT_EQ(std::vector<float>(logits.begin(), logits.end()), logits_of(ids));
    return true;
  }
};

TEST(PrefixTreeEnd, TheSamePromptHasNothingToCompute) {
  for (const int rest : {0, 1, 15}) {
    for (const int pages : {0, 1, 3}) {
      if (rest + pages == 0) continue;
      Prompts prompts(40);
      const Ids ids = ids_of(100, pages, Ids(static_cast<size_t>(rest), 7));
      prompts.prompt(ids, {8, 8});
      EXPECT_TRUE(prompts.is_whole(ids)) << pages << " pages and " << rest;
      EXPECT_FALSE(prompts.is_whole(ids, 2)) << "another salt";
      Ids longer = ids, other = ids;
      longer.push_back(7);
      other.back() = 9;
      EXPECT_FALSE(prompts.is_whole(longer));
      EXPECT_FALSE(prompts.is_whole(other));
      if (ids.size() > 1) EXPECT_FALSE(prompts.is_whole(Ids(ids.begin(), ids.end() - 1)));
      EXPECT_EQ(prompts.tree.ends(), 1);
    }
  }
}

TEST(PrefixTreeEnd, AnswersOfOnePromptShareItsEnd) {
  Prompts prompts(40);
  const Ids ids = ids_of(100, 2, {1, 2, 3});
  prompts.prompt(ids, ids_of(500, 1));
  prompts.prompt(ids, ids_of(900, 1));
  EXPECT_EQ(prompts.tree.ends(), 1);
  EXPECT_TRUE(prompts.is_whole(ids));
}

// The prompt's last tokens stand in a page that its answer filled: without it they are computed again.
TEST(PrefixTreeEnd, AnEndWithoutItsLastPageIsNoUse) {
  Prompts prompts(6);
  const Ids ids = ids_of(100, 2, {1, 2, 3});
  prompts.prompt(ids);
  EXPECT_TRUE(prompts.is_whole(ids));
  ASSERT_TRUE(SequenceState(&prompts.pages).reserve(4 * kPageTokens));
  EXPECT_EQ(prompts.tree.pages(), 2);
  EXPECT_EQ(prompts.tree.ends(), 1);
  EXPECT_FALSE(prompts.is_whole(ids));
  ASSERT_TRUE(SequenceState(&prompts.pages).reserve(6 * kPageTokens));
  EXPECT_EQ(prompts.tree.ends(), 0) << "it goes with the page that it stands behind";
  EXPECT_FALSE(prompts.is_whole(ids));
}

TEST(PrefixTreeEnd, TheEndsUsedLastAreKept) {
  Prompts prompts(40);
  SequenceState state(&prompts.pages);
  Place place{.salt = 1};
  const std::vector<float> row(static_cast<size_t>(kStoredLogitsBytes / 4 / sizeof(float)), 1.0f);  // four fit
  auto keep = [&](TokenId id) { prompts.tree.keep_logits(place, Ids{id}, row); };
  for (const TokenId id : {1, 2, 3, 4, 1, 5, 6}) keep(id);
  EXPECT_EQ(prompts.tree.ends(), 4);
  auto is_kept = [&](TokenId id) {
    prompts.run({id});
    Place at{.salt = 1};
    SequenceState taker(&prompts.pages);
    EXPECT_TRUE(taker.reserve(1));
    return !prompts.tree.take_end(at, Ids{id}, taker).empty();
  };
  EXPECT_TRUE(is_kept(1));
  for (const TokenId id : {2, 3}) EXPECT_FALSE(is_kept(id));
  for (const TokenId id : {4, 5, 6}) EXPECT_TRUE(is_kept(id));
  prompts.tree.clear();
  EXPECT_EQ(prompts.tree.ends(), 0);
}

TEST(PrefixTreeEnd, ARowLargerThanAllRoomIsKeptAlone) {
  Prompts prompts(4);
  Place place{.salt = 1};
  const std::vector<float> row(static_cast<size_t>(kStoredLogitsBytes / sizeof(float)) + 1, 1.0f);
  prompts.tree.keep_logits(place, Ids{1}, row);
  prompts.tree.keep_logits(place, Ids{2}, row);
  EXPECT_EQ(prompts.tree.ends(), 1);
}

}  // namespace
}  // namespace studio::engine
