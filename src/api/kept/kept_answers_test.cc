#include "api/kept/kept_answers.h"

#include <gtest/gtest.h>

#include <thread>

#include "api/kept/kept_test_support.h"
#include "base/ids.h"

namespace studio::api {
namespace {

using End = KeptAnswers::End;
using std::chrono_literals::operator""ms;

int status_of(Code code) {
  switch (code) {
    case Code::kConflict:
      return 409;
    case Code::kNotFound:
      return 404;
    case Code::kQuotaExceeded:
      return 429;
    case Code::kUnavailable:
    case Code::kOverloaded:
      return 503;
    default:
      return 400;
  }
}

class MemoryRecords final : public KeptRecords {
 public:
  Result<std::optional<KeptRecord>> find(const std::string& key_id, const std::string& answer_id) override {
    return first([&](const KeptRecord& record) { return record.key_id == key_id && record.answer_id == answer_id; });
  }
  Result<std::optional<KeptRecord>> find(const std::string& key_id, const Sha256Digest& idempotency) override {
    return first(
        [&](const KeptRecord& record) { return record.key_id == key_id && record.idempotency == idempotency; });
  }
  Status add(const KeptRecord& record) override {
    std::scoped_lock lock(mutex_);
    if (is_full) return Error(Code::kUnavailable, "disk full");
    records_.push_back(record);
    return Ok{};
  }
  Status mark_cancelled(const std::string& answer_id) override {
    std::scoped_lock lock(mutex_);
    for (KeptRecord& record : records_) record.is_cancelled |= record.answer_id == answer_id;
    return Ok{};
  }
  Status remove(const std::string& answer_id) override {
    std::scoped_lock lock(mutex_);
    std::erase_if(records_, [&](const KeptRecord& record) { return record.answer_id == answer_id; });
    return Ok{};
  }
  Status remove_before(int64_t ms) override {
    std::scoped_lock lock(mutex_);
    std::erase_if(records_, [&](const KeptRecord& record) { return record.arrived_at_ms < ms; });
    return Ok{};
  }
  Result<std::map<std::string, int64_t>> count_by_key() override {
    std::scoped_lock lock(mutex_);
    std::map<std::string, int64_t> counts;
    for (const KeptRecord& record : records_) ++counts[record.key_id];
    return counts;
  }
  std::vector<KeptRecord> all() const {
    std::scoped_lock lock(mutex_);
    return records_;
  }
  std::atomic<bool> is_full{false};

 private:
  std::optional<KeptRecord> first(const std::function<bool(const KeptRecord&)>& is_it) const {
    std::scoped_lock lock(mutex_);
    for (const KeptRecord& record : records_) {
      if (is_it(record)) return record;
    }
    return std::nullopt;
  }

  mutable std::mutex mutex_;
  std::vector<KeptRecord> records_;
};

using Head = std::vector<std::pair<std::string, std::string>>;

class KeptAnswersTest : public testing::Test {
 protected:
  void SetUp() override { restart(); }

  // As a gateway's start on the records of the one before, which was killed.
  void restart(KeptLimits limits = {}) {
    makers_.clear();
    kept_.reset();
    kept_ = std::make_unique<KeptAnswers>(records_, limits);
  }

  std::shared_ptr<HeldExchange> ask(const Head& head, const std::string& body = "{}", const std::string& key = "key_a",
                                    const std::string& query = "") {
    http::Request request;
    request.method = http::Method::kPost;
    request.path = "/v1/x";
    request.query = query;
    request.body = body;
    request.principal = key;
    request.request_id = new_uuid();
    request.arrived_at = std::chrono::system_clock::now();
    for (const auto& [name, value] : head) request.fields.add(name, value);
    auto exchange = std::make_shared<HeldExchange>(std::move(request));
    static constexpr const char* kFields[] = {"x-mode"};
    const KeptWording wording{
        .numbers = EventNumbers::kLines, .fields = kFields, .refusal = [](const Error& error, const std::string&) {
          return http::Response::text(status_of(error.code()), error.message());
        }};
    kept_->serve(exchange, wording,
                 [this](std::shared_ptr<http::Exchange> made) { makers_.push_back(std::move(made)); });
    return exchange;
  }
  std::shared_ptr<http::Exchange>& maker() { return makers_.back(); }
  const std::string& id() { return maker()->request().request_id; }
  Result<KeptAnswers::Run> admit(const std::string& inputs = "same") {
    return kept_->admit(id(), [&] { return sha256(inputs); });
  }
  void make(int from, int to) {
    for (int i = from; i <= to; ++i) maker()->write(std::to_string(i) + "\n");
  }
  void make_whole(int last) {
    maker()->begin({}, "");
    make(1, last);
    EXPECT_TRUE(kept_->end(id(), End::kWhole));
    maker()->finish();
  }
  static void wait_until(const std::function<bool()>& condition) {
    for (int i = 0; i < 10'000 && !condition(); ++i) std::this_thread::sleep_for(1ms);
    EXPECT_TRUE(condition());
  }

  std::shared_ptr<MemoryRecords> records_ = std::make_shared<MemoryRecords>();
  std::vector<std::shared_ptr<http::Exchange>> makers_;
  std::unique_ptr<KeptAnswers> kept_;
};

TEST_F(KeptAnswersTest, LeavesRequestsAloneThatWishForNothing) {
  const auto client = ask({});
  EXPECT_EQ(maker().get(), client.get());
  EXPECT_EQ(*admit(), KeptAnswers::Run::kUnkept);
  EXPECT_TRUE(records_->all().empty());
}

TEST_F(KeptAnswersTest, TheSameIdempotencyKeyIsTheSameAnswerWhileItRunsAndAfter) {
  const auto first = ask({{"Idempotency-Key", "k"}});
  EXPECT_EQ(*admit(), KeptAnswers::Run::kFirst);
  const auto second = ask({{"Idempotency-Key", "k"}});
  make_whole(3);
  const auto third = ask({{"Idempotency-Key", "k"}}, "{}", "key_a", "after=2");
  EXPECT_EQ(makers_.size(), 1u);
  EXPECT_EQ(first->text(), "1\n2\n3\n");
  EXPECT_EQ(second->text(), "1\n2\n3\n");
  EXPECT_EQ(third->text(), "3\n");
  EXPECT_EQ(first->field("Idempotent-Replayed"), "");
  EXPECT_EQ(third->field("Idempotent-Replayed"), "true");
  EXPECT_EQ(first->field("X-Studio-Answer"), third->field("X-Studio-Answer"));
}

TEST_F(KeptAnswersTest, AnotherRequestWithTheKeyIsAConflict) {
  ask({{"Idempotency-Key", "k"}});
  EXPECT_EQ(*admit(), KeptAnswers::Run::kFirst);
  for (const auto& other : {ask({{"Idempotency-Key", "k"}}, "{ }"), ask({{"Idempotency-Key", "k"}, {"X-Mode", "m"}})}) {
    EXPECT_EQ(other->head().status, 409);
    EXPECT_NE(other->text().find("Idempotency-Key"), std::string::npos);
    EXPECT_EQ(other->field("X-Should-Retry"), "false");
  }
  restart();
  EXPECT_EQ(ask({{"Idempotency-Key", "k"}}, "{ }")->head().status, 409);
}

TEST_F(KeptAnswersTest, OneKeysAnswersAreNobodyElses) {
  ask({{"Idempotency-Key", "k"}});
  EXPECT_EQ(*admit(), KeptAnswers::Run::kFirst);
  const std::string answer = id();
  make_whole(1);
  EXPECT_EQ(ask({{"X-Studio-Resume", answer}}, "{}", "key_b")->head().status, 404);
  EXPECT_EQ(ask({{"Last-Event-ID", answer + ":0"}}, "{}", "key_b")->head().status, 404);
  ask({{"Idempotency-Key", "k"}}, "{}", "key_b");
  EXPECT_NE(id(), answer);  // its own
  restart();
  EXPECT_EQ(ask({{"X-Studio-Resume", answer}}, "{}", "key_b")->head().status, 404);
  EXPECT_EQ(ask({{"X-Studio-Resume", answer}})->head().status, 0);  // made again
}

TEST_F(KeptAnswersTest, AfterARestartItIsMadeAgainUnderItsIdAndTime) {
  ask({{"X-Studio-Resume", "1"}});
  EXPECT_EQ(*admit(), KeptAnswers::Run::kFirst);
  const std::string answer = id();
  const auto arrived = std::chrono::floor<std::chrono::seconds>(maker()->request().arrived_at);
  maker()->begin({}, "");
  make(1, 5);
  restart();
  const auto back = ask({{"Last-Event-ID", answer + ":5"}});
  ASSERT_EQ(makers_.size(), 1u);
  EXPECT_EQ(id(), answer);
  EXPECT_EQ(std::chrono::floor<std::chrono::seconds>(maker()->request().arrived_at), arrived);
  EXPECT_EQ(*admit(), KeptAnswers::Run::kAgain);
  make_whole(7);
  EXPECT_EQ(back->text(), "6\n7\n");
  EXPECT_EQ(back->field("Idempotent-Replayed"), "true");
}

TEST_F(KeptAnswersTest, OfOtherInputsNoByteIsSent) {
  ask({{"X-Studio-Resume", "1"}});
  EXPECT_EQ(*admit("model 1"), KeptAnswers::Run::kFirst);
  const std::string answer = id();
  restart();
  ask({{"X-Studio-Resume", answer}});
  const auto run = admit("model 2");
  ASSERT_FALSE(run.ok());
  EXPECT_EQ(run.error().code(), Code::kConflict);
}

TEST_F(KeptAnswersTest, WhatIsUnknownIsNotBegun) {
  for (const Head& head : {Head{{"X-Studio-Resume", new_uuid()}}, Head{{"Last-Event-ID", new_uuid() + ":0"}},
                           Head{{"Idempotency-Key", "never"}, {"Last-Event-ID", "4"}}}) {
    EXPECT_EQ(ask(head)->head().status, 404);
  }
  EXPECT_TRUE(makers_.empty());
}

TEST_F(KeptAnswersTest, WhatWasRefusedOrFailedIsNotKept) {
  const Head head{{"Idempotency-Key", "k"}};
  const auto refused = ask(head);
  maker()->respond(http::Response::text(400, "no"));
  EXPECT_EQ(refused->head().status, 400);
  ask(head);
  ASSERT_EQ(makers_.size(), 2u);
  EXPECT_EQ(*admit(), KeptAnswers::Run::kFirst);
  maker()->begin({}, "");
  EXPECT_TRUE(kept_->end(id(), End::kFailed));
  maker()->finish();
  EXPECT_TRUE(records_->all().empty());
  ask(head);
  EXPECT_EQ(makers_.size(), 3u);
}

TEST_F(KeptAnswersTest, NobodyReadsForTheGraceTimeAndItIsCancelledForGood) {
  restart({.grace = 20ms});
  const Head head{{"Idempotency-Key", "k"}};
  const auto client = ask(head);
  EXPECT_EQ(*admit(), KeptAnswers::Run::kFirst);
  std::atomic<bool> is_cancelled{false};
  maker()->on_gone([&] { is_cancelled = true; });
  client->leave();
  wait_until([&] { return is_cancelled.load(); });
  EXPECT_TRUE(kept_->end(id(), End::kCancelled));
  maker()->abort();
  EXPECT_EQ(ask(head)->head().status, 409);
  restart();
  EXPECT_EQ(ask(head)->head().status, 409);
  EXPECT_TRUE(makers_.empty());
}

TEST_F(KeptAnswersTest, AStopLeavesWhatRunsForTheNextStart) {
  ask({{"Idempotency-Key", "k"}});
  EXPECT_EQ(*admit(), KeptAnswers::Run::kFirst);
  kept_->stop();
  EXPECT_TRUE(maker()->gone());
  EXPECT_FALSE(kept_->end(id(), End::kCancelled));
  restart();
  ask({{"Idempotency-Key", "k"}});
  EXPECT_EQ(*admit(), KeptAnswers::Run::kAgain);
}

TEST_F(KeptAnswersTest, WithoutARecordNothingIsBegun) {
  records_->is_full = true;
  ask({{"Idempotency-Key", "k"}});
  EXPECT_EQ(admit().error().code(), Code::kUnavailable);
  records_->is_full = false;
  EXPECT_EQ(*admit(), KeptAnswers::Run::kFirst);
}

TEST_F(KeptAnswersTest, AKeyMayHaveSoManyRecords) {
  restart({.of_key = 2});
  for (int i = 0; i < 2; ++i) {
    ask({{"X-Studio-Resume", "1"}});
    EXPECT_EQ(*admit(), KeptAnswers::Run::kFirst);
  }
  ask({{"X-Studio-Resume", "1"}});
  EXPECT_EQ(admit().error().code(), Code::kQuotaExceeded);
  ask({{"X-Studio-Resume", "1"}}, "{}", "key_b");
  EXPECT_EQ(*admit(), KeptAnswers::Run::kFirst);
}

TEST_F(KeptAnswersTest, WhatLeftTheMemoryIsMadeAgain) {
  restart({.grace = 20ms, .in_memory = 0ms});
  const Head head{{"Idempotency-Key", "k"}};
  ask(head);
  EXPECT_EQ(*admit(), KeptAnswers::Run::kFirst);
  const std::string answer = id();
  make_whole(2);
  wait_until([&] {
    ask(head);
    return makers_.size() == 2;
  });
  EXPECT_EQ(id(), answer);
  EXPECT_EQ(*admit(), KeptAnswers::Run::kAgain);
}

TEST_F(KeptAnswersTest, OldEventsOfAnAnswerThatIsOverAreMadeAgain) {
  restart({.bytes_of_answer = 500});
  ask({{"X-Studio-Resume", "1"}});
  EXPECT_EQ(*admit(), KeptAnswers::Run::kFirst);
  const std::string answer = id();
  maker()->begin({}, "");
  make(1, 50);
  const auto early = ask({{"Last-Event-ID", answer + ":3"}});
  EXPECT_EQ(early->head().status, 503);
  EXPECT_TRUE(kept_->end(answer, End::kWhole));
  maker()->finish();
  const auto late = ask({{"Last-Event-ID", answer + ":3"}});
  ASSERT_EQ(makers_.size(), 2u);
  EXPECT_EQ(*admit(), KeptAnswers::Run::kAgain);
  maker()->begin({}, "");
  make(1, 5);
  EXPECT_EQ(late->text(), "4\n5\n");
}

TEST_F(KeptAnswersTest, WhatWasCutIsMadeAgain) {
  const Head head{{"Idempotency-Key", "k"}};
  const auto first = ask(head);
  EXPECT_EQ(*admit(), KeptAnswers::Run::kFirst);
  const std::string answer = id();
  EXPECT_TRUE(kept_->is_again(answer)) << "it is on record";
  maker()->begin({}, "");
  make(1, 2);
  maker()->abort();
  EXPECT_TRUE(first->is_aborted());
  const auto back = ask({{"Last-Event-ID", answer + ":1"}});
  ASSERT_EQ(makers_.size(), 2u);
  EXPECT_EQ(id(), answer);
  EXPECT_TRUE(kept_->is_again(answer));
  make_whole(3);
  EXPECT_EQ(back->text(), "2\n3\n");
}

TEST_F(KeptAnswersTest, WhatWasDroppedBeginsAnew) {
  const Head head{{"Idempotency-Key", "k"}};
  for (const bool is_restarted : {false, true}) {
    ask(head);
    const std::string answer = id();
    EXPECT_FALSE(kept_->is_again(answer));
    EXPECT_EQ(*admit(), KeptAnswers::Run::kFirst);
    make_whole(1);
    if (is_restarted) restart();
    kept_->drop(answer);
    EXPECT_TRUE(records_->all().empty());
    EXPECT_EQ(ask({{"X-Studio-Resume", answer}})->head().status, 404);
  }
}

TEST_F(KeptAnswersTest, WhatStandsForABodyIsComparedInItsPlace) {
  static constexpr KeptWording kWording{
      .numbers = EventNumbers::kLines, .fields = {}, .refusal = [](const Error& error, const std::string&) {
        return http::Response::text(status_of(error.code()), "");
      }};
  const auto ask_for = [&](std::string_view asked) {
    http::Request request;
    request.principal = "key_a";
    request.request_id = new_uuid();
    request.fields.add("Idempotency-Key", "k");
    auto exchange = std::make_shared<HeldExchange>(std::move(request));
    const auto make = [](const std::shared_ptr<http::Exchange>& made) { made->respond(http::Response::text(200, "")); };
    kept_->serve(exchange, kWording, make, asked);
    return exchange->head().status;
  };
  EXPECT_EQ(ask_for("one file"), 200);
  EXPECT_EQ(ask_for("one file"), 200);
  EXPECT_EQ(ask_for("another"), 409);
}

TEST_F(KeptAnswersTest, ManyAtOnceAreOneAnswer) {
  std::mutex mutex;
  std::vector<std::thread> clients;
  std::vector<std::shared_ptr<HeldExchange>> exchanges;
  std::atomic<int> made{0};
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      http::Request request;
      request.principal = "key_a";
      request.request_id = new_uuid();
      request.fields.add("Idempotency-Key", "k");
      auto exchange = std::make_shared<HeldExchange>(std::move(request));
      kept_->serve(exchange, KeptWording(), [&](std::shared_ptr<http::Exchange> maker) {
        ++made;
        (void)kept_->admit(maker->request().request_id, [] { return Sha256Digest{}; }).ok();
        maker->respond(http::Response::json(200, "{}"));
      });
      std::scoped_lock lock(mutex);
      exchanges.push_back(exchange);
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(made, 1);
  for (const auto& exchange : exchanges) EXPECT_EQ(exchange->text(), "{}");
  EXPECT_EQ(records_->all().size(), 1u);
}

}  // namespace
}  // namespace studio::api
