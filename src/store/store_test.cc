#include "store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "store/migrations.h"
#include "store/sqlite.h"
#include "store/writer.h"

namespace studio::store {
namespace {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    char name[] = "/tmp/studio_store_XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::unique_ptr<Store> open_store(const TemporaryFolder& folder) {
  auto store = Store::open(folder.path());
  EXPECT_TRUE(store.ok()) << store.error().message() << store.error().detail().text;
  return std::move(store).value();
}

Usage sample_usage(const std::string& request_id) {
  return {.request_id = request_id,
          .key_id = "key-1",
          .model = "tiny",
          .operation = "chat.completions",
          .prompt_tokens = 10,
          .cached_tokens = 4,
          .completion_tokens = 7,
          .reasoning_tokens = 2,
          .outcome = "stop",
          .started_at_ms = 1'700'000'000'000,
          .first_token_ms = 12,
          .total_ms = 90};
}

TEST(Store, UsesASqliteWithoutTheLogResetBug) {
  EXPECT_GE(sqlite_version(), "3.51.3");
}

TEST(Store, KeepsKeysOverARestart) {
  TemporaryFolder folder;
  ApiKey key{.key_id = "key-1", .name = "local", .digest = sha256("sk-x"), .prefix = "sk-x", .created_at = 5};
  ASSERT_TRUE(open_store(folder)->add_key(key).ok());

  auto keys = open_store(folder)->active_keys();
  ASSERT_TRUE(keys.ok());
  ASSERT_EQ(keys->size(), 1u);
  EXPECT_EQ(keys->front().digest, key.digest);
  EXPECT_EQ(keys->front().name, "local");
}

TEST(Store, RefusesADigestTwice) {
  TemporaryFolder folder;
  auto store = open_store(folder);
  ASSERT_TRUE(store->add_key({.key_id = "a", .name = "n", .digest = sha256("sk-x"), .prefix = "p"}).ok());
  Status again = store->add_key({.key_id = "b", .name = "n", .digest = sha256("sk-x"), .prefix = "p"});
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code(), Code::kConflict);
}

TEST(Store, RevokesOneKeyOnce) {
  TemporaryFolder folder;
  {
    auto store = open_store(folder);
    ASSERT_TRUE(store->add_key({.key_id = "a", .name = "one", .digest = sha256("1")}).ok());
    ASSERT_TRUE(store->add_key({.key_id = "b", .name = "two", .digest = sha256("2"), .suffix = "tail"}).ok());
    ASSERT_TRUE(store->revoke_key("a").ok());
    EXPECT_EQ(store->revoke_key("a").error().code(), Code::kNotFound);
    EXPECT_EQ(store->revoke_key("c").error().code(), Code::kNotFound);
  }
  auto store = open_store(folder);
  auto keys = store->active_keys();
  ASSERT_TRUE(keys.ok());
  ASSERT_EQ(keys->size(), 1u);
  EXPECT_EQ(keys->front().key_id, "b");
  EXPECT_EQ(keys->front().suffix, "tail");
  EXPECT_FALSE(keys->front().is_local);
  EXPECT_TRUE(*store->was_revoked(sha256("1")));
  EXPECT_FALSE(*store->was_revoked(sha256("2")));
  EXPECT_FALSE(*store->was_revoked(sha256("3")));
}

TEST(Store, RevokesTheLocalKeyByWhatItIsAndNotByItsName) {
  TemporaryFolder folder;
  auto store = open_store(folder);
  ASSERT_TRUE(store->add_key({.key_id = "a", .name = "x", .digest = sha256("1"), .is_local = true}).ok());
  ASSERT_TRUE(store->add_key({.key_id = "b", .name = "local", .digest = sha256("2")}).ok());
  ASSERT_TRUE(store->revoke_local_keys().ok());
  auto keys = store->active_keys();
  ASSERT_TRUE(keys.ok());
  ASSERT_EQ(keys->size(), 1u);
  EXPECT_EQ(keys->front().key_id, "b");
}

TEST(Store, RecordsARequestOnce) {
  TemporaryFolder folder;
  auto store = open_store(folder);
  ASSERT_TRUE(store->record_usage(sample_usage("r-1")).ok());
  Usage changed = sample_usage("r-1");
  changed.completion_tokens = 99;
  ASSERT_TRUE(store->record_usage(changed).ok());

  auto found = store->find_usage("r-1");
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->completion_tokens, 7);
  EXPECT_EQ(store->usage_totals()->requests, 1);
}

TEST(Store, FailedWriteLeavesItsNeighboursAlone) {
  TemporaryFolder folder;
  auto store = open_store(folder);
  Usage impossible = sample_usage("bad");
  impossible.cached_tokens = impossible.prompt_tokens + 1;
  std::thread good([&] { EXPECT_TRUE(store->record_usage(sample_usage("good")).ok()); });
  EXPECT_FALSE(store->record_usage(impossible).ok());
  good.join();
  EXPECT_EQ(store->usage_totals()->requests, 1);
}

TEST(Store, SharesCommitsBetweenThoseWhoWait) {
  TemporaryFolder folder;
  auto store = open_store(folder);
  constexpr int kThreads = 16, kEach = 50;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        ASSERT_TRUE(store->record_usage(sample_usage(std::to_string(t) + "/" + std::to_string(i))).ok());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(store->usage_totals()->requests, kThreads * kEach);
  EXPECT_LT(store->commits(), uint64_t{kThreads * kEach} / 2);
}

TEST(Store, BelongsToOneProcessAtATime) {
  TemporaryFolder folder;
  auto store = open_store(folder);
  auto second = Store::open(folder.path());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), Code::kConflict);
  EXPECT_THAT(second.error().message(), testing::HasSubstr(std::to_string(::getpid())));
}

TEST(Store, FileIsItsOwnersAlone) {
  TemporaryFolder folder;
  auto store = open_store(folder);
  struct stat info{};
  ASSERT_EQ(::stat((folder.path() + "/studio.db").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(Store, RefusesAFileThatIsNoStore) {
  TemporaryFolder folder;
  FILE* file = std::fopen((folder.path() + "/studio.db").c_str(), "w");
  for (int i = 0; i < 4096; ++i) std::fputc('x', file);
  std::fclose(file);
  auto store = Store::open(folder.path());
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().code(), Code::kCorruptData);
}

KeptAnswer kept_answer(const std::string& id, const std::string& key, int64_t arrived_at_ms = 1) {
  return {.answer_id = id,
          .key_id = key,
          .idempotency = sha256("of " + id),
          .request = sha256("request " + id),
          .inputs = sha256("inputs " + id),
          .arrived_at_ms = arrived_at_ms};
}

TEST(Store, FindsKeptAnswersByWhoAskedAndOneOfTheirNames) {
  TemporaryFolder folder;
  {
    auto store = open_store(folder);
    ASSERT_TRUE(store->add_kept_answer(kept_answer("a", "key_1")).ok());
    KeptAnswer nameless = kept_answer("b", "key_1");
    nameless.idempotency.reset();
    ASSERT_TRUE(store->add_kept_answer(nameless).ok());
  }
  auto store = open_store(folder);
  for (auto found : {store->find_kept_answer("key_1", "a"), store->find_kept_answer("key_1", sha256("of a"))}) {
    ASSERT_TRUE(found.ok() && found->has_value());
    EXPECT_EQ((*found)->answer_id, "a");
    EXPECT_EQ((*found)->idempotency, sha256("of a"));
    EXPECT_EQ((*found)->request, sha256("request a"));
    EXPECT_EQ((*found)->inputs, sha256("inputs a"));
    EXPECT_EQ((*found)->arrived_at_ms, 1);
    EXPECT_FALSE((*found)->is_cancelled);
  }
  EXPECT_FALSE((**store->find_kept_answer("key_1", "b")).idempotency);
  EXPECT_FALSE(*store->find_kept_answer("key_2", "a"));
  EXPECT_FALSE(*store->find_kept_answer("key_2", sha256("of a")));
  EXPECT_FALSE(*store->find_kept_answer("key_1", sha256("of b")));
}

TEST(Store, HasOneKeptAnswerForAnIdAndForAKeysIdempotency) {
  TemporaryFolder folder;
  auto store = open_store(folder);
  ASSERT_TRUE(store->add_kept_answer(kept_answer("a", "key_1")).ok());
  EXPECT_EQ(store->add_kept_answer(kept_answer("a", "key_2")).error().code(), Code::kConflict);
  KeptAnswer same = kept_answer("b", "key_1");
  same.idempotency = sha256("of a");
  EXPECT_EQ(store->add_kept_answer(same).error().code(), Code::kConflict);
  same.key_id = "key_2";
  EXPECT_TRUE(store->add_kept_answer(same).ok());
}

TEST(Store, LetsKeptAnswersGo) {
  TemporaryFolder folder;
  auto store = open_store(folder);
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(store->add_kept_answer(kept_answer(id, "key_1", id[0])).ok());
  ASSERT_TRUE(store->add_kept_answer(kept_answer("d", "key_2", 'd')).ok());
  ASSERT_TRUE(store->cancel_kept_answer("b").ok());
  EXPECT_TRUE((**store->find_kept_answer("key_1", "b")).is_cancelled);
  ASSERT_TRUE(store->remove_kept_answers_before('b').ok());
  EXPECT_FALSE(*store->find_kept_answer("key_1", "a"));
  EXPECT_EQ(*store->count_kept_answers(), (std::map<std::string, int64_t>{{"key_1", 2}, {"key_2", 1}}));
  ASSERT_TRUE(store->remove_kept_answer("b").ok());
  EXPECT_FALSE(*store->find_kept_answer("key_1", "b"));
}

TEST(Migrations, AreAppliedOnceAndRemembered) {
  TemporaryFolder folder;
  auto connection = Connection::open(folder.path() + "/a.db");
  ASSERT_TRUE(connection.ok());
  const Migration first[] = {{1, "one", "CREATE TABLE a (x INTEGER) STRICT;"}};
  const Migration second[] = {{1, "one", "CREATE TABLE a (x INTEGER) STRICT;"},
                              {2, "two", "ALTER TABLE a ADD COLUMN y TEXT;"}};
  ASSERT_TRUE(migrate(*connection, first).ok());
  ASSERT_TRUE(connection->execute("INSERT INTO a VALUES (1)").ok());
  ASSERT_TRUE(migrate(*connection, second).ok());
  ASSERT_TRUE(migrate(*connection, second).ok());
  int64_t rows = 0;
  ASSERT_TRUE(connection->query("SELECT x, y FROM a", {}, [&](const Row&) { ++rows; }).ok());
  EXPECT_EQ(rows, 1);
}

TEST(Migrations, KnowTheLocalKeyOfAnOlderStore) {
  TemporaryFolder folder;
  {
    auto connection = Connection::open(folder.path() + "/studio.db");
    ASSERT_TRUE(connection.ok());
    ASSERT_TRUE(migrate(*connection, all_migrations().first(1)).ok());
    ASSERT_TRUE(connection
                    ->execute("INSERT INTO api_keys (key_id, name, digest, prefix, created_at) VALUES ('a', 'local', "
                              "zeroblob(32), 'sk-aB3x', 5)")
                    .ok());
  }
  auto keys = open_store(folder)->active_keys();
  ASSERT_TRUE(keys.ok());
  ASSERT_EQ(keys->size(), 1u);
  EXPECT_TRUE(keys->front().is_local);
  EXPECT_EQ(keys->front().prefix, "sk-aB3x");
  EXPECT_EQ(keys->front().suffix, "");
}

TEST(Migrations, CountWhatAnOlderStoreKeeps) {
  TemporaryFolder folder;
  {
    auto connection = Connection::open(folder.path() + "/studio.db");
    ASSERT_TRUE(connection.ok());
    ASSERT_TRUE(migrate(*connection, all_migrations().first(8)).ok());
    ASSERT_TRUE(
        connection
            ->run_script("INSERT INTO responses VALUES ('r1', 'a', 1, 1, 'rec', 'in', ''), ('r2', 'a', 1, 0, 'x', "
                         "'y', 'zz'), ('r3', 'b', 1, 1, '\u6c34', '', '');"
                         "INSERT INTO conversations VALUES ('c1', 'a', 1, '{}'), ('c2', 'a', 1, '{}'), ('c3', 'b', 1, "
                         "'{}');"
                         "INSERT INTO conversation_items VALUES ('c1', 1, 'i1', 'four'), ('c1', 2, 'i2', 'five5');")
            .ok());
  }
  auto store = open_store(folder);
  std::vector<std::string> counted;
  ASSERT_TRUE(store->writer()
                  .run([&](Connection& connection) {
                    return connection.query(
                        "SELECT key_id || ' ' || kind || ' ' || count || ' ' || bytes FROM kept_totals", {},
                        [&](const Row& row) { counted.push_back(row.text(0)); });
                  })
                  .ok());
  EXPECT_THAT(counted, testing::UnorderedElementsAre("a responses 2 9", "b responses 1 3", "a conversations 2 9",
                                                     "b conversations 1 0"));
}

TEST(Migrations, RefuseANewerStoreAndAChangedText) {
  TemporaryFolder folder;
  auto connection = Connection::open(folder.path() + "/a.db");
  ASSERT_TRUE(connection.ok());
  const Migration two[] = {{1, "one", "CREATE TABLE a (x INTEGER) STRICT;"},
                           {2, "two", "CREATE TABLE b (x INTEGER) STRICT;"}};
  ASSERT_TRUE(migrate(*connection, two).ok());
  EXPECT_EQ(migrate(*connection, {two, 1}).error().code(), Code::kFailedPrecondition);
  const Migration other[] = {{1, "one", "CREATE TABLE a (z INTEGER) STRICT;"}, two[1]};
  EXPECT_EQ(migrate(*connection, other).error().code(), Code::kFailedPrecondition);
}

TEST(Migrations, LeaveNothingOfOneThatFails) {
  TemporaryFolder folder;
  auto connection = Connection::open(folder.path() + "/a.db");
  ASSERT_TRUE(connection.ok());
  const Migration broken[] = {{1, "one", "CREATE TABLE a (x INTEGER) STRICT; CREATE TABLE a (y INTEGER) STRICT;"}};
  EXPECT_FALSE(migrate(*connection, broken).ok());
  const Migration mended[] = {{1, "one", "CREATE TABLE a (x INTEGER) STRICT;"}};
  EXPECT_TRUE(migrate(*connection, mended).ok());
}

}  // namespace
}  // namespace studio::store
