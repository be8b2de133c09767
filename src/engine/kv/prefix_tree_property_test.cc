// Random sequences over a small pool against a plain map: what is found was computed from the same tokens, pages are
// counted right, and nobody writes what another reads.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "engine/kv/prefix_tree.h"

namespace studio::engine {
namespace {

using Ids = std::vector<TokenId>;

class Random {
 public:
  explicit Random(uint64_t seed) : bits_(seed) {}
  int below(int limit) { return static_cast<int>(bits_() % static_cast<uint64_t>(limit)); }

 private:
  std::mt19937_64 bits_;
};

struct Runner {
  Runner(PagePool* pool, uint64_t salt, Ids what) : ids(std::move(what)), state(pool), place{.salt = salt} {}
  std::span<const TokenId> computed() const { return std::span(ids).first(static_cast<size_t>(state.length())); }

  Ids ids;
  SequenceState state;
  PrefixTree::Place place;
};

class Forest {
 public:
  Forest(uint64_t seed, int pages)
      : random_(seed), pages_(PagePool::create({.layers = 1, .kv_heads = 1, .head_dim = 16}, pages).value()) {}

  void act() {
    switch (random_.below(8)) {
      case 0:
      case 1:
        return start();
      case 2:
      case 3:
      case 4:
        return compute();
      case 5:
        return leave();
      case 6:
        return random_.below(4) == 0 ? fail() : catch_up();
      default:
        (void)SequenceState(&pages_).reserve(random_.below(4) * kPageTokens);  // presses idle pages out
    }
  }

  void check() {
    std::map<int32_t, int> holders;
    for (const Runner& runner : runners_) {
      for (int page = 0; page < runner.state.pages(); ++page) ++holders[runner.state.page_table()[page]];
      for (int position = 0; position < runner.state.length(); ++position) {
        ASSERT_EQ(*slot(runner.state, position), content(runner, position)) << "position " << position;
      }
    }
    int kept = 0, idle = 0;
    for (int32_t page = 0; page < pages_.total(); ++page) {
      ASSERT_EQ(pages_.holders(page), holders[page]) << "page " << page;
      kept += pages_.is_kept(page) ? 1 : 0;
      idle += pages_.is_kept(page) && holders[page] == 0 ? 1 : 0;
      if (holders[page] == 0) holders.erase(page);
    }
    ASSERT_EQ(tree_.pages(), kept);
    ASSERT_EQ(pages_.idle(), idle);
    ASSERT_EQ(pages_.free(), pages_.total() - static_cast<int>(holders.size()));
  }

  void end() {
    runners_.clear();
    check();
    EXPECT_EQ(pages_.free(), pages_.total());
    tree_.clear();
    EXPECT_EQ(pages_.idle(), 0);
    EXPECT_EQ(tree_.pages(), 0);
    EXPECT_EQ(pages_.free(), pages_.total());
  }

  int adopted = 0, copied = 0, refused = 0, exact = 0;
  uint64_t evictions() const { return tree_.evictions(); }

 private:
  // Few kinds of pages, so that much is shared; pages of one kind may differ in their last ids.
  Ids random_ids() {
    Ids ids;
    const int pages = 1 + random_.below(5);
    for (int page = 0; page < pages; ++page) {
      const int kind = random_.below(3);
      for (int i = 0; i < kPageTokens; ++i) ids.push_back(kind * 100 + i);
      if (random_.below(3) == 0) ids.back() = random_.below(2);
    }
    for (int i = random_.below(kPageTokens); i > 0; --i) ids.push_back(random_.below(2));
    return ids;
  }

  uint16_t* slot(const SequenceState& state, int position) {
    const KvPages view = pages_.view(0, 0);
    uint8_t* page = view.base + static_cast<size_t>(state.page_table()[position / kPageTokens]) * view.page_stride;
    return reinterpret_cast<uint16_t*>(page) + position % kPageTokens;
  }
  // A function of the salt and all ids up to the position, as keys and values are.
  static uint16_t content(const Runner& runner, int position) {
    uint64_t hash = runner.place.salt + 14695981039346656037u;  // FNV-1a, a word at a time
    for (int i = 0; i <= position; ++i) {
      hash = (hash ^ static_cast<uint64_t>(runner.ids[static_cast<size_t>(i)])) * 1099511628211u;
      hash ^= hash >> 29;
    }
    return static_cast<uint16_t>(hash);
  }

  // Whole pages of `ids` that some sequence of the salt kept.
  int model_pages(uint64_t salt, const Ids& ids) const {
    int pages = 0;
    while ((pages + 1) * kPageTokens <= static_cast<int>(ids.size()) &&
           kept_.contains({salt, Ids(ids.begin(), ids.begin() + (pages + 1) * kPageTokens)})) {
      ++pages;
    }
    return pages;
  }

  void start() {
    if (runners_.size() > 5) return;
    Runner runner(&pages_, static_cast<uint64_t>(random_.below(2)), random_ids());
    tree_.extend(runner.place, runner.ids, runner.state);
    const int found = runner.place.pages, modelled = model_pages(runner.place.salt, runner.ids);
    ASSERT_LE(found, modelled);
    if (tree_.evictions() == 0 && !forgot_) {
      ASSERT_EQ(found, modelled);
      ++exact;
    }
    adopted += found;
    if (!runner.state.reserve(static_cast<int>(runner.ids.size()))) {
      ++refused;
      return;
    }
    const int before = runner.state.length();
    tree_.copy_beginning(runner.place, runner.ids, runner.state);
    copied += runner.state.length() - before;
    runners_.push_back(std::move(runner));
  }

  Runner* pick() {
    return runners_.empty() ? nullptr
                            : &runners_[static_cast<size_t>(random_.below(static_cast<int>(runners_.size())))];
  }

  void keep(Runner& runner) {
    tree_.insert(runner.place, runner.computed(), runner.state);
    for (int page = 1; page <= runner.place.pages; ++page) {
      kept_.insert({runner.place.salt, Ids(runner.ids.begin(), runner.ids.begin() + page * kPageTokens)});
    }
  }

  void compute() {
    Runner* runner = pick();
    if (runner == nullptr) return;
    const int left = static_cast<int>(runner->ids.size()) - runner->state.length();
    if (left == 0) return;
    for (int i = 1 + random_.below(left); i > 0; --i) {
      const int position = runner->state.length();
      const int32_t page = runner->state.page_table()[position / kPageTokens];
      ASSERT_EQ(pages_.holders(page), 1) << "another reads what is written";
      ASSERT_FALSE(pages_.is_kept(page));
      *slot(runner->state, position) = content(*runner, position);
      runner->state.advance(1);
    }
    keep(*runner);
  }

  void catch_up() {
    if (Runner* runner = pick()) tree_.extend(runner->place, runner->ids, runner->state);
  }

  void leave() {
    Runner* runner = pick();
    if (runner == nullptr) return;
    keep(*runner);
    if (random_.below(4) > 0) tree_.insert_tail(runner->place, runner->computed(), runner->state);
    runners_.erase(runners_.begin() + (runner - runners_.data()));
  }

  void fail() {
    Runner* runner = pick();
    if (runner == nullptr) return;
    runner->state.release();
    tree_.forget(runner->place);
    forgot_ = true;
    runners_.erase(runners_.begin() + (runner - runners_.data()));
  }

  Random random_;
  PagePool pages_;
  PrefixTree tree_{&pages_};
  std::vector<Runner> runners_;
  std::set<std::pair<uint64_t, Ids>> kept_;
  bool forgot_ = false;
};

TEST(PrefixTreeProperty, CountsAndContentsHoldOverRandomOperations) {
  int adopted = 0, copied = 0, refused = 0, exact = 0;
  uint64_t evictions = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Forest forest(seed, seed % 3 == 0 ? 200 : 12 + static_cast<int>(seed));
    for (int i = 0; i < 400; ++i) {
      forest.act();
      forest.check();
      if (HasFatalFailure()) FAIL() << "seed " << seed << ", operation " << i;
    }
    forest.end();
    adopted += forest.adopted;
    copied += forest.copied;
    refused += forest.refused;
    exact += forest.exact;
    evictions += forest.evictions();
  }
  // The run saw what it is about.
  EXPECT_GT(adopted, 1000);
  EXPECT_GT(copied, 1000);
  EXPECT_GT(refused, 50);
  EXPECT_GT(exact, 100);
  EXPECT_GT(evictions, 1000u);
}

}  // namespace
}  // namespace studio::engine
