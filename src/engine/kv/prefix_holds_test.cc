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

// What is held of a plain list of beginnings: each with all of its own.
class PlainHolds {
 public:
  using Held = std::pair<uint64_t, Ids>;
  void end(int now) {
    std::erase_if(until_, [&](const auto& entry) { return entry.second <= now; });
  }
  void hold(const Held& beginning, int until, int limit) {
    auto more = until_;
    more[beginning] = until;
    while (until_.find(beginning) == until_.end() && pages_of(more) > limit) {
      auto oldest = more.end();
      for (auto each = more.begin(); each != more.end(); ++each) {
        if (each->first.first != beginning.first || each->second >= until) continue;
        if (oldest == more.end() || each->second < oldest->second) oldest = each;
      }
      if (oldest == more.end()) {
        more.erase(beginning);
        break;
      }
      more.erase(oldest);
    }
    if (until_.contains(beginning)) more[beginning] = std::max(until, until_[beginning]);
    until_ = more;
  }
  int pages() const { return pages_of(until_); }
  int longest_of(const Held& sequence) const {
    int longest = 0;
    for (const auto& [beginning, end] : until_) {
      const auto& [salt, ids] = beginning;
      const bool begins = salt == sequence.first && ids.size() <= sequence.second.size() &&
                          std::ranges::equal(ids, std::span(sequence.second).first(ids.size()));
      if (begins) longest = std::max(longest, static_cast<int>(ids.size()) / kPageTokens);
    }
    return longest;
  }

 private:
  static int pages_of(const std::map<Held, int>& all) {
    std::set<Held> pages;
    for (const auto& [beginning, end] : all) {
      const auto& [salt, ids] = beginning;
      for (size_t size = kPageTokens; size <= ids.size(); size += kPageTokens) {
        pages.insert({salt, Ids(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(size))});
      }
    }
    return static_cast<int>(pages.size());
  }
  std::map<Held, int> until_;
};

// Sequences that share up to three pages, in two salts. Whatever is pressed out, what is held is what the list says, as
// there are always others' pages to go first.
TEST(PrefixHolds, AreThoseOfAPlainList) {
  std::mt19937_64 random(3);
  const auto below = [&](int limit) { return static_cast<int>(random() % static_cast<uint64_t>(limit)); };
  int most = 0;
  for (int round = 0; round < 20; ++round) {
    Trunk trunk(60);
    PlainHolds plain;
    for (int now = 0; now < 300; ++now) {
      trunk.tree.end_holds(at(now * 1000));
      plain.end(now * 1000);
      const int branch = below(6), pages = 1 + below(6);
      Ids ids = ids_of(100, std::min(pages, 3));
      const Ids own = ids_of(1000 * (branch + 1), std::max(0, pages - 3));
      ids.insert(ids.end(), own.begin(), own.end());
      const uint64_t salt = 1 + random() % 2;
      trunk.run(ids, salt);
      SequenceState state(&trunk.pages);
      const Place place = place_of(trunk, ids, salt, state);
      ASSERT_EQ(place.pages, pages);
      if (below(3) == 0) {
        const int until = (now + 1 + below(60)) * 1000 + now;  // no two are the same
        plain.hold({salt, ids}, until, 60 / kHeldShare);
        const bool is_held = trunk.tree.hold(place, pages, at(until));
        EXPECT_EQ(is_held, plain.longest_of({salt, ids}) == pages);
      }
      EXPECT_EQ(trunk.tree.held_pages(place, pages), plain.longest_of({salt, ids}));
      EXPECT_EQ(trunk.tree.held(), plain.pages());
      EXPECT_LE(trunk.tree.held(), 60 / kHeldShare);
      most = std::max(most, trunk.tree.held());
    }
  }
  EXPECT_GT(most, 60 / kHeldShare - 3) << "the limit was not met";
}

}  // namespace
}  // namespace studio::engine
