// The prefix tree with a file behind it: what one tree wrote the next one finds, and nothing else.
#include <gtest/gtest.h>

#include <fstream>
#include <memory>

#include "engine/kv/prefix_file_for_test.h"
#include "engine/kv/prefix_file_layout.h"
#include "engine/kv/prefix_tree_for_test.h"

namespace studio::engine {
namespace {

constexpr int kSlots = 8;

class PrefixTreeFile : public testing::Test {
 protected:
  // A tree over the file, as after a start.
  std::unique_ptr<Trunk> start(PrefixTree::Writes writes = PrefixTree::Writes::kAllPages, int pages = 40) {
    auto trunk = std::make_unique<Trunk>(pages);
    const size_t page_bytes = trunk->pages.shape().bytes_per_page();
    const auto limit = static_cast<int64_t>(prefix_layout::file_bytes(kSlots, page_bytes));
    auto file = attach_file(folder.file("a.pages"),
                            {.identity = identity_of(1), .page_bytes = page_bytes, .limit_bytes = limit});
    EXPECT_TRUE(file.ok());
    trunk->tree.use_file(std::move(*file), writes);
    return trunk;
  }

  TestFolder folder;
};

TEST_F(PrefixTreeFile, AnotherStartFindsWholePages) {
  const Ids ids = ids_of(100, 3, {1, 2, 3});
  {
    auto trunk = start();
    trunk->run(ids);
    EXPECT_TRUE(trunk->tree.has_unwritten());
    trunk->write_all();
    EXPECT_FALSE(trunk->tree.has_unwritten());
    EXPECT_EQ(trunk->tree.pages_in_file(), 3);
  }
  auto trunk = start();
  EXPECT_EQ(trunk->found(ids, 2), 0) << "another salt";
  EXPECT_EQ(trunk->found(ids), 48) << "a tail is not written";
  EXPECT_EQ(trunk->tree.restored(), 3u);
  EXPECT_EQ(trunk->found(ids), 48);
  EXPECT_EQ(trunk->tree.restored(), 3u) << "they are in memory now";
  EXPECT_FALSE(trunk->tree.has_unwritten()) << "and in the file already";
}

TEST_F(PrefixTreeFile, PagesGoToTheFileParentsFirst) {
  {
    auto trunk = start();
    trunk->run(ids_of(100, 4));
    EXPECT_TRUE(trunk->tree.write_page());
    EXPECT_TRUE(trunk->tree.write_page());
  }
  EXPECT_EQ(start()->found(ids_of(100, 4)), 32);
}

TEST_F(PrefixTreeFile, ABudgetCutsWhatIsReadAtOnce) {
  {
    auto trunk = start();
    trunk->run(ids_of(100, 5));
    trunk->write_all();
  }
  auto trunk = start();
  EXPECT_EQ(trunk->found(ids_of(100, 5), 1, 0, 2), 32);
  EXPECT_TRUE(trunk->has_more);
  EXPECT_EQ(trunk->found(ids_of(100, 5), 1, 0, 3), 80);
  EXPECT_FALSE(trunk->has_more) << "five are all there are";
}

TEST_F(PrefixTreeFile, WhatMemoryGaveUpComesBack) {
  auto trunk = start(PrefixTree::Writes::kAllPages, 6);
  trunk->run(ids_of(100, 3));
  trunk->write_all();
  trunk->run(ids_of(500, 6));  // presses the others out
  EXPECT_EQ(trunk->tree.evictions(), 3u);
  EXPECT_EQ(trunk->found(ids_of(100, 3)), 48);
  EXPECT_EQ(trunk->tree.restored(), 3u);
}

TEST_F(PrefixTreeFile, AFullFileKeepsWhatMemoryUsesNow) {
  {
    auto trunk = start();
    trunk->run(ids_of(100, 2));
    trunk->write_all();
    for (TokenId i = 1; i < 20; ++i) {
      trunk->run(ids_of(1000 * i, 1));
      trunk->write_all();
      EXPECT_EQ(trunk->found(ids_of(100, 2)), 32);
    }
    EXPECT_EQ(trunk->tree.pages_in_file(), kSlots);
  }
  auto trunk = start();
  EXPECT_EQ(trunk->found(ids_of(100, 2)), 32);
  EXPECT_EQ(trunk->found(ids_of(19000, 1)), 16);
  EXPECT_EQ(trunk->found(ids_of(1000, 1)), 0);
}

TEST_F(PrefixTreeFile, OnlyPublicPagesAreWrittenAndPrivateOnesAreWiped) {
  {
    auto trunk = start(PrefixTree::Writes::kPublicPages);
    trunk->run(ids_of(100, 3), 1, 2);
    trunk->write_all();
    EXPECT_EQ(trunk->tree.pages_in_file(), 2);
  }
  {
    auto trunk = start();
    EXPECT_EQ(trunk->found(ids_of(100, 3), 1, 2), 32);
    trunk->run(ids_of(100, 3), 1, 2);
    trunk->write_all();
    EXPECT_EQ(trunk->tree.pages_in_file(), 3);
  }
  auto trunk = start(PrefixTree::Writes::kPublicPages);
  EXPECT_EQ(trunk->tree.pages_in_file(), 2);
  EXPECT_EQ(trunk->found(ids_of(100, 3), 1, 2), 32);
}

TEST_F(PrefixTreeFile, WhatIsForgottenIsNotInTheFileEither) {
  const Ids ids = ids_of(100, 3);
  {
    auto trunk = start();
    trunk->run(ids_of(100, 1));
    SequenceState other(&trunk->pages);
    Place at_other{.salt = 1};
    trunk->tree.extend(at_other, ids_of(100, 1), other);
    SequenceState state(&trunk->pages);
    Place place{.salt = 1};
    ASSERT_TRUE(state.reserve(48));
    state.advance(48);
    std::ranges::fill(trunk->pages.bytes(state.page_table()[0]), trunk->expected(ids, place, 0));
    trunk->tree.insert(place, ids, state);
    trunk->write_all();
    EXPECT_EQ(trunk->tree.pages_in_file(), 3);
    state.release();
    trunk->tree.forget(place);
    EXPECT_EQ(trunk->tree.pages_in_file(), 1);
  }
  EXPECT_EQ(start()->found(ids), 16);
}

TEST_F(PrefixTreeFile, ADamagedPageAndWhatFollowsAreComputedAgain) {
  const Ids ids = ids_of(100, 3);
  {
    auto trunk = start();
    trunk->run(ids);
    trunk->write_all();
  }
  {
    // Slots are taken in order, so the second one holds the second page.
    const size_t page_bytes = Trunk(1).pages.shape().bytes_per_page();
    std::fstream file(folder.file("a.pages"), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(prefix_layout::pages_at(kSlots) + prefix_layout::page_stride(page_bytes)));
    file.put('\x7f');
  }
  {
    auto trunk = start();
    EXPECT_EQ(trunk->found(ids), 16);
    trunk->run(ids);
    trunk->write_all();
  }
  EXPECT_EQ(start()->found(ids), 48);
}

}  // namespace
}  // namespace studio::engine
