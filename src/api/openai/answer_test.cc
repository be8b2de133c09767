// A running answer against an exchange and a model that the test holds in its hand: what leaves when, and what is
// recorded before it.
#include "api/serving/answer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <climits>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "api/kept/kept_answers.h"
#include "api/kept/kept_test_support.h"
#include "api/openai/writer.h"
#include "api/serving/metrics.h"

namespace studio::api::openai {
namespace {

using engine::FinishReason;
using engine::TokenEvent;
using std::chrono_literals::operator""s;

constexpr const char* kTiny = STUDIO_SOURCE_DIR "/catalogue/builtin/tiny-qwen3.gguf";

class RecordingExchange final : public http::Exchange {
 public:
  RecordingExchange() { request_.request_id = "r-1", request_.principal = "key_a"; }
  const http::Request& request() const override { return request_; }
  std::chrono::steady_clock::time_point received_at() const override { return received_at_; }
  void respond(http::Response response) override {
    std::scoped_lock lock(mutex_);
    ASSERT_FALSE(is_answered_) << "answered twice";
    is_answered_ = is_over_ = true;
    status_ = response.status;
    body_ = std::move(response.body);
    changed_.notify_all();
  }
  void begin(http::Response head, std::string heartbeat) override {
    std::scoped_lock lock(mutex_);
    ASSERT_FALSE(is_answered_) << "answered twice";
    heartbeat_ = std::move(heartbeat);
    is_answered_ = true;
    status_ = head.status;
    changed_.notify_all();
  }
  void write(std::string_view bytes) override {
    std::scoped_lock lock(mutex_);
    ++writes_;
    body_ += bytes;
    changed_.notify_all();
  }
  void finish() override {
    std::scoped_lock lock(mutex_);
    is_over_ = true;
    changed_.notify_all();
  }
  void abort() override { finish(); }
  bool congested() const override { return is_congested; }
  void on_drain(std::function<void()> callback) override { drain = std::move(callback); }
  bool gone() const override { return false; }
  void on_gone(std::function<void()> callback) override { leave = std::move(callback); }

  std::string body() const {
    std::scoped_lock lock(mutex_);
    return body_;
  }
  bool has(const char* text) const { return body().find(text) != std::string::npos; }
  int status() const { return status_; }
  int writes() const { return writes_; }
  std::string heartbeat() const {
    std::scoped_lock lock(mutex_);
    return heartbeat_;
  }
  void wait_until(const std::function<bool(const std::string& body)>& condition) {
    wait([&] { return condition(body_); });
  }
  void wait_until_begun() {
    wait([this] { return is_answered_; });
  }
  void wait_until_over() {
    wait([this] { return is_over_; });
  }

  std::atomic<bool> is_congested{false};
  std::function<void()> drain, leave;

 private:
  void wait(const std::function<bool()>& condition) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, 10s, condition));
  }

  http::Request request_;
  const std::chrono::steady_clock::time_point received_at_ = std::chrono::steady_clock::now();
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<int> status_{0}, writes_{0};
  std::string body_, heartbeat_;
  bool is_answered_ = false, is_over_ = false;
};

// Produces the same few ids for ever, or until max_new_tokens; each stream on a thread of its own.
class StepClient final : public inference::ModelClient {
 public:
  ~StepClient() override { join(); }
  void join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  Result<std::unique_ptr<inference::TokenStream>> generate(inference::TokenRequest request,
                                                           engine::TokenSink sink) override {
    if (before_generate) STUDIO_CHECK_OK(before_generate(static_cast<int>(threads_.size())));
    auto cancelled = std::make_shared<std::atomic<bool>>(false);
    auto number = static_cast<int>(threads_.size());
    threads_.emplace_back([this, sink, cancelled, number, limit = request.sequence.max_new_tokens] {
      TokenEvent event;
      event.usage.prompt_tokens = 1;
      if (accepts) sink(event);
      for (int i = 0; i < limit && !*cancelled; ++i) {
        while (i >= pause_at && !*cancelled && number != failing_) {
          std::this_thread::sleep_for(std::chrono::microseconds(100));
        }
        if (number == failing_) {
          event.id = -1;
          event.finish = FinishReason::kError;
          event.error = failure_;
          return sink(event);
        }
        if (*cancelled) break;
        event.id = 'a' - '!' + i % 3;  // byte tokens stand in the order of the printable bytes
        event.index = i;
        event.usage.generated_tokens = i + 1;
        if (i + 1 == limit) event.finish = FinishReason::kLength;
        sink(event);
        ++produced;
        if (event.finish != FinishReason::kNone) return;
      }
      event.id = -1;
      event.finish = FinishReason::kCancelled;
      sink(event);
    });
    struct Handle final : inference::TokenStream {
      explicit Handle(std::shared_ptr<std::atomic<bool>> flag) : cancelled(std::move(flag)) {}
      ~Handle() override { *cancelled = true; }
      void cancel() override { *cancelled = true; }
      std::shared_ptr<std::atomic<bool>> cancelled;
    };
    return std::unique_ptr<inference::TokenStream>(std::make_unique<Handle>(cancelled));
  }
  // The stream of that number ends with the error.
  void fail(int number, Error error) {
    failure_ = std::move(error);
    failing_ = number;
  }
  inference::ModelStatus status() const override {
    inference::ModelStatus status;
    status.ready = true;
    status.info.context_tokens = 4096;
    return status;
  }

  std::function<Status(int)> before_generate;  // with the number of streams so far
  std::atomic<bool> accepts{true};             // says that it has the request, before any token
  std::atomic<int> pause_at{INT_MAX};          // each stream waits before this token
  std::atomic<int> produced{0};

 private:
  std::vector<std::thread> threads_;
  std::optional<Error> failure_;  // before failing_ is set
  std::atomic<int> failing_{-1};
};

class MemoryUsage final : public inference::UsageSink {
 public:
  Status record(const inference::UsageRecord& record) override {
    if (on_record) on_record();
    std::scoped_lock lock(mutex_);
    records_.push_back(record);
    return failure ? Status(*failure) : Status(Ok{});
  }
  std::vector<inference::UsageRecord> records() const {
    std::scoped_lock lock(mutex_);
    return records_;
  }
  std::optional<Error> failure;
  std::function<void()> on_record;

 private:
  mutable std::mutex mutex_;
  std::vector<inference::UsageRecord> records_;
};

// Says what another says, and does something first where the answer ends, as one that stores it there.
class EndingWriter final : public AnswerWriter {
 public:
  EndingWriter(std::unique_ptr<AnswerWriter> writer, std::function<void()> at_end)
      : writer_(std::move(writer)), at_end_(std::move(at_end)) {}
  http::Response stream_head() const override { return writer_->stream_head(); }
  std::string heartbeat() const override { return writer_->heartbeat(); }
  std::string opening() override { return writer_->opening(); }
  std::string pieces(const inference::ChoiceDelta& delta) override { return writer_->pieces(delta); }
  std::string failure(const Error& error) override { return writer_->failure(error); }
  http::Response refusal(const Error& error) override { return writer_->refusal(error); }
  std::string ending(const AnswerEnd& end) override {
    at_end_();
    return writer_->ending(end);
  }
  http::Response whole(const std::vector<ChoiceAnswer>& choices, const AnswerEnd& end) override {
    at_end_();
    return writer_->whole(choices, end);
  }

 private:
  const std::unique_ptr<AnswerWriter> writer_;
  const std::function<void()> at_end_;
};

class AnswerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto text = inference::TextModel::open(kTiny, client_, "");
    ASSERT_TRUE(text.ok());
    model_.text = *text;
    services_.usage = usage_;
    services_.metrics = &metrics_;
    services_.open_answers = &open_;
    services_.post = [this](std::function<void()> work) {
      std::scoped_lock lock(posted_mutex_);
      posted_.emplace_back(std::move(work));
    };
  }
  void TearDown() override {
    client_->join();
    for (std::thread& thread : posted_) thread.join();
    EXPECT_EQ(open_.count(), 0) << "an answer was never let go";
  }

  void start(bool is_stream, int n = 1, int max_tokens = 30, Endpoint endpoint = Endpoint::kCompletion) {
    start_at(exchange_, is_stream, n, max_tokens, endpoint);
  }
  void start_at(const std::shared_ptr<http::Exchange>& exchange, bool is_stream, int n, int max_tokens,
                Endpoint endpoint) {
    inference::GenerationRequest request;
    request.request_id = exchange->request().request_id;
    request.prompts.push_back(model_.text->prepare_text("x"));
    request.n = n;
    request.max_tokens = max_tokens;
    AnswerHead head{.endpoint = endpoint, .id = "cmpl-1", .created = 1, .model = "m", .include_usage = true};
    auto writer = make_writer(std::move(head), static_cast<size_t>(n), false, "r-1");
    if (at_end) writer = std::make_unique<EndingWriter>(std::move(writer), at_end);
    AnswerOptions options{
        .writer = std::move(writer), .operation = "completions", .is_stream = is_stream, .ignored = {}, .degraded = {}};
    answer(exchange, services_, std::make_shared<const ServedModel>(model_), std::move(request), std::move(options));
  }

  static int count(const std::string& text, std::string_view what) {
    int found = 0;
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
    return found;
  }

  std::function<void()> at_end;  // of what is started from then on
  std::shared_ptr<RecordingExchange> exchange_ = std::make_shared<RecordingExchange>();
  std::shared_ptr<StepClient> client_ = std::make_shared<StepClient>();
  std::shared_ptr<MemoryUsage> usage_ = std::make_shared<MemoryUsage>();
  GatewayMetrics metrics_;
  OpenAnswers open_{1};
  ServedModel model_{.name = "m", .aliases = {}, .created = 1, .text = nullptr};
  Services services_;
  std::mutex posted_mutex_;
  std::vector<std::thread> posted_;
};

TEST_F(AnswerTest, TheRecordComesBeforeTheEndOfAStream) {
  bool was_told = true;
  usage_->on_record = [&] { was_told = exchange_->has("\"length\"") || exchange_->has("[DONE]"); };
  start(true, 2);
  exchange_->wait_until_over();
  EXPECT_FALSE(was_told);
  EXPECT_EQ(count(exchange_->body(), R"("finish_reason":"length")"), 2);
  EXPECT_TRUE(exchange_->body().ends_with("data: [DONE]\n\n"));
  ASSERT_EQ(usage_->records().size(), 1u);
  inference::UsageRecord record = usage_->records().front();
  EXPECT_EQ(record.key_id, "key_a");
  EXPECT_EQ(record.completion_tokens, 60);
  EXPECT_EQ(record.outcome, "length");
  EXPECT_GE(record.first_token_ms, 0);
}

// The I/O thread that brings a drain has other connections; a writer that waits for the disk must not hold it.
TEST_F(AnswerTest, ADrainDoesNotWaitForAnEndThatIsBeingStored) {
  std::future<void> drained;
  std::atomic<bool> has_returned{false};
  at_end = [&] {
    drained = std::async(std::launch::async, exchange_->drain);
    has_returned = drained.wait_for(10s) == std::future_status::ready;
  };
  start(true);
  exchange_->wait_until_over();
  EXPECT_TRUE(has_returned);
  EXPECT_TRUE(exchange_->body().ends_with("data: [DONE]\n\n"));
}

TEST_F(AnswerTest, AnAnswerThatCannotBeRecordedIsWithheld) {
  usage_->failure = Error(Code::kUnavailable, "disk full").with_detail("/var/x");
  start(false);
  exchange_->wait_until_over();
  EXPECT_EQ(exchange_->status(), 500);
  EXPECT_FALSE(exchange_->has("text_completion"));
  EXPECT_FALSE(exchange_->has("/var/x"));
}

TEST_F(AnswerTest, AStreamThatCannotBeRecordedEndsWithAnError) {
  usage_->failure = Error(Code::kUnavailable, "disk full");
  start(true);
  exchange_->wait_until_over();
  EXPECT_EQ(count(exchange_->body(), R"(data: {"error":)"), 1);
  EXPECT_FALSE(exchange_->has("[DONE]"));
  EXPECT_FALSE(exchange_->has(R"("finish_reason":"length")"));
}

TEST_F(AnswerTest, AClientThatLeavesCancelsAndIsRecorded) {
  client_->pause_at = 50;
  start(true, 2, 4000);
  exchange_->wait_until_begun();
  exchange_->leave();
  client_->join();
  exchange_->wait_until_over();
  ASSERT_EQ(usage_->records().size(), 1u);
  EXPECT_EQ(usage_->records().front().outcome, "cancelled");
  EXPECT_GT(usage_->records().front().completion_tokens, 0);
  EXPECT_LE(client_->produced, 100);
}

TEST_F(AnswerTest, ASlowReaderGetsMergedPieces) {
  exchange_->is_congested = true;
  client_->pause_at = 500;
  start(true, 1, 600);
  while (client_->produced < 500) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(exchange_->writes(), 0);
  exchange_->is_congested = false;
  exchange_->drain();
  EXPECT_EQ(exchange_->writes(), 1);
  client_->pause_at = INT_MAX;
  exchange_->wait_until_over();
  EXPECT_TRUE(exchange_->has("[DONE]"));
  EXPECT_EQ(usage_->records().front().completion_tokens, 600);
}

TEST_F(AnswerTest, AStreamBeginsWhenTheRequestIsTaken) {
  client_->pause_at = 0;
  start(true, 2, 30, Endpoint::kChat);
  exchange_->wait_until([](const std::string& body) { return count(body, R"("role":"assistant")") == 2; });
  EXPECT_EQ(client_->produced, 0);
  EXPECT_EQ(exchange_->status(), 200);
  EXPECT_EQ(exchange_->heartbeat(), ": keep-alive\n\n");
  client_->pause_at = INT_MAX;
  exchange_->wait_until_over();
  EXPECT_EQ(count(exchange_->body(), R"("role":"assistant")"), 2);
  EXPECT_TRUE(exchange_->has("[DONE]"));
}

TEST_F(AnswerTest, AnAnswerThatIsNoStreamWaitsForItsEnd) {
  client_->pause_at = 20;
  start(false, 1, 30);
  while (client_->produced < 20) std::this_thread::yield();
  EXPECT_EQ(exchange_->status(), 0);
  client_->pause_at = INT_MAX;
  exchange_->wait_until_over();
  EXPECT_EQ(exchange_->status(), 200);
}

TEST_F(AnswerTest, AWorkerThatOnlyProducesHasTakenTheRequest) {
  client_->accepts = false;
  start(true, 1, 30, Endpoint::kChat);
  exchange_->wait_until_over();
  EXPECT_EQ(count(exchange_->body(), R"("role":"assistant")"), 1);
  EXPECT_LT(exchange_->body().find("assistant"), exchange_->body().find(R"({"content":"a"})"));
  EXPECT_TRUE(exchange_->has("[DONE]"));
}

TEST_F(AnswerTest, ALaterChoiceThatIsRefusedIsAnHttpErrorThoughTheFirstHasSpoken) {
  client_->before_generate = [this](int streams) -> Status {
    if (streams == 0) return Ok{};
    while (client_->produced < 10) std::this_thread::yield();
    return Error(Code::kOverloaded, "full");
  };
  start(true, 2, 4000);
  exchange_->wait_until_over();
  EXPECT_EQ(exchange_->status(), 503);
  EXPECT_TRUE(exchange_->has(R"("code":"overloaded")"));
  ASSERT_EQ(usage_->records().size(), 1u);
  EXPECT_GE(usage_->records().front().completion_tokens, 10);
}

TEST_F(AnswerTest, AChoiceThatFailsInTheMiddleEndsTheStreamWithAnErrorAndTheOthers) {
  client_->pause_at = 20;
  start(true, 2, 4000);
  while (client_->produced < 40) std::this_thread::yield();
  client_->fail(0, Error(Code::kUnavailable, "the worker is gone"));
  exchange_->wait_until_over();
  EXPECT_EQ(exchange_->status(), 200);
  EXPECT_TRUE(exchange_->has(R"("code":"model_unavailable")"));
  EXPECT_FALSE(exchange_->has("[DONE]"));
  EXPECT_FALSE(exchange_->has(R"("finish_reason":"stop")"));
  EXPECT_EQ(usage_->records().front().outcome, "error");
  EXPECT_EQ(usage_->records().front().completion_tokens, 40);
}

class NoRecords final : public KeptRecords {
 public:
  Result<std::optional<KeptRecord>> find(const std::string&, const std::string&) override { return none(); }
  Result<std::optional<KeptRecord>> find(const std::string&, const Sha256Digest&) override { return none(); }
  Status add(const KeptRecord&) override { return Ok{}; }
  Status mark_cancelled(const std::string&) override { return Ok{}; }
  Status remove(const std::string&) override { return Ok{}; }
  Status remove_before(int64_t) override { return Ok{}; }
  Result<std::map<std::string, int64_t>> count_by_key() override { return std::map<std::string, int64_t>(); }

 private:
  static std::optional<KeptRecord> none() { return std::nullopt; }
};

// Each request is kept; the exchange is its first reader.
class KeptStreamTest : public AnswerTest {
 protected:
  std::shared_ptr<HeldExchange> ask(int n, int max_tokens, bool is_slow = false) {
    services_.kept = &kept_;
    http::Request request;
    request.request_id = "r-" + std::to_string(++asked_);
    request.principal = "key_a";
    request.fields.add("Idempotency-Key", request.request_id);
    auto reader = std::make_shared<HeldExchange>(std::move(request));
    reader->is_congested_ = is_slow;
    kept_.serve(reader, {}, [&](const std::shared_ptr<http::Exchange>& exchange) {
      start_at(exchange, true, n, max_tokens, Endpoint::kChat);
    });
    return reader;
  }
  static void wait_until(const std::function<bool()>& condition) {
    for (int i = 0; i < 10'000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ASSERT_TRUE(condition());
  }

  std::shared_ptr<NoRecords> records_ = std::make_shared<NoRecords>();
  KeptAnswers kept_{records_};
  int asked_ = 0;
};

TEST_F(KeptStreamTest, EventsAreAFunctionOfTheTokensThoughChoicesComeAsTheyLike) {
  std::string first;
  for (int round = 0; round < 20; ++round) {
    const auto reader = ask(3, 20);
    wait_until([&] { return reader->is_finished(); });
    const std::string text = reader->text();
    EXPECT_EQ(count(text, R"("content":"a")") + count(text, R"("content":"b")") + count(text, R"("content":"c")"), 60);
    if (round == 0) first = text;
    EXPECT_EQ(text, first);
  }
}

TEST_F(KeptStreamTest, PiecesAreNotMergedForASlowReader) {
  const auto quick = ask(1, 20);
  wait_until([&] { return quick->is_finished(); });
  const auto slow = ask(1, 20, true);
  wait_until([&] { return usage_->records().size() == 2; });
  slow->take(0);
  wait_until([&] { return slow->is_finished(); });
  EXPECT_EQ(slow->text(), quick->text());
}

TEST_F(KeptStreamTest, ItsHeartbeatIsAnEvent) {
  const auto reader = ask(1, 2);
  wait_until([&] { return reader->is_finished(); });
  EXPECT_TRUE(reader->heartbeat().starts_with("data: {"));
  EXPECT_NE(reader->heartbeat().find(R"("delta":{})"), std::string::npos);
}

TEST_F(KeptStreamTest, AStopLeavesItsUsageToTheRunThatEndsIt) {
  client_->pause_at = 5;
  const auto reader = ask(1, 20);
  kept_.stop();
  wait_until([&] { return reader->is_aborted(); });
  EXPECT_TRUE(usage_->records().empty());
}

TEST_F(AnswerTest, AKeyThatHasItsRequestsOpenIsToldToWait) {
  auto other = open_.open("key_a");
  start(true);
  EXPECT_EQ(exchange_->status(), 429);
  EXPECT_TRUE(exchange_->has(R"("code":"limit_requests")"));
  EXPECT_TRUE(usage_->records().empty());
}

TEST_F(AnswerTest, ARefusalBeforeTheFirstTokenIsAnHttpError) {
  client_->before_generate = [](int) -> Status { return Error(Code::kOverloaded, "full"); };
  start(true, 2);
  exchange_->wait_until_over();
  EXPECT_EQ(exchange_->status(), 503);
}

}  // namespace
}  // namespace studio::api::openai
