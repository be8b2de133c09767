#include "keys/key_ring.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "keys/key_json.h"

namespace studio::keys {
namespace {

class KeyRingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    start();
  }
  void TearDown() override {
    ring_.reset();
    std::filesystem::remove_all(folder_);
  }
  // The program's start, or its next one.
  void start() {
    ring_.reset();
    auto ring = KeyRing::open_folder(folder_);
    ASSERT_TRUE(ring.ok()) << ring.error().message();
    ring_ = *ring;
  }
  bool opens(const std::string& key) const { return ring_->find(sha256(key)).has_value(); }
  Error refusal(const std::string& name) {
    auto made = ring_->make(name);
    return made.ok() ? Error(Code::kInternal, "it was made") : made.error();
  }

  std::string folder_ = "/tmp/studio_keys_XXXXXX";
  std::shared_ptr<KeyRing> ring_;
};

// With a clock of its own.
class LentKeyTest : public KeyRingTest {
 protected:
  void SetUp() override {
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    start_again();
  }
  void start_again() {
    ring_.reset();
    auto store = store::Store::open(folder_);
    ASSERT_TRUE(store.ok());
    ring_ = KeyRing::open(std::move(*store), [this] { return now_; }).value();
  }
  int64_t now_ = 1'000;
};

TEST_F(LentKeyTest, StandsForItsKeyUntilItsEnd) {
  const auto made = ring_->make("app").value();
  const LentKey lent = ring_->lend(made.info.key_id, 60).value();
  EXPECT_TRUE(is_temporary_form(lent.key));
  EXPECT_FALSE(is_temporary_form(made.key));
  EXPECT_EQ(lent.expires_at, 1'060);
  EXPECT_EQ(ring_->find(sha256(lent.key)), made.info.key_id);
  now_ = 1'059;
  start_again();
  EXPECT_EQ(ring_->find(sha256(lent.key)), made.info.key_id);
  now_ = 1'060;
  EXPECT_FALSE(opens(lent.key));
  start_again();
  EXPECT_FALSE(opens(lent.key));
  EXPECT_TRUE(opens(made.key));
  EXPECT_EQ(ring_->list().size(), 1u);
}

TEST_F(LentKeyTest, GoesWithItsKey) {
  const auto made = ring_->make("app").value();
  const LentKey lent = ring_->lend(made.info.key_id, 1800).value();
  ASSERT_TRUE(ring_->revoke(made.info.key_id).ok());
  EXPECT_FALSE(opens(lent.key));
  start_again();
  EXPECT_FALSE(opens(lent.key));
  EXPECT_EQ(ring_->lend(made.info.key_id, 60).error().code(), Code::kNotFound);
}

TEST_F(LentKeyTest, OfAChosenKeyOpensNothingForTheNextChosenOne) {
  const std::string id = ring_->accept_chosen("sk-one").value();
  const LentKey lent = ring_->lend(id, 60).value();
  start_again();
  ASSERT_EQ(ring_->accept_chosen("sk-two").value(), id);
  EXPECT_FALSE(opens(lent.key));
  start_again();
  ASSERT_TRUE(ring_->accept_chosen("sk-one").ok());
  EXPECT_TRUE(opens(lent.key));
}

TEST_F(LentKeyTest, HasLimits) {
  const auto made = ring_->make("app").value();
  for (const int64_t seconds : {int64_t{0}, int64_t{-1}, kMaxLentSeconds + 1, INT64_MAX}) {
    EXPECT_EQ(ring_->lend(made.info.key_id, seconds).error().code(), Code::kOutOfRange) << seconds;
  }
  for (const std::string& other : {std::string("st-"), made.key, "st-" + made.key, "st-" + made.key.substr(4) + "-"}) {
    EXPECT_FALSE(is_temporary_form(other)) << other;
  }
}

TEST_F(LentKeyTest, IsNotKeptInItself) {
  const auto made = ring_->make("app").value();
  const LentKey lent = ring_->lend(made.info.key_id, 60).value();
  ring_.reset();  // the log is in the file then
  std::ifstream file(folder_ + "/studio.db", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  EXPECT_FALSE(bytes.empty());
  EXPECT_EQ(bytes.find(lent.key), std::string::npos);
}

TEST_F(KeyRingTest, AMadeKeyOpensAtOnceAndAfterARestart) {
  auto made = ring_->make("  app ");
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->info.name, "app");
  EXPECT_EQ(made->key.size(), 46u);
  EXPECT_EQ(made->info.prefix + made->info.suffix, made->key.substr(0, 7) + made->key.substr(42));
  EXPECT_TRUE(opens(made->key));
  EXPECT_FALSE(opens(made->key + "x"));
  EXPECT_FALSE(ring_->is_own(made->info.key_id));
  start();
  EXPECT_EQ(ring_->find(sha256(made->key)), made->info.key_id);
  auto list = ring_->list();
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].name, "app");
  EXPECT_EQ(list[0].suffix, made->info.suffix);
  EXPECT_EQ(list[0].created_at, made->info.created_at);
}

TEST_F(KeyRingTest, ARevokedKeyOpensNothingNowAndAfterARestart) {
  auto kept = ring_->make("kept"), gone = ring_->make("gone");
  ASSERT_TRUE(ring_->revoke(gone->info.key_id).ok());
  for (int i = 0; i < 2; ++i, start()) {
    EXPECT_FALSE(opens(gone->key));
    EXPECT_TRUE(opens(kept->key));
    EXPECT_EQ(ring_->revoke(gone->info.key_id).error().code(), Code::kNotFound);
  }
  EXPECT_EQ(ring_->accept_chosen(gone->key).error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(ring_->accept_local(gone->key).error().code(), Code::kFailedPrecondition);
  EXPECT_TRUE(ring_->make("gone").ok()) << "its name is free again";
}

TEST_F(KeyRingTest, TheServersOwnKeyIsNotRevoked) {
  std::string local = *ring_->accept_local("sk-local-0123456789"), chosen = *ring_->accept_chosen("sk-chosen");
  for (const std::string& id : {local, chosen}) {
    EXPECT_TRUE(ring_->is_own(id));
    EXPECT_EQ(ring_->revoke(id).error().code(), Code::kFailedPrecondition);
  }
  EXPECT_EQ(*ring_->accept_local("sk-local-0123456789"), local);
  EXPECT_EQ(ring_->list().size(), 2u);
  start();
  EXPECT_TRUE(opens("sk-local-0123456789"));
  EXPECT_FALSE(opens("sk-chosen")) << "it counted for that run alone";
  ASSERT_TRUE(ring_->revoke_local().ok());
  EXPECT_FALSE(opens("sk-local-0123456789"));
}

TEST_F(KeyRingTest, AMadeKeyThatTheServerIsStartedWithIsItsOwnForThatRun) {
  auto made = ring_->make("both");
  EXPECT_EQ(*ring_->accept_chosen(made->key), made->info.key_id);
  EXPECT_TRUE(ring_->is_own(made->info.key_id));
  EXPECT_EQ(ring_->revoke(made->info.key_id).error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(ring_->list().size(), 1u);
  start();
  EXPECT_FALSE(ring_->is_own(made->info.key_id));
  EXPECT_TRUE(ring_->revoke(made->info.key_id).ok());
}

TEST_F(KeyRingTest, AShortKeyOfOnesOwnIsNotGivenAwayByItsHint) {
  ASSERT_TRUE(ring_->accept_chosen("secret12").ok());
  KeyInfo info = ring_->list().front();
  EXPECT_EQ(info.prefix + "|" + info.suffix, "se|12");
}

TEST_F(KeyRingTest, NamesAreCheckedAndTheFaultNamesTheField) {
  std::string longest;
  for (size_t i = 0; i < kMaxNameCharacters; ++i) longest += "字";
  for (const std::string& good : {std::string("a"), std::string("生产环境 😀"), longest}) {
    EXPECT_EQ(*checked_name(" " + good + " "), good);
  }
  const std::pair<std::string, Code> bad[] = {{"", Code::kInvalidArgument},
                                              {"   ", Code::kInvalidArgument},
                                              {"a\nb", Code::kInvalidArgument},
                                              {"a\x7f", Code::kInvalidArgument},
                                              {"\xc2\x85", Code::kInvalidArgument},
                                              {"\xff", Code::kInvalidArgument},
                                              {std::string("a\0b", 3), Code::kInvalidArgument},
                                              {longest + "字", Code::kOutOfRange}};
  for (const auto& [name, code] : bad) {
    Error error = refusal(name);
    EXPECT_EQ(error.code(), code) << name;
    EXPECT_EQ(error.param(), "name");
  }
  ASSERT_TRUE(ring_->make("taken").ok());
  EXPECT_EQ(refusal("taken").code(), Code::kConflict);
  EXPECT_EQ(refusal("taken").param(), "name");
  EXPECT_EQ(ring_->list().size(), 1u);
}

TEST_F(KeyRingTest, ThereIsRoomForSoManyAndARevokedOneMakesSome) {
  ASSERT_TRUE(ring_->accept_local("sk-local-0123456789").ok());
  for (size_t i = 0; i < kMaxMadeKeys; ++i) ASSERT_TRUE(ring_->make(std::to_string(i)).ok());
  Error full = refusal("more");
  EXPECT_EQ(full.code(), Code::kConflict);
  EXPECT_EQ(full.param(), "");
  EXPECT_NE(full.message().find(std::to_string(kMaxMadeKeys)), std::string::npos);
  ASSERT_TRUE(ring_->revoke(ring_->list().back().key_id).ok());
  EXPECT_TRUE(ring_->make("more").ok());
}

TEST_F(KeyRingTest, OfManyWhoMakeTheSameNameOneGetsItWhileOthersAreChecked) {
  auto kept = ring_->make("kept");
  std::atomic<int> made = 0;
  std::atomic<bool> is_over = false;
  std::thread reader([&] {
    while (!is_over) EXPECT_TRUE(opens(kept->key));
  });
  std::vector<std::thread> makers;
  for (int i = 0; i < 8; ++i) makers.emplace_back([&] { made += ring_->make("same").ok(); });
  for (std::thread& maker : makers) maker.join();
  is_over = true;
  reader.join();
  EXPECT_EQ(made, 1);
}

TEST(KeyJson, ReadsWhatItWrites) {
  KeyInfo info{.key_id = "key_1", .name = "n", .kind = Kind::kLocal, .prefix = "sk-a", .suffix = "z", .created_at = 7};
  auto read = key_of(json_of(info));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(json_of(*read), json_of(info));
  EXPECT_EQ(read->kind, Kind::kLocal);
  for (const char* name : {"id", "name", "kind", "prefix", "suffix", "created_at"}) {
    boost::json::object without = json_of(info);
    without.erase(name);
    EXPECT_FALSE(key_of(without).ok()) << name;
    without[name] = true;
    EXPECT_FALSE(key_of(without).ok()) << name;
  }
  EXPECT_FALSE(key_of(boost::json::value(1)).ok());
}

}  // namespace
}  // namespace studio::keys
