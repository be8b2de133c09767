// A tree over a pool, and sequences that compute and look for ids in it: what the tests of the tree share.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "engine/kv/prefix_tree.h"

namespace studio::engine {

using Ids = std::vector<TokenId>;
using Place = PrefixTree::Place;

// `pages` times 16 ids that begin with `first`, then those of `rest`.
inline Ids ids_of(TokenId first, int pages, const Ids& rest = {}) {
  Ids ids;
  for (int i = 0; i < pages * kPageTokens; ++i) ids.push_back(first + i);
  ids.insert(ids.end(), rest.begin(), rest.end());
  return ids;
}

struct Trunk {
  explicit Trunk(int count) : pages(PagePool::create({.layers = 1, .kv_heads = 1, .head_dim = 16}, count).value()) {}

  // What a page of these ids holds, which are all up to its end; its salt too, so that one that strays is seen.
  static uint8_t content_of(std::span<const TokenId> ids, uint64_t salt) {
    uint64_t hash = salt + 1;
    for (const TokenId id : ids) hash = hash * 31 + static_cast<uint64_t>(id);
    return static_cast<uint8_t>(hash ^ hash >> 8);
  }
  uint8_t expected(const Ids& ids, const Place& place, int page) const {
    const size_t end = std::min(ids.size(), static_cast<size_t>(page + 1) * kPageTokens);
    return content_of(std::span(ids).first(end), place.salt_of(page));
  }

  // A sequence that computes all of `ids`, leaves them to the tree and ends.
  void run(const Ids& ids, uint64_t salt = 1, int public_pages = 0) {
    SequenceState state(&pages);
    Place place{.salt = salt, .public_pages = public_pages};
    ASSERT_TRUE(state.reserve(static_cast<int>(ids.size())));
    state.advance(static_cast<int>(ids.size()));
    for (int page = 0; page < state.pages(); ++page) {
      std::ranges::fill(pages.bytes(state.page_table()[page]), expected(ids, place, page));
    }
    tree.insert(place, ids, state);
    tree.insert_tail(place, ids, state);
  }
  // Positions of `ids` that a new sequence need not compute. Whole pages hold what was computed of their ids.
  int found(const Ids& ids, uint64_t salt = 1, int public_pages = 0, int budget = 1000) {
    SequenceState state(&pages);
    Place place{.salt = salt, .public_pages = public_pages};
    tree.extend(place, ids, state);
    EXPECT_TRUE(state.reserve(static_cast<int>(ids.size())));
    has_more = tree.restore(place, ids, state, budget);
    tree.copy_beginning(place, ids, state);
    for (int page = 0; page < place.pages; ++page) {
      EXPECT_EQ(pages.bytes(state.page_table()[page]).back(), expected(ids, place, page)) << "page " << page;
    }
    return state.length();
  }
  void write_all() {
    while (tree.write_page()) {
    }
  }

  PagePool pages;
  PrefixTree tree{&pages};
  bool has_more = false;  // of the last found(): the budget was too small
};

}  // namespace studio::engine
