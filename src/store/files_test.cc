#include "store/files.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <random>

#include "store/batches.h"
#include "store/test_folder.h"

namespace studio::store {
namespace {

namespace fs = std::filesystem;

class FilesTest : public testing::Test {
 protected:
  FilesTest() { open(); }
  void open() {
    files_.reset();
    store_.reset();
    store_ = Store::open(folder_.path()).value();
    files_ = Files::open(store_, folder_.inner("files")).value();
  }
  StoredFile keep(const std::string& id, const std::string& owner, const std::string& bytes,
                  const std::string& purpose = "batch") {
    FileDraft draft = files_->begin().value();
    for (char byte : bytes) EXPECT_TRUE(draft.append({&byte, 1}).ok());
    auto kept = files_->keep(std::move(draft), {.file_id = id, .owner = owner, .name = id, .purpose = purpose});
    EXPECT_TRUE(kept.ok());
    return kept.value();
  }
  std::string bytes_of(const StoredFile& file) {
    auto bytes = files_->read(file).value().read(0, static_cast<uint64_t>(file.size_bytes)).value();
    return {bytes.begin(), bytes.end()};
  }
  std::vector<std::string> names_on_disk() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_.path() + "/files"))
      names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }
  static std::vector<std::string> ids(const std::vector<StoredFile>& files) {
    std::vector<std::string> ids;
    for (const StoredFile& file : files) ids.push_back(file.file_id);
    return ids;
  }

  TestFolder folder_;
  std::shared_ptr<Store> store_;
  std::unique_ptr<Files> files_;
};

TEST_F(FilesTest, KeepsBytesAndFactsOverARestart) {
  keep("a", "key-1", "message digest");
  open();
  const StoredFile found = files_->find("key-1", "a").value();
  EXPECT_EQ(bytes_of(found), "message digest");
  EXPECT_EQ(found.size_bytes, 14);
  EXPECT_EQ(found.md5, "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(found.purpose, "batch");
  EXPECT_GT(found.created_at, 1'700'000'000);
}

TEST_F(FilesTest, AreTheirOwnersAlone) {
  keep("a", "key-1", "x");
  EXPECT_EQ(files_->find("key-2", "a").error().code(), Code::kNotFound);
  EXPECT_EQ(files_->remove("key-2", "a").error().code(), Code::kNotFound);
  EXPECT_TRUE(files_->list("key-2", {.limit = 9}).value().empty());
  EXPECT_EQ(files_->totals("key-2").value().files, 0);
  EXPECT_EQ(bytes_of(files_->find("key-1", "a").value()), "x");
}

TEST_F(FilesTest, ADraftThatIsDroppedLeavesNothing) {
  {
    FileDraft draft = files_->begin().value();
    ASSERT_TRUE(draft.append("half of it").ok());
    EXPECT_EQ(names_on_disk().size(), 1u);
  }
  EXPECT_TRUE(names_on_disk().empty());
}

TEST_F(FilesTest, WhatHasNoRowGoesAtTheNextOpening) {
  keep("kept", "key-1", "x");
  for (const char* name : {".new.1", "placed-without-a-row"}) std::ofstream(folder_.path() + "/files/" + name) << "y";
  open();
  EXPECT_EQ(names_on_disk(), std::vector<std::string>{"kept"});
}

TEST_F(FilesTest, AnIdIsTakenOnce) {
  keep("a", "key-1", "first");
  FileDraft draft = files_->begin().value();
  EXPECT_EQ(files_->keep(std::move(draft), {.file_id = "a", .owner = "key-2"}).error().code(), Code::kConflict);
}

TEST_F(FilesTest, RemovesRowAndBytes) {
  keep("a", "key-1", "x");
  ASSERT_TRUE(files_->remove("key-1", "a").ok());
  EXPECT_EQ(files_->find("key-1", "a").error().code(), Code::kNotFound);
  EXPECT_TRUE(names_on_disk().empty());
  EXPECT_EQ(files_->remove("key-1", "a").error().code(), Code::kNotFound);
}

TEST_F(FilesTest, ABatchHoldsItsInput) {
  keep("in", "key-1", "x");
  Batches batches(store_);
  ASSERT_TRUE(batches.create({.batch_id = "b", .owner = "key-1", .input_file_id = "in"}).ok());
  EXPECT_EQ(files_->remove("key-1", "in").error().code(), Code::kConflict);
  ASSERT_TRUE(batches.fail("b", "[]", 5).ok());
  EXPECT_TRUE(files_->remove("key-1", "in").ok());
}

TEST_F(FilesTest, ListsPagesAndFilters) {
  for (const char* id : {"a", "b", "c", "d"}) keep(id, "key-1", id, *id == 'b' ? "file-extract" : "batch");
  EXPECT_EQ(ids(files_->list("key-1", {.limit = 9}).value()), (std::vector<std::string>{"d", "c", "b", "a"}));
  EXPECT_EQ(ids(files_->list("key-1", {.oldest_first = true, .limit = 2}).value()),
            (std::vector<std::string>{"a", "b"}));
  const int64_t of_c = files_->find("key-1", "c").value().sequence;
  EXPECT_EQ(ids(files_->list("key-1", {.before_sequence = of_c, .limit = 9}).value()),
            (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(ids(files_->list("key-1", {.purpose = "batch", .before_sequence = of_c, .limit = 9}).value()),
            (std::vector<std::string>{"a"}));
  EXPECT_EQ(ids(files_->list("key-1", {.limit = 2, .offset = 1}).value()), (std::vector<std::string>{"c", "b"}));
  EXPECT_EQ(files_->list("key-1", {.created_until = 5, .limit = 9}).value().size(), 0u);
  EXPECT_EQ(files_->list("key-1", {.created_from = 5, .limit = 9}).value().size(), 4u);
  EXPECT_EQ(files_->count("key-1", {.purpose = "batch"}).value(), 3);
  EXPECT_EQ(files_->totals("key-1").value().bytes, 4);
}

TEST_F(FilesTest, WhatIsOnItsWayHasItsOwnersRoom) {
  constexpr FileTotals kMost{.files = 9, .bytes = 10};
  keep("kept", "key-1", "0123");
  FileDraft first = files_->begin("key-1", kMost).value();
  ASSERT_TRUE(first.append("45").ok());
  {
    FileDraft second = files_->begin("key-1", kMost).value();
    ASSERT_TRUE(second.append("6789").ok());
    EXPECT_EQ(first.append("x").error().code(), Code::kQuotaExceeded);
    EXPECT_EQ(first.size_bytes(), 2);
    EXPECT_TRUE(files_->begin("key-2", kMost).value().append("0123456789").ok());  // another's room is another's
  }
  EXPECT_TRUE(first.append("6789").ok());  // of what was dropped
  ASSERT_TRUE(files_->keep(std::move(first), {.file_id = "first", .owner = "key-1"}).ok());
  FileDraft third = files_->begin("key-1", kMost).value();
  EXPECT_EQ(third.append("x").error().code(), Code::kQuotaExceeded);
  ASSERT_TRUE(files_->remove("key-1", "kept").ok());
  EXPECT_TRUE(third.append("0123").ok());
  EXPECT_EQ(third.append("x").error().code(), Code::kQuotaExceeded);
}

TEST_F(FilesTest, ADraftHasAPlaceAmongItsOwnersFiles) {
  constexpr FileTotals kMost{.files = 2, .bytes = 100};
  keep("kept", "key-1", "x");
  {
    FileDraft draft = files_->begin("key-1", kMost).value();
    EXPECT_EQ(files_->begin("key-1", kMost).error().code(), Code::kQuotaExceeded);
  }
  EXPECT_TRUE(files_->begin("key-1", kMost).ok());
  EXPECT_TRUE(files_->begin().ok());  // the server's own
}

// Whatever comes and goes, in whatever order: bytes are taken exactly where kept ones and those on their way leave
// room.
TEST_F(FilesTest, RoomIsWhatTheSumOfAllLeaves) {
  constexpr FileTotals kMost{.files = 6, .bytes = 60};
  std::mt19937 dice(11);
  std::map<std::string, int64_t> kept;
  std::vector<FileDraft> drafts;
  for (int step = 0; step < 500; ++step) {
    int64_t bytes = 0;
    for (const auto& [id, size] : kept) bytes += size;
    for (const FileDraft& draft : drafts) bytes += draft.size_bytes();
    switch (dice() % 5) {
      case 0: {
        auto draft = files_->begin("key-1", kMost);
        ASSERT_EQ(draft.ok(), static_cast<int64_t>(kept.size() + drafts.size()) < kMost.files);
        if (draft.ok()) drafts.push_back(std::move(*draft));
        break;
      }
      case 1:
      case 2: {
        const std::string piece(dice() % 20, 'x');
        if (drafts.empty()) break;
        const bool has_room = bytes + static_cast<int64_t>(piece.size()) <= kMost.bytes;
        ASSERT_EQ(drafts[dice() % drafts.size()].append(piece).ok(), has_room);
        break;
      }
      case 3: {
        if (drafts.empty()) break;
        FileDraft draft = std::move(drafts.back());
        drafts.pop_back();
        if (dice() % 2 == 0) break;
        const std::string id = "f" + std::to_string(step);
        kept[id] = draft.size_bytes();
        ASSERT_TRUE(files_->keep(std::move(draft), {.file_id = id, .owner = "key-1"}).ok());
        break;
      }
      default:
        if (kept.empty()) break;
        ASSERT_TRUE(files_->remove("key-1", kept.begin()->first).ok());
        kept.erase(kept.begin());
    }
  }
  EXPECT_EQ(names_on_disk().size(), kept.size() + drafts.size());
}

TEST_F(FilesTest, BytesThatSomebodyCutAreNotHandedOut) {
  const StoredFile file = keep("a", "key-1", "0123456789");
  fs::resize_file(folder_.path() + "/files/a", 4);
  EXPECT_EQ(files_->read(file).error().code(), Code::kCorruptData);
}

}  // namespace
}  // namespace studio::store
