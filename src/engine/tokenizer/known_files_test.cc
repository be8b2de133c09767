#include "engine/tokenizer/known_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

namespace studio::engine {
namespace {

namespace fs = std::filesystem;
using std::chrono::nanoseconds, std::chrono::seconds, std::chrono::system_clock;

constexpr int64_t kSecond = 1'000'000'000;

system_clock::time_point at(int64_t ns) {
  return system_clock::time_point(std::chrono::duration_cast<system_clock::duration>(nanoseconds(ns)));
}

class KnownFiles : public testing::Test {
 protected:
  KnownFiles() : folder_(testing::TempDir() + "known_files_test." + std::to_string(::getpid())) {
    fs::create_directories(folder_);
  }
  ~KnownFiles() override { fs::remove_all(folder_); }

  static FileIdentity file(uint64_t inode) {
    return {.device = 7, .inode = inode, .size = 1000, .modified_ns = 100 * kSecond, .changed_ns = 200 * kSecond};
  }
  static Sha256Digest digest(uint8_t first) { return {first, 2, 3}; }
  // Long after its last change.
  void remember(const FileIdentity& file, const Sha256Digest& vocabulary) const {
    remember_file(folder_, file, vocabulary, at(file.changed_ns + 3600 * kSecond));
  }
  std::string path() const { return folder_ + "/" + std::string(kKnownFilesName); }
  std::string record() const { return read_file(path(), 1u << 20).value(); }
  void write(const std::string& bytes) const { std::ofstream(path(), std::ios::binary) << bytes; }

  const std::string folder_;
};

TEST_F(KnownFiles, KnowsAFileWhileNothingOfItChanges) {
  EXPECT_FALSE(find_known_file(folder_, file(1)));
  remember(file(1), digest(1));
  remember(file(2), digest(2));
  EXPECT_EQ(find_known_file(folder_, file(1)), digest(1));
  EXPECT_EQ(find_known_file(folder_, file(2)), digest(2));
  EXPECT_EQ(fs::status(path()).permissions(), fs::perms::owner_read | fs::perms::owner_write);

  std::vector<FileIdentity> others(5, file(1));
  ++others[0].device, others[1].inode = 3, --others[2].size, ++others[3].modified_ns, ++others[4].changed_ns;
  for (const FileIdentity& other : others) EXPECT_FALSE(find_known_file(folder_, other));
}

TEST_F(KnownFiles, RemembersOnlyWhatRests) {
  const int64_t rest = nanoseconds(kRestBeforeKnown).count();
  const FileIdentity changed_last = file(1);
  FileIdentity modified_last = file(2);
  modified_last.modified_ns = modified_last.changed_ns + kSecond;  // as who sets it may wish
  for (const FileIdentity& one : {changed_last, modified_last}) {
    const int64_t last = std::max(one.modified_ns, one.changed_ns);
    for (const int64_t now : {last - 3600 * kSecond, last, last + rest - 1}) {
      remember_file(folder_, one, digest(1), at(now));
      EXPECT_FALSE(fs::exists(path()));
    }
    remember_file(folder_, one, digest(1), at(last + rest));
    EXPECT_EQ(find_known_file(folder_, one), digest(1));
    fs::remove(path());
  }
}

TEST_F(KnownFiles, ForgetsWhatAFileWasBefore) {
  remember(file(1), digest(1));
  const size_t size = record().size();
  FileIdentity written_again = file(1);
  written_again.size += 1, written_again.changed_ns += 5;
  remember(written_again, digest(2));
  EXPECT_FALSE(find_known_file(folder_, file(1)));
  EXPECT_EQ(find_known_file(folder_, written_again), digest(2));
  EXPECT_EQ(record().size(), size);
}

TEST_F(KnownFiles, HasRoomForTheLatest) {
  for (uint64_t inode = 0; inode <= kMaxKnownFiles; ++inode) remember(file(inode), digest(static_cast<uint8_t>(inode)));
  EXPECT_FALSE(find_known_file(folder_, file(0)));
  for (uint64_t inode = 1; inode <= kMaxKnownFiles; ++inode) {
    EXPECT_EQ(find_known_file(folder_, file(inode)), digest(static_cast<uint8_t>(inode)));
  }
}

TEST_F(KnownFiles, BeginsABrokenRecordAnew) {
  remember(file(1), digest(1));
  remember(file(2), digest(2));
  const std::string right = record();
  std::vector<std::string> broken = {right + "x", std::string(1u << 20, 'x')};
  for (size_t size = 0; size < right.size(); ++size) broken.push_back(right.substr(0, size));
  for (size_t i = 0; i < right.size(); ++i) {
    broken.push_back(right);
    broken.back()[i] = static_cast<char>(broken.back()[i] ^ 0x40);
  }
  for (const std::string& bytes : broken) {
    write(bytes);
    EXPECT_FALSE(find_known_file(folder_, file(1)));
    EXPECT_FALSE(find_known_file(folder_, file(2)));
  }
  remember(file(1), digest(1));
  remember(file(2), digest(2));
  EXPECT_EQ(record(), right);
}

// What another program or version wrote is whole by its own digest.
TEST_F(KnownFiles, ReadsNoOtherFormat) {
  remember(file(1), digest(1));
  const std::string right = record();
  const auto sealed = [&](size_t place, uint32_t value) {
    std::string changed = right.substr(0, right.size() - sizeof(Sha256Digest));
    std::memcpy(changed.data() + place, &value, sizeof value);
    const Sha256Digest sum = sha256(changed);
    return changed + std::string(reinterpret_cast<const char*>(sum.data()), sum.size());
  };
  constexpr size_t kVersionAt = 8, kCountAt = 12;
  write(sealed(kVersionAt, 1));
  EXPECT_EQ(find_known_file(folder_, file(1)), digest(1));
  for (const std::string& other : {sealed(0, 0x46554747), sealed(kVersionAt, 0), sealed(kVersionAt, 2),
                                   sealed(kCountAt, 0), sealed(kCountAt, 2), sealed(kCountAt, ~0u)}) {
    write(other);
    EXPECT_FALSE(find_known_file(folder_, file(1)));
  }
}

TEST_F(KnownFiles, DoesWithoutAFolder) {
  remember_file("/proc/nowhere", file(1), digest(1), at(3600 * kSecond));
  EXPECT_FALSE(find_known_file("/proc/nowhere", file(1)));
}

}  // namespace
}  // namespace studio::engine
