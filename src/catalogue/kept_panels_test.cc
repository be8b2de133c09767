#include "catalogue/kept_panels.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/file_lock.h"

namespace studio::catalogue {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPanelBytes = 4096;

// What a panel file is made of is not this library's to know: any bytes stand for one here.
class KeptPanelsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(fs::is_directory(home_));
    fs::create_directory(data_);
    write(model_, "GGUF of some model");
  }
  void TearDown() override { fs::remove_all(home_); }

  static std::string new_folder() {
    std::string path = fs::temp_directory_path() / "studio_kept_panels_XXXXXX";
    return ::mkdtemp(path.data()) != nullptr ? path : "";
  }
  static void write(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }
  static void flip(const std::string& path, std::streamoff at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at);
    const char byte = static_cast<char>(file.get() ^ 1);
    file.seekp(at);
    file.put(byte);
  }

  Status keep(const std::string& model, char content = 'p') {
    STUDIO_TRY(const auto made_of, stamp_of(model));
    STUDIO_TRY(const std::string staging, kept_.make_staging(model));
    write(staging + "/new.panels", std::string(kPanelBytes, content));
    return kept_.publish(staging + "/new.panels", model, made_of);
  }

  const std::string home_ = new_folder(), data_ = home_ + "/data", model_ = home_ + "/model.gguf";
  KeptPanels kept_{data_};
};

TEST_F(KeptPanelsTest, AreFoundOnceTheyAreWhole) {
  EXPECT_FALSE(kept_.find(model_));
  ASSERT_TRUE(keep(model_).ok());
  const auto found = kept_.find(model_);
  ASSERT_TRUE(found);
  EXPECT_EQ(fs::file_size(*found), kPanelBytes);
  EXPECT_EQ(kept_.find(home_ + "/./model.gguf"), found);  // the same file
  EXPECT_EQ(fs::status(data_ + "/panels").permissions(), fs::perms::owner_all);
  EXPECT_FALSE(kept_.find(home_ + "/another.gguf"));
}

TEST_F(KeptPanelsTest, AnotherModelAtThePlaceHasNone) {
  ASSERT_TRUE(keep(model_).ok());
  const auto written = fs::last_write_time(model_);
  write(model_, "GGUF of a new model, longer");
  fs::last_write_time(model_, written);
  EXPECT_FALSE(kept_.find(model_));

  ASSERT_TRUE(keep(model_).ok());
  flip(model_, 6);  // as long as before, and as old
  fs::last_write_time(model_, written);
  EXPECT_FALSE(kept_.find(model_));

  ASSERT_TRUE(keep(model_).ok());
  fs::last_write_time(model_, written + std::chrono::nanoseconds(1'000'000));
  EXPECT_FALSE(kept_.find(model_));
  fs::remove(model_);
  EXPECT_FALSE(kept_.find(model_));
}

TEST_F(KeptPanelsTest, BrokenOnesAreNotFoundAndMadeAnew) {
  ASSERT_TRUE(keep(model_).ok());
  const std::string panels = *kept_.find(model_), note = fs::path(panels).replace_extension(".json");

  flip(panels, 40);  // the digest of the head
  EXPECT_FALSE(kept_.find(model_));
  ASSERT_TRUE(keep(model_).ok());
  fs::resize_file(panels, kPanelBytes - 1);
  EXPECT_FALSE(kept_.find(model_));
  ASSERT_TRUE(keep(model_).ok());
  write(panels, std::string(kPanelBytes, 'x'));  // another model's, of the same length
  EXPECT_FALSE(kept_.find(model_));
  ASSERT_TRUE(keep(model_).ok());
  fs::remove(panels);
  EXPECT_FALSE(kept_.find(model_));
  ASSERT_TRUE(keep(model_).ok());
  for (const char* text : {"", "[]", "{\"source\": 1}", "{\"source\": \"elsewhere\"}", "{"}) {
    write(note, text);
    EXPECT_FALSE(kept_.find(model_)) << text;
  }
  ASSERT_TRUE(keep(model_).ok());
  EXPECT_TRUE(kept_.find(model_));
}

TEST_F(KeptPanelsTest, AModelThatChangesMeanwhileIsNotKept) {
  const auto made_of = stamp_of(model_);
  ASSERT_TRUE(made_of.ok());
  const auto staging = kept_.make_staging(model_);
  ASSERT_TRUE(staging.ok());
  write(*staging + "/new.panels", "panels");
  write(model_, "GGUF of another length");
  const Status published = kept_.publish(*staging + "/new.panels", model_, *made_of);
  ASSERT_FALSE(published.ok());
  EXPECT_EQ(published.error().code(), Code::kFailedPrecondition);
  EXPECT_FALSE(kept_.find(model_));
}

TEST_F(KeptPanelsTest, GoWithTheirModel) {
  const std::string other = home_ + "/other.gguf";
  write(other, "GGUF too");
  ASSERT_TRUE(keep(model_).ok());
  ASSERT_TRUE(keep(other).ok());
  const std::string panels = *kept_.find(model_);
  kept_.forget(model_);
  EXPECT_FALSE(fs::exists(panels));
  EXPECT_TRUE(kept_.find(other));

  ASSERT_TRUE(keep(model_).ok());
  fs::remove(other);
  const auto left = kept_.make_staging(home_ + "/killed.gguf");
  ASSERT_TRUE(left.ok());
  write(*left + "/new.panels", "half");
  kept_.sweep();
  EXPECT_TRUE(kept_.find(model_));
  EXPECT_FALSE(fs::exists(*left));
  int files = 0;
  for (const auto& entry : fs::directory_iterator(data_ + "/panels")) files += entry.path().extension() == ".panels";
  EXPECT_EQ(files, 1);
}

TEST_F(KeptPanelsTest, ASweepLeavesWhatSomebodyMakes) {
  const auto staging = kept_.make_staging(model_);
  ASSERT_TRUE(staging.ok());
  const auto held = FileLock::try_acquire(kept_.lock_path(model_));
  ASSERT_TRUE(held.ok() && *held);
  write(*staging + "/new.panels", "half");
  kept_.sweep();
  EXPECT_TRUE(fs::exists(*staging + "/new.panels"));
}

TEST_F(KeptPanelsTest, OnlyLargeGgufFilesAreWorthIt) {
  EXPECT_FALSE(kept_.is_worth_keeping(model_));
  fs::resize_file(model_, kLeastKeptBytes);  // a hole: takes no room
  std::error_code error;
  const auto space = fs::space(home_, error);
  ASSERT_FALSE(error);
  const bool has_room = space.available > static_cast<uint64_t>(kLeastFreeBytes + 2 * kLeastKeptBytes);
  EXPECT_EQ(kept_.is_worth_keeping(model_), has_room);
  flip(model_, 0);
  EXPECT_FALSE(kept_.is_worth_keeping(model_));
  write(model_, "GGUF");
  fs::resize_file(model_, space.available + 1);  // larger than the disk's room
  EXPECT_FALSE(kept_.is_worth_keeping(model_));
  EXPECT_FALSE(kept_.is_worth_keeping(home_ + "/nothing.gguf"));
  EXPECT_FALSE(kept_.is_worth_keeping(home_));
}

}  // namespace
}  // namespace studio::catalogue
