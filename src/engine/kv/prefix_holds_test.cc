// Holds of the prefix tree against a plain list of them, over random sequences and a small pool.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <set>
#include <utility>

#include "engine/kv/prefix_tree_for_test.h"

namespace studio::engine {
namespace {

using Time = PrefixTree::Time;

Time at(int seconds) {
  return Time(std::chrono::seconds(seconds));
}

// Pages of `ids` that the tree has, as a place.
Place place_of(Trunk& trunk, const Ids& ids, uint64_t salt, SequenceState& state) {
  Place place{.salt = salt};
  trunk.tree.extend(place, ids, state);
  return place;
}

TEST(PrefixHolds, KeepABeginningAndLetTheRestGo) {
  Trunk trunk(20);
  trunk.run(ids_of(100, 8));
  {
    SequenceState state(&trunk.pages);
    const Place place = place_of(trunk, ids_of(100, 8), 1, state);
    ASSERT_TRUE(trunk.tree.hold(place, 5, at(10)));
    EXPECT_EQ(trunk.tree.held(), 5);
    EXPECT_EQ(trunk.tree.held_pages(place, 8), 5);
    EXPECT_EQ(trunk.tree.held_pages(place, 4), 0);
  }
  for (TokenId first = 1000; first < 1900; first += 100) trunk.run(ids_of(first, 14));
  EXPECT_EQ(trunk.found(ids_of(100, 8)), 5 * kPageTokens);
  trunk.tree.end_holds(at(10));
  EXPECT_EQ(trunk.tree.held(), 0);
  for (TokenId first = 3000; first < 3900; first += 100) trunk.run(ids_of(first, 14));
  EXPECT_EQ(trunk.found(ids_of(100, 8)), 0);
}

TEST(PrefixHolds, LastAsLongAsTheLatestOfThem) {
  Trunk trunk(20);
  trunk.run(ids_of(100, 4));
  SequenceState state(&trunk.pages);
  const Place place = place_of(trunk, ids_of(100, 4), 1, state);
  ASSERT_TRUE(trunk.tree.hold(place, 4, at(10)));
  ASSERT_TRUE(trunk.tree.hold(place, 4, at(5)));
  trunk.tree.end_holds(at(9));
  EXPECT_EQ(trunk.tree.held_pages(place, 4), 4);
  ASSERT_TRUE(trunk.tree.hold(place, 4, at(15)));
  trunk.tree.end_holds(at(14));
  EXPECT_EQ(trunk.tree.held_pages(place, 4), 4);
  trunk.tree.end_holds(at(15));
  EXPECT_EQ(trunk.tree.held_pages(place, 4), 0);
}

// Sequences that share beginnings of 0 to 4 pages in two salts. Whatever is pressed out, what is held is what the list
// says, as long as others' pages are there to go first.
TEST(PrefixHolds, AreThoseOfAPlainList) {
  std::mt19937_64 random(3);
  const auto below = [&](int limit) { return static_cast<int>(random() % static_cast<uint64_t>(limit)); };
  for (int round = 0; round < 20; ++round) {
    Trunk trunk(60);
    std::map<std::pair<uint64_t, Ids>, int> until;  // of each beginning that is held
    const auto ids_at = [&](int branch, int pages) {
      Ids ids = ids_of(100, std::min(pages, 3));
      if (pages > 3) {
        const Ids own = ids_of(1000 * (branch + 1), pages - 3);
        ids.insert(ids.end(), own.begin(), own.end());
      }
      return ids;
    };
    for (int now = 0; now < 300; ++now) {
      trunk.tree.end_holds(at(now));
      std::erase_if(until, [&](const auto& entry) { return entry.second <= now; });
      const uint64_t salt = 1 + random() % 2;
      const int branch = below(6), pages = 1 + below(6);
      const Ids ids = ids_at(branch, pages);
      trunk.run(ids, salt);
      SequenceState state(&trunk.pages);
      const Place place = place_of(trunk, ids, salt, state);
      ASSERT_EQ(place.pages, pages);
      if (below(3) == 0) {
        const int end = now + 1 + below(60);
        if (trunk.tree.hold(place, pages, at(end))) {
          auto& known = until[{salt, ids}];
          known = std::max(known, end);
        }
      }
      int longest = 0;
      std::set<std::pair<uint64_t, Ids>> held;
      for (const auto& [beginning, end] : until) {
        const auto& [of, tokens] = beginning;
        for (size_t size = kPageTokens; size <= tokens.size(); size += kPageTokens) {
          held.insert({of, Ids(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(size))});
        }
        const bool begins = of == salt && tokens.size() <= ids.size() &&
                            std::ranges::equal(tokens, std::span(ids).first(tokens.size()));
        if (begins) longest = std::max(longest, static_cast<int>(tokens.size()) / kPageTokens);
      }
      EXPECT_EQ(trunk.tree.held_pages(place, pages), longest);
      EXPECT_EQ(trunk.tree.held(), static_cast<int>(held.size()));
      EXPECT_LE(trunk.tree.held(), 60 / kHeldShare);
    }
  }
}

}  // namespace
}  // namespace studio::engine
