#include "engine/kv/prefix_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <numeric>
#include <vector>

#include "engine/kv/checksum.h"
#include "engine/kv/prefix_file_for_test.h"
#include "engine/kv/prefix_file_layout.h"

namespace studio::engine {
namespace {

namespace layout = prefix_layout;

using Bytes = std::vector<uint8_t>;

constexpr size_t kPageBytes = 200;  // no multiple of a line
constexpr int kSlots = 6;

PrefixFile::Shape shape_of(int slots = kSlots, uint8_t identity = 1) {
  return {.identity = identity_of(identity),
          .page_bytes = kPageBytes,
          .limit_bytes = static_cast<int64_t>(layout::file_bytes(static_cast<size_t>(slots), kPageBytes))};
}

// Page `number` of a chain, whose first id tells chains apart.
std::vector<PrefixRecord> chain(TokenId first, int pages, uint64_t salt = 5) {
  std::vector<PrefixRecord> records;
  PrefixAddress before = identity_of(1);
  for (int i = 0; i < pages; ++i) {
    std::vector<TokenId> ids(kPageTokens);
    std::iota(ids.begin(), ids.end(), first + i * kPageTokens);
    records.push_back(prefix_record(before, salt, i, ids));
    before = records.back().address;
  }
  return records;
}

Bytes content_of(const PrefixRecord& record) {
  Bytes bytes(kPageBytes);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(record.address[i % 32] + i / 32);
  return bytes;
}

void write(PrefixFile& file, const std::vector<PrefixRecord>& records, uint64_t used) {
  for (const PrefixRecord& record : records) file.write(file.make_room(), record, content_of(record), used);
}

bool has(PrefixFile& file, const PrefixRecord& record) {
  const int slot = file.find(record);
  if (slot < 0) return false;
  Bytes page(kPageBytes);
  if (!file.read(slot, page)) return false;
  EXPECT_EQ(page, content_of(record));
  return true;
}

class PrefixFileTest : public testing::Test {
 protected:
  PrefixFile open(const PrefixFile::Shape& shape = shape_of()) { return attach_file(path, shape).value(); }
  Bytes bytes() const {
    std::ifstream file(path, std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(file), {});
  }
  void put(const Bytes& content) const {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  }

  TestFolder folder;
  std::string path = folder.file("a.pages");
};

TEST_F(PrefixFileTest, TheNextLifeFindsWhatTheLastOneWrote) {
  const auto one = chain(100, 3), two = chain(500, 2, 9);
  {
    PrefixFile file = open();
    EXPECT_EQ(file.capacity(), kSlots);
    write(file, one, 7);
    write(file, two, 8);
  }
  PrefixFile file = open();
  EXPECT_EQ(file.pages(), 5);
  EXPECT_EQ(file.last_use(), 8u);
  for (const auto& records : {one, two}) {
    for (const PrefixRecord& record : records) EXPECT_TRUE(has(file, record));
  }
  EXPECT_FALSE(has(file, chain(100, 3, 9)[2])) << "another salt";
  EXPECT_FALSE(has(file, chain(101, 3)[2]));
  EXPECT_EQ(file.damaged(), 0u);
}

// Two pages of one address cannot be made; a record that claims another's shows that tokens are compared.
TEST_F(PrefixFileTest, TheTokensDecideNotTheAddress) {
  PrefixFile file = open();
  write(file, chain(100, 1), 1);
  PrefixRecord other = chain(100, 1)[0];
  other.tokens.back() += 1;
  EXPECT_EQ(file.find(other), -1);
}

TEST_F(PrefixFileTest, AFullFileGivesUpWhatWasUsedLongestAgoDeepestFirst) {
  PrefixFile file = open();
  const auto old = chain(100, 3), recent = chain(500, 3), more = chain(900, 2);
  write(file, recent, 1);
  write(file, old, 2);
  for (const PrefixRecord& record : recent) file.touch(file.find(record), 3);
  write(file, more, 4);
  EXPECT_EQ(file.pages(), kSlots);
  EXPECT_TRUE(has(file, old[0]));
  EXPECT_FALSE(has(file, old[1]));
  EXPECT_FALSE(has(file, old[2]));
  for (const auto& records : {recent, more}) {
    for (const PrefixRecord& record : records) EXPECT_TRUE(has(file, record));
  }
  file.drop(file.find(old[0]));
  EXPECT_FALSE(has(file, old[0]));
  EXPECT_EQ(file.pages(), kSlots - 1);
}

TEST_F(PrefixFileTest, ADamagedPageIsDroppedWhenItIsRead) {
  const auto records = chain(100, 3);
  {
    PrefixFile file = open();
    write(file, records, 1);
  }
  Bytes content = bytes();
  content[layout::pages_at(kSlots) + layout::page_stride(kPageBytes) + kPageBytes - 1] ^= 1;
  put(content);
  PrefixFile file = open();
  EXPECT_EQ(file.pages(), 3);
  EXPECT_TRUE(has(file, records[0]));
  EXPECT_FALSE(has(file, records[1]));
  EXPECT_EQ(file.find(records[1]), -1) << "it is not tried again";
  EXPECT_TRUE(has(file, records[2]));
  EXPECT_EQ(file.damaged(), 1u);
}

TEST_F(PrefixFileTest, ADamagedHeadIsAsIfThePageWereNotThere) {
  const auto records = chain(100, 3);
  {
    PrefixFile file = open();
    write(file, records, 1);
  }
  const Bytes content = bytes();
  for (size_t i = 0; i < offsetof(layout::Head, used); ++i) {
    Bytes changed = content;
    changed[layout::kFilePage + sizeof(layout::Head) + i] ^= 0x40;
    put(changed);
    PrefixFile file = open();
    EXPECT_EQ(file.pages(), 2) << "byte " << i;
    EXPECT_TRUE(has(file, records[0]));
    EXPECT_FALSE(has(file, records[1]));
    write(file, {records[1]}, 2);
    EXPECT_TRUE(has(file, records[1]));
  }
}

TEST_F(PrefixFileTest, TheSamePageTwiceIsDroppedAsOne) {
  const PrefixRecord record = chain(1, 1)[0];
  {
    PrefixFile file = open();
    write(file, {record}, 1);
    ASSERT_EQ(file.find(record), 0);
  }
  Bytes content = bytes();
  const auto copy = [&](size_t first, size_t apart, size_t size) {
    std::copy_n(content.begin() + static_cast<ptrdiff_t>(first), size,
                content.begin() + static_cast<ptrdiff_t>(first + 3 * apart));
  };
  copy(layout::kFilePage, sizeof(layout::Head), sizeof(layout::Head));
  copy(layout::pages_at(kSlots), layout::page_stride(kPageBytes), kPageBytes);
  put(content);
  {
    PrefixFile file = open();
    ASSERT_TRUE(has(file, record));
    file.drop(file.find(record));
    EXPECT_FALSE(has(file, record));
  }
  PrefixFile file = open();
  EXPECT_FALSE(has(file, record));
}

TEST_F(PrefixFileTest, AnotherRecordUnderAnAddressMakesWay) {
  const PrefixRecord record = chain(1, 1)[0];
  PrefixRecord foreign = record;
  foreign.tokens[0] += 1;
  PrefixFile file = open();
  write(file, {foreign}, 1);
  write(file, {record}, 9);
  EXPECT_EQ(file.pages(), 1);
  write(file, chain(1000, kSlots - 1), 5);
  EXPECT_TRUE(has(file, record));
}

TEST_F(PrefixFileTest, WhatIsNotOursIsBegunAnew) {
  const auto records = chain(100, 3);
  {
    PrefixFile file = open();
    write(file, records, 1);
  }
  const Bytes content = bytes();
  auto is_empty_and_usable = [&](const Bytes& found, const PrefixFile::Shape& shape) {
    put(found);
    PrefixFile file = open(shape);
    EXPECT_EQ(file.pages(), 0);
    write(file, records, 1);
    EXPECT_TRUE(has(file, records[2]));
    EXPECT_EQ(bytes().size(), static_cast<size_t>(shape.limit_bytes));
  };
  is_empty_and_usable({}, shape_of());
  is_empty_and_usable(Bytes(100, 'x'), shape_of());
  is_empty_and_usable(Bytes(content.size(), 'x'), shape_of());
  is_empty_and_usable(content, shape_of(kSlots, 2));
  is_empty_and_usable(content, shape_of(kSlots + 1));
  for (const size_t size : {content.size() - 1, content.size() / 2, layout::kFilePage, size_t{1}}) {
    is_empty_and_usable(Bytes(content.begin(), content.begin() + static_cast<ptrdiff_t>(size)), shape_of());
  }
  Bytes longer = content;
  longer.push_back(0);
  is_empty_and_usable(longer, shape_of());
  for (size_t i = 0; i < sizeof(layout::FileHeader); ++i) {
    Bytes changed = content;
    changed[i] ^= 1;
    is_empty_and_usable(changed, shape_of());
  }
}

TEST_F(PrefixFileTest, NothingOfOtherSaltsIsLeft) {
  const auto ours = chain(100, 2, 0), private_ones = chain(500, 2, 9);
  {
    PrefixFile file = open();
    write(file, ours, 1);
    write(file, private_ones, 1);
    file.wipe_all_but(0);
    for (const PrefixRecord& record : ours) EXPECT_TRUE(has(file, record));
    EXPECT_EQ(file.pages(), 2);
  }
  const Bytes content = bytes();
  for (const PrefixRecord& record : private_ones) {
    const Bytes page = content_of(record);
    EXPECT_TRUE(std::ranges::search(content, page).empty());
    const auto* ids = reinterpret_cast<const uint8_t*>(record.tokens.data());
    EXPECT_EQ(std::search(content.begin(), content.end(), ids, ids + sizeof record.tokens), content.end());
  }
}

TEST_F(PrefixFileTest, ALimitBelowAPageIsRefused) {
  PrefixFile::Shape shape = shape_of(1);
  EXPECT_EQ(open(shape).capacity(), 1);
  shape.limit_bytes -= 1;
  const auto refused = attach_file(path, shape);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kInvalidArgument);
  shape.limit_bytes = -1;
  EXPECT_FALSE(attach_file(path, shape).ok());
}

TEST(Checksum, TellsEveryChangeOfOneByteAndOfTheLength) {
  Bytes bytes(133);
  std::iota(bytes.begin(), bytes.end(), 0);
  const uint64_t sum = checksum(bytes);
  for (uint8_t& byte : bytes) {
    byte ^= 0x10;
    EXPECT_NE(checksum(bytes), sum);
    byte ^= 0x10;
  }
  EXPECT_EQ(checksum(bytes), sum);
  bytes.push_back(0);
  EXPECT_NE(checksum(bytes), sum);
  EXPECT_NE(checksum(Bytes(184, 0)), 0u) << "an empty head would be whole";
}

}  // namespace
}  // namespace studio::engine
