// Responses and conversations in the store: whose they are, what is one commit, and what is there after a restart.
#include "store/responses.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "store/writer.h"

namespace studio::store {
namespace {

class ResponsesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/studio_responses_XXXXXX";
    folder_ = ::mkdtemp(name);
    open();
  }
  void TearDown() override {
    close();
    std::filesystem::remove_all(folder_);
  }
  void close() { responses_.reset(), conversations_.reset(), store_.reset(); }
  void open() {
    auto store = Store::open(folder_);
    ASSERT_TRUE(store.ok()) << store.error().message();
    store_ = std::move(*store);
    responses_ = std::make_unique<Responses>(store_);
    conversations_ = std::make_unique<Conversations>(store_);
  }
  std::vector<std::string> ids(const ItemQuery& query, const std::string& conversation = "conv_1") {
    std::vector<std::string> ids;
    const auto page = conversations_->list("key_a", conversation, query);
    EXPECT_TRUE(page.ok());
    if (page.ok()) {
      for (const auto& item : page->items) ids.push_back(item.item_id);
    }
    return ids;
  }

  using Totals = std::array<int64_t, 4>;  // responses, their bytes, conversations, their bytes
  Totals counted(std::string_view key) {
    const KeptTotals responses = responses_->totals(key).value();
    KeptTotals conversations;
    EXPECT_TRUE(store_->writer()
                    .run([&](Connection& connection) -> Status {
                      STUDIO_TRY(conversations, kept_totals(connection, key, kConversationsKind));
                      return Ok{};
                    })
                    .ok());
    return {responses.count, responses.bytes, conversations.count, conversations.bytes};
  }
  Totals found(std::string_view key) {
    Totals totals{};
    EXPECT_TRUE(
        store_->writer()
            .run([&](Connection& connection) {
              return connection.query(
                  "SELECT (SELECT count(*) FROM responses WHERE key_id = ?1), (SELECT coalesce(sum(length(record) "
                  "+ length(input) + length(pending)), 0) FROM responses WHERE key_id = ?1), (SELECT count(*) FROM "
                  "conversations WHERE key_id = ?1), (SELECT coalesce(sum(length(item)), 0) FROM "
                  "conversation_items JOIN conversations USING (conversation_id) WHERE key_id = ?1)",
                  {key}, [&](const Row& row) {
                    for (int i = 0; i < 4; ++i) totals[static_cast<size_t>(i)] = row.integer(i);
                  });
            })
            .ok());
    return totals;
  }
  // As if key_a's conversations were so many and held so much.
  void pretend(int64_t count, int64_t bytes) {
    EXPECT_TRUE(
        store_->writer()
            .run([&](Connection& connection) {
              return connection.execute(
                  "UPDATE kept_totals SET count = ?, bytes = ? WHERE key_id = 'key_a' AND kind = 'conversations'",
                  {count, bytes});
            })
            .ok());
  }

  std::string folder_;
  std::shared_ptr<Store> store_;
  std::unique_ptr<Responses> responses_;
  std::unique_ptr<Conversations> conversations_;
};

StoredResponse pending(const std::string& id) {
  return {.response_id = id, .key_id = "key_a", .created_at = 5, .record = "{}", .input = "[]", .pending = "{\"x\":1}"};
}

StoredResponse ended(const std::string& id, int64_t created_at = 5) {
  return {
      .response_id = id, .key_id = "key_a", .created_at = created_at, .is_final = true, .record = "{}", .input = "[]"};
}

std::vector<ConversationItem> items(std::initializer_list<const char*> ids) {
  std::vector<ConversationItem> all;
  for (const char* id : ids) all.push_back({id, std::string("{\"id\":\"") + id + "\"}"});
  return all;
}

TEST_F(ResponsesTest, AreTheirKeysAlone) {
  ASSERT_TRUE(responses_->add(ended("resp_1")).ok());
  EXPECT_TRUE(responses_->find("key_a", "resp_1").ok());
  EXPECT_EQ(responses_->find("key_b", "resp_1").error().code(), Code::kNotFound);
  EXPECT_EQ(responses_->remove("key_b", "resp_1").error().code(), Code::kNotFound);
  EXPECT_TRUE(responses_->remove("key_a", "resp_1").ok());
  EXPECT_EQ(responses_->find("key_a", "resp_1").error().code(), Code::kNotFound);
}

TEST_F(ResponsesTest, WhatIsNotFinalIsFoundAfterARestart) {
  ASSERT_TRUE(responses_->add(pending("resp_1")).ok());
  ASSERT_TRUE(responses_->add(pending("resp_2")).ok());
  ASSERT_TRUE(responses_->finish("resp_1", "{\"done\":1}", {}).ok());
  close();
  open();
  const auto left = responses_->unfinished();
  ASSERT_EQ(left->size(), 1u);
  EXPECT_EQ(left->front().response_id, "resp_2");
  EXPECT_EQ(left->front().pending, "{\"x\":1}");
  EXPECT_EQ(responses_->find("key_a", "resp_1")->record, "{\"done\":1}");
  EXPECT_EQ(responses_->find("key_a", "resp_1")->pending, "");
}

TEST_F(ResponsesTest, AnEndIsWrittenOnce) {
  ASSERT_TRUE(conversations_->add("key_a", {.conversation_id = "conv_1"}, {}).ok());
  ASSERT_TRUE(responses_->add(pending("resp_1")).ok());
  ASSERT_TRUE(responses_->finish("resp_1", "first", {"conv_1", items({"a"})}).ok());
  ASSERT_TRUE(responses_->finish("resp_1", "second", {"conv_1", items({"b"})}).ok());
  EXPECT_EQ(responses_->find("key_a", "resp_1")->record, "first");
  EXPECT_EQ(ids({.is_ascending = true}), std::vector<std::string>{"a"});
  EXPECT_TRUE(responses_->finish("resp_none", "x", {}).ok()) << "it was removed meanwhile";
}

TEST_F(ResponsesTest, AResponseAndItsItemsAreOneCommit) {
  ASSERT_TRUE(conversations_->add("key_a", {.conversation_id = "conv_1"}, items({"a"})).ok());
  ASSERT_TRUE(responses_->add(ended("resp_1"), {"conv_1", items({"b", "c"})}).ok());
  EXPECT_EQ(ids({.is_ascending = true}), (std::vector<std::string>{"a", "b", "c"}));
  auto too_much = items({"d", "e"});
  too_much.back().item = std::string(Conversations::kMaxBytes, ' ');
  EXPECT_FALSE(responses_->add(ended("resp_2"), {"conv_1", too_much}).ok());
  EXPECT_FALSE(responses_->find("key_a", "resp_2").ok());
  EXPECT_EQ(ids({.is_ascending = true}).size(), 3u);
  EXPECT_TRUE(responses_->add(ended("resp_3"), {"conv_gone", items({"e"})}).ok());
  EXPECT_TRUE(responses_->find("key_a", "resp_3").ok()) << "kept where its conversation is gone";
}

// As a request does that refers to items of the conversation that it goes on from.
TEST_F(ResponsesTest, AnItemThatIsThereIsNotKeptTwice) {
  ASSERT_TRUE(conversations_->add("key_a", {.conversation_id = "conv_1"}, items({"a"})).ok());
  ASSERT_TRUE(responses_->add(ended("resp_1"), {"conv_1", items({"a", "b", "a"})}).ok());
  EXPECT_EQ(ids({.is_ascending = true}), (std::vector<std::string>{"a", "b"}));
}

TEST_F(ResponsesTest, OldOnesGoOnceTheyHaveEnded) {
  ASSERT_TRUE(responses_->add(ended("resp_old", 1)).ok());
  ASSERT_TRUE(responses_->add(ended("resp_new", 9)).ok());
  ASSERT_TRUE(responses_->add(pending("resp_waiting")).ok());
  ASSERT_TRUE(responses_->remove_older(7).ok());
  EXPECT_FALSE(responses_->find("key_a", "resp_old").ok());
  EXPECT_TRUE(responses_->find("key_a", "resp_new").ok());
  EXPECT_TRUE(responses_->find("key_a", "resp_waiting").ok());
}

TEST_F(ResponsesTest, ConversationsAreTheirKeysAlone) {
  ASSERT_TRUE(conversations_->add("key_a", {.conversation_id = "conv_1"}, items({"a"})).ok());
  const auto refused = [](const auto& result) { return !result.ok() && result.error().code() == Code::kNotFound; };
  EXPECT_TRUE(refused(conversations_->find("key_b", "conv_1")));
  EXPECT_TRUE(refused(conversations_->set_metadata("key_b", "conv_1", "{}")));
  EXPECT_TRUE(refused(conversations_->append("key_b", "conv_1", items({"b"}))));
  EXPECT_TRUE(refused(conversations_->list("key_b", "conv_1", {})));
  EXPECT_TRUE(refused(conversations_->find_item("key_b", "conv_1", "a")));
  EXPECT_TRUE(refused(conversations_->remove_item("key_b", "conv_1", "a")));
  EXPECT_TRUE(refused(conversations_->remove("key_b", "conv_1")));
  EXPECT_EQ(ids({}), std::vector<std::string>{"a"});
}

TEST_F(ResponsesTest, ItemsArePagedInBothOrders) {
  ASSERT_TRUE(conversations_->add("key_a", {.conversation_id = "conv_1"}, items({"a", "b", "c", "d", "e"})).ok());
  using Ids = std::vector<std::string>;
  EXPECT_EQ(ids({.limit = 2, .is_ascending = true}), (Ids{"a", "b"}));
  EXPECT_EQ(ids({.after = "b", .limit = 2, .is_ascending = true}), (Ids{"c", "d"}));
  EXPECT_EQ(ids({.after = "d", .limit = 2, .is_ascending = true}), (Ids{"e"}));
  EXPECT_EQ(ids({.limit = 2}), (Ids{"e", "d"}));
  EXPECT_EQ(ids({.after = "b", .limit = 2}), (Ids{"a"}));
  EXPECT_TRUE(conversations_->list("key_a", "conv_1", {.after = "c", .limit = 1})->has_more);
  EXPECT_FALSE(conversations_->list("key_a", "conv_1", {.after = "c", .limit = 2})->has_more);
  EXPECT_EQ(conversations_->list("key_a", "conv_1", {.after = "z"}).error().param(), "after");
}

TEST_F(ResponsesTest, NewItemsGoBehindThoseThatAreThere) {
  ASSERT_TRUE(conversations_->add("key_a", {.conversation_id = "conv_1"}, items({"a", "b"})).ok());
  ASSERT_TRUE(conversations_->remove_item("key_a", "conv_1", "a").ok());
  ASSERT_TRUE(conversations_->append("key_a", "conv_1", items({"c"})).ok());
  EXPECT_EQ(ids({.is_ascending = true}), (std::vector<std::string>{"b", "c"}));
  ASSERT_TRUE(conversations_->remove("key_a", "conv_1").ok());
  ASSERT_TRUE(conversations_->add("key_a", {.conversation_id = "conv_1"}, {}).ok());
  EXPECT_TRUE(ids({}).empty()) << "its items went with it";
}

// Whatever is kept, changed and removed: what is counted is what a look at all of it finds.
TEST_F(ResponsesTest, TotalsAreThoseOfWhatIsThere) {
  std::mt19937 dice(3);
  const auto id = [&](const char* kind) { return kind + std::to_string(dice() % 6); };
  const auto some = [&] { return std::vector<ConversationItem>{{id("item_"), std::string(dice() % 50, 'x')}}; };
  for (int step = 0; step < 400; ++step) {
    const std::string key = dice() % 3 == 0 ? "key_b" : "key_a", response = id("resp_"), conversation = id("conv_");
    StoredResponse added = dice() % 2 == 0 ? pending(response) : ended(response, static_cast<int64_t>(dice() % 20));
    added.key_id = key;
    switch (dice() % 9) {  // many of them fail, and must then change nothing
      case 0:
      case 1:
        (void)responses_->add(added, {conversation, some()});
        break;
      case 2:
        (void)responses_->finish(response, std::string(dice() % 30, 'r'), {conversation, some()});
        break;
      case 3:
        (void)responses_->remove(key, response);
        break;
      case 4:
        (void)responses_->remove_older(static_cast<int64_t>(dice() % 10));
        break;
      case 5:
        (void)conversations_->add(key, {.conversation_id = conversation}, some());
        break;
      case 6:
        (void)conversations_->append(key, conversation, some());
        break;
      case 7:
        (void)conversations_->remove_item(key, conversation, id("item_"));
        break;
      default:
        (void)conversations_->remove(key, conversation);
    }
    for (const char* whose : {"key_a", "key_b"}) {
      ASSERT_EQ(counted(whose), found(whose)) << step << " " << whose;
    }
  }
}

TEST_F(ResponsesTest, AKeysConversationsHaveTheirLimit) {
  ASSERT_TRUE(conversations_->add("key_a", {.conversation_id = "conv_1"}, {}).ok());
  ASSERT_TRUE(conversations_->add("key_a", {.conversation_id = "conv_2"}, {}).ok());
  pretend(Conversations::kMaxOfKey, 0);
  const Status third = conversations_->add("key_a", {.conversation_id = "conv_3"}, {});
  EXPECT_EQ(third.error().code(), Code::kQuotaExceeded);
  EXPECT_NE(third.error().message().find("100000 conversations"), std::string::npos) << third.error().message();
  EXPECT_TRUE(conversations_->append("key_a", "conv_1", items({"a"})).ok());
  EXPECT_TRUE(conversations_->add("key_b", {.conversation_id = "conv_b"}, {}).ok());
  ASSERT_TRUE(conversations_->remove("key_a", "conv_2").ok());
  EXPECT_TRUE(conversations_->add("key_a", {.conversation_id = "conv_3"}, {}).ok());

  pretend(2, Conversations::kMaxBytesOfKey);
  EXPECT_EQ(conversations_->append("key_a", "conv_1", items({"b"})).error().code(), Code::kQuotaExceeded);
  EXPECT_EQ(conversations_->add("key_a", {.conversation_id = "conv_4"}, {}).error().code(), Code::kQuotaExceeded);
  EXPECT_EQ(conversations_->check_room("key_a").error().code(), Code::kQuotaExceeded);
  EXPECT_TRUE(responses_->add(ended("resp_1"), {"conv_1", items({"b"})}).ok()) << "what was made is kept";
  ASSERT_TRUE(conversations_->remove_item("key_a", "conv_1", "a").ok());
  ASSERT_TRUE(conversations_->remove_item("key_a", "conv_1", "b").ok());
  EXPECT_TRUE(conversations_->append("key_a", "conv_1", items({"c"})).ok());
}

TEST_F(ResponsesTest, AConversationHasItsLimit) {
  ASSERT_TRUE(conversations_->add("key_a", {.conversation_id = "conv_1"}, {}).ok());
  std::vector<ConversationItem> many(static_cast<size_t>(Conversations::kMaxItems));
  for (size_t i = 0; i < many.size(); ++i) many[i] = {"i" + std::to_string(i), "{}"};
  ASSERT_TRUE(conversations_->append("key_a", "conv_1", many).ok());
  EXPECT_EQ(conversations_->append("key_a", "conv_1", items({"a"})).error().code(), Code::kQuotaExceeded);

  ASSERT_TRUE(conversations_->add("key_a", {.conversation_id = "conv_2"}, {}).ok());
  const std::string large(9 << 20, 'x');
  ASSERT_TRUE(conversations_->append("key_a", "conv_2", {{"a", large}}).ok());
  EXPECT_EQ(conversations_->append("key_a", "conv_2", {{"b", large}}).error().code(), Code::kQuotaExceeded);
}

}  // namespace
}  // namespace studio::store
