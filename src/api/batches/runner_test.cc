// The runner over a real store and a model whose tokens the test holds in its hand; stopped, started again, stopped.
#include "api/batches/runner.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/json.hpp>
#include <random>
#include <set>
#include <thread>

#include "api/files/file_rules.h"
#include "api/serving/metrics.h"
#include "base/json.h"
#include "store/test_folder.h"

namespace studio::api::batches {
namespace {

using namespace std::chrono_literals;
using store::BatchStatus;

constexpr const char* kTiny = STUDIO_SOURCE_DIR "/catalogue/builtin/tiny-qwen3.gguf";

// Answers a request with as many tokens as it may have, once it is let; each stream on a thread of its own.
class HeldClient final : public inference::ModelClient {
 public:
  ~HeldClient() override { join(); }
  void join() {
    std::vector<std::thread> threads;
    {
      std::scoped_lock lock(mutex_);
      threads.swap(threads_);
    }
    for (std::thread& thread : threads) thread.join();
  }
  Result<std::unique_ptr<inference::TokenStream>> generate(inference::TokenRequest request,
                                                           engine::TokenSink sink) override {
    if (refusals.fetch_sub(1) > 0) return Error(Code::kOverloaded, "full");
    auto cancelled = std::make_shared<std::atomic<bool>>(false);
    std::scoped_lock lock(mutex_);
    asked.insert(request.request_id);
    most_at_once = std::max(most_at_once, ++running_);
    threads_.emplace_back([this, sink, cancelled, limit = request.sequence.max_new_tokens] {
      while (is_held && !*cancelled) std::this_thread::sleep_for(100us);
      {
        std::scoped_lock inner(mutex_);
        --running_;
      }
      engine::TokenEvent event;
      event.usage.prompt_tokens = 7;
      for (int i = 0; i < limit && !*cancelled; ++i) {
        event.id = 'a' - '!';
        event.index = i;
        event.usage.generated_tokens = i + 1;
        if (i == 1) ++begun;
        while (is_held_behind_first && i == 1 && !*cancelled) std::this_thread::sleep_for(100us);
        if (i + 1 == limit) event.finish = engine::FinishReason::kLength;
        sink(event);
        if (i + 1 == limit) return;
      }
      event.id = -1;
      event.finish = engine::FinishReason::kCancelled;
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
  inference::ModelStatus status() const override {
    inference::ModelStatus status;
    status.ready = true;
    status.info.context_tokens = 4096;
    return status;
  }
  size_t times_asked() {
    std::scoped_lock lock(mutex_);
    return asked.size();
  }

  std::atomic<bool> is_held{false};
  std::atomic<bool> is_held_behind_first{false};
  std::atomic<int> begun{0};  // that have told their first token
  std::atomic<int> refusals{0};
  std::multiset<std::string> asked;  // request ids
  int most_at_once = 0;

 private:
  std::mutex mutex_;
  int running_ = 0;
  std::vector<std::thread> threads_;
};

class RunnerTest : public testing::Test {
 protected:
  RunnerTest() {
    models_.add({.name = "tiny", .aliases = {}, .text = inference::TextModel::open(kTiny, client_, "").value()});
    services_.models = &models_;
    services_.metrics = &metrics_;
    services_.post = [this](std::function<void()> work) {
      std::scoped_lock lock(posted_mutex_);
      posted_.emplace_back(std::move(work));
    };
  }
  ~RunnerTest() override {
    stop();
    client_->join();
    for (std::thread& thread : posted_) thread.join();
  }
  void start() {
    runner_ = std::make_unique<Runner>(services_, *files_, batches_, tasks_,
                                       RunnerOptions{.now = [this] { return now_.load(); }});
    runner_->start();
  }
  void stop() { runner_.reset(); }

  static std::string line(int number, const std::string& more = "") {
    return R"({"custom_id":"c)" + std::to_string(number) +
           R"(","method":"POST","url":"/v1/completions","body":{"model":"tiny","prompt":"x","max_tokens":3)" + more +
           "}}\n";
  }
  // A batch of that file; the runner is told.
  std::string create(const std::string& text) {
    const std::string id = std::to_string(++made_);
    store::FileDraft draft = files_->begin().value();
    EXPECT_TRUE(draft.append(text).ok());
    EXPECT_TRUE(files_->keep(std::move(draft), {.file_id = "in" + id, .owner = "k", .purpose = "batch"}).ok());
    EXPECT_TRUE(batches_
                    .create({.batch_id = "batch_" + id,
                             .owner = "k",
                             .endpoint = "/v1/completions",
                             .input_file_id = "in" + id,
                             .created_at = 100,
                             .expires_at = 200})
                    .ok());
    if (runner_) runner_->wake();
    return "batch_" + id;
  }
  store::Batch find(const std::string& id) { return batches_.find("k", id).value(); }
  store::Batch wait_for(const std::string& id, const std::function<bool(const store::Batch&)>& is_so) {
    for (int i = 0; i < 20'000; ++i) {
      store::Batch batch = find(id);
      if (is_so(batch)) return batch;
      std::this_thread::sleep_for(1ms);
    }
    ADD_FAILURE() << "the batch is still " << store::status_name(find(id).status);
    return find(id);
  }
  store::Batch wait_for_end(const std::string& id) {
    return wait_for(id, [](const store::Batch& batch) { return store::is_over(batch.status); });
  }
  // custom ids of a file's lines.
  std::multiset<std::string> ids_in(const std::string& file_id) {
    std::multiset<std::string> ids;
    if (file_id.empty()) return ids;
    InputLines lines(files_->read(files_->find("k", file_id).value()).value());
    while (auto each = lines.next().value()) {
      ids.insert(std::string(parse_json(each->text).value().at("custom_id").as_string()));
    }
    return ids;
  }
  static std::multiset<std::string> ids(int from, int to) {
    std::multiset<std::string> ids;
    for (int i = from; i < to; ++i) ids.insert("c" + std::to_string(i));
    return ids;
  }

  store::TestFolder folder_;
  std::shared_ptr<store::Store> store_ = store::Store::open(folder_.path()).value();
  std::unique_ptr<store::Files> files_ = store::Files::open(store_, folder_.inner("files")).value();
  store::Batches batches_{store_};
  store::Tasks tasks_{store_};
  std::shared_ptr<HeldClient> client_ = std::make_shared<HeldClient>();
  ServedModels models_;
  GatewayMetrics metrics_;
  Services services_;
  std::atomic<int64_t> now_{150};
  int made_ = 0;
  std::mutex posted_mutex_;
  std::vector<std::thread> posted_;
  std::unique_ptr<Runner> runner_;
};

TEST_F(RunnerTest, AnswersEachLineOnce) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += line(i, i % 10 == 3 ? R"(,"temperature":9)" : "");
  start();
  const store::Batch done = wait_for_end(create(text));
  EXPECT_EQ(done.status, BatchStatus::kCompleted);
  EXPECT_EQ(done.lines_completed, 36);
  EXPECT_EQ(done.lines_failed, 4);
  EXPECT_EQ(ids_in(done.error_file_id), (std::multiset<std::string>{"c3", "c13", "c23", "c33"}));
  EXPECT_EQ(ids_in(done.output_file_id).size(), 36u);
  EXPECT_EQ(store_->usage_totals()->requests, 36);
  EXPECT_EQ(store_->usage_totals()->completion_tokens, 36 * 3);
  EXPECT_LE(client_->most_at_once, 8);
}

TEST_F(RunnerTest, GoesOnWhereItWasStopped) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += line(i);
  const std::string id = create(text);
  std::mt19937 random(3);
  for (int round = 0; round < 12; ++round) {
    client_->is_held = round % 3 == 2;
    start();
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 30'000));
    stop();
  }
  client_->is_held = false;
  start();
  const store::Batch done = wait_for_end(id);
  EXPECT_EQ(done.status, BatchStatus::kCompleted);
  EXPECT_EQ(done.lines_completed, 60);
  EXPECT_EQ(ids_in(done.output_file_id), ids(0, 60));
  EXPECT_EQ(store_->usage_totals()->requests, 60);
}

TEST_F(RunnerTest, ALineThatFindsNoRoomIsTriedAgain) {
  client_->refusals = 2;
  start();
  const store::Batch done = wait_for_end(create(line(0) + line(1)));
  EXPECT_EQ(done.lines_completed, 2);
  EXPECT_TRUE(done.error_file_id.empty());
}

TEST_F(RunnerTest, ACancelledBatchKeepsWhatItHas) {
  client_->is_held = true;
  start();
  const std::string id = create(line(0) + line(1) + line(2));
  wait_for(id, [&](const store::Batch&) { return client_->times_asked() == 3; });
  ASSERT_TRUE(batches_.request_cancel("k", id, 160).ok());
  runner_->wake();
  const store::Batch done = wait_for_end(id);
  EXPECT_EQ(done.status, BatchStatus::kCancelled);
  EXPECT_EQ(done.lines_completed + done.lines_failed, 0);
  EXPECT_TRUE(done.output_file_id.empty());
  EXPECT_EQ(store_->usage_totals()->requests, 0);
}

TEST_F(RunnerTest, WhatWasComputedForALineThatIsCutCounts) {
  client_->is_held_behind_first = true;
  start();
  const std::string id = create(line(0) + line(1));
  wait_for(id, [&](const store::Batch&) { return client_->begun == 2; });
  ASSERT_TRUE(batches_.request_cancel("k", id, 160).ok());
  runner_->wake();
  const store::Batch done = wait_for_end(id);
  EXPECT_EQ(done.lines_completed + done.lines_failed, 0);
  EXPECT_EQ(store_->usage_totals()->requests, 2);
  EXPECT_GE(store_->usage_totals()->completion_tokens, 2);
}

TEST_F(RunnerTest, ABatchWhoseWindowEndsTellsWhatNeverRan) {
  std::string text;
  for (int i = 0; i < 20; ++i) text += line(i);
  start();
  client_->is_held = true;
  const std::string id = create(text);
  wait_for(id, [&](const store::Batch&) { return client_->times_asked() == 8; });
  now_ = 200;
  const store::Batch done = wait_for_end(id);
  EXPECT_EQ(done.status, BatchStatus::kExpired);
  EXPECT_EQ(done.expired_at, 200);
  EXPECT_EQ(done.lines_completed, 0);
  EXPECT_EQ(done.lines_failed, 20);
  EXPECT_EQ(ids_in(done.error_file_id), ids(0, 20));
}

TEST_F(RunnerTest, AFileThatIsNoBatchRunsNothing) {
  start();
  const store::Batch done = wait_for_end(create(line(0) + line(0)));
  EXPECT_EQ(done.status, BatchStatus::kFailed);
  EXPECT_NE(done.errors.find("duplicate_custom_id"), std::string::npos);
  EXPECT_EQ(client_->times_asked(), 0u);
}

TEST_F(RunnerTest, BatchesTakeTurns) {
  client_->is_held = true;
  std::string large;
  for (int i = 0; i < 100; ++i) large += line(i);
  const std::string first = create(large), second = create(line(0));
  start();
  wait_for(first, [&](const store::Batch&) { return client_->times_asked() == 8; });
  wait_for(second, [](const store::Batch& batch) { return batch.status == BatchStatus::kInProgress; });
  client_->is_held = false;
  const store::Batch done = wait_for_end(second);
  EXPECT_EQ(done.lines_completed, 1);
  EXPECT_EQ(wait_for_end(first).lines_completed, 100);
}

TEST_F(RunnerTest, AMonthAfterItsEndABatchIsForgottenAndItsFilesStay) {
  start();
  const std::string id = create(line(0));
  const store::Batch done = wait_for_end(id);
  wait_for(id, [&](const store::Batch&) { return batches_.answered_lines(id)->empty(); });
  stop();
  now_ = done.completed_at + kBatchKeptSeconds;
  start();
  const std::string next = create(line(1));
  wait_for_end(next);  // it has looked by then
  EXPECT_TRUE(batches_.find("k", id).ok());
  stop();
  ++now_;
  start();
  while (batches_.find("k", id).ok()) std::this_thread::sleep_for(1ms);
  EXPECT_TRUE(batches_.find("k", next).ok());
  EXPECT_EQ(ids_in(done.output_file_id), ids(0, 1));
}

TEST_F(RunnerTest, AnswersAreInTheFilesAloneAtTheEnd) {
  start();
  const std::string id = create(line(0) + line(1));
  wait_for_end(id);
  wait_for(id, [&](const store::Batch&) { return batches_.answered_lines(id)->empty(); });
  EXPECT_TRUE(batches_.answered_lines(id)->empty());
}

}  // namespace
}  // namespace studio::api::batches
