// One that runs in the background, and its readers: early, late, slow, gone.
#include "api/responses/running.h"

#include <gtest/gtest.h>

#include <thread>

namespace studio::api::responses {
namespace {

class Reader final : public http::Exchange {
 public:
  const http::Request& request() const override { return request_; }
  std::chrono::steady_clock::time_point received_at() const override { return {}; }
  void respond(http::Response) override {}
  void begin(http::Response, std::string) override { ++begins; }
  void write(std::string_view bytes) override { body += bytes; }
  void finish() override { is_over = true; }
  void abort() override { is_aborted = true; }
  bool congested() const override { return is_congested; }
  void on_drain(std::function<void()> callback) override { drain = std::move(callback); }
  bool gone() const override { return false; }
  void on_gone(std::function<void()> callback) override { leave = std::move(callback); }

  int begins = 0;
  std::string body;
  bool is_over = false, is_aborted = false, is_congested = false;
  std::function<void()> drain, leave;

 private:
  http::Request request_;
};

class RunningTest : public ::testing::Test {
 protected:
  std::shared_ptr<Reader> attach(int64_t after = -1, bool is_congested = false) {
    auto reader = std::make_shared<Reader>();
    reader->is_congested = is_congested;
    running_->attach(reader, {}, after);
    return reader;
  }
  void add(const std::string& text) { running_->add({.choice = 0, .reasoning = {}, .text = text, .logprobs = {}}); }
  void end() { running_->end({.finish = {inference::Finish::kStop}, .error = std::nullopt, .usage = {}}); }

  std::vector<Record> kept_;
  std::shared_ptr<Running> running_ = std::make_shared<Running>(
      "key_a",
      Record{.id = "resp_1", .model = "m", .echo = {}, .is_background = true, .state = State::kQueued, .pieces = {}},
      [this](const Record& record) {
        kept_.push_back(record);
        return Status(Ok{});
      });
};

TEST_F(RunningTest, EveryReaderGetsTheSameBytes) {
  const auto early = attach();
  EXPECT_NE(early->body.find("response.queued"), std::string::npos) << "told before it begins";
  running_->start();
  add("a");
  const auto later = attach();
  add("b");
  EXPECT_EQ(early->body, later->body);
  end();
  const auto last = attach();
  ASSERT_EQ(kept_.size(), 1u);
  const std::string told = replay(kept_.front(), -1);
  for (const auto& reader : {early, later, last}) {
    EXPECT_EQ(reader->body, told);
    EXPECT_TRUE(reader->is_over);
    EXPECT_EQ(reader->begins, 1);
  }
  EXPECT_EQ(attach(4)->body, replay(kept_.front(), 4));
}

TEST_F(RunningTest, ASlowReaderHoldsNobodyUpAndMissesNothing) {
  const auto slow = attach(-1, true), quick = attach();
  running_->start();
  for (int i = 0; i < 100; ++i) add("word ");
  end();
  EXPECT_TRUE(quick->is_over);
  EXPECT_FALSE(slow->is_over);
  EXPECT_EQ(slow->body.find("delta"), std::string::npos);
  slow->is_congested = false;
  slow->drain();
  EXPECT_TRUE(slow->is_over);
  EXPECT_EQ(slow->body, quick->body);
}

TEST_F(RunningTest, WhoLeftIsToldNoMore) {
  const auto reader = attach();
  reader->leave();
  const size_t before = reader->body.size();
  running_->start();
  end();
  EXPECT_EQ(reader->body.size(), before);
  EXPECT_EQ(kept_.size(), 1u) << "it goes on without readers";
}

TEST_F(RunningTest, ACancelledOneIsKeptAsSuchAndToldOnce) {
  std::vector<State> told;
  running_->when_ended([&](const Record& record) { told.push_back(record.state); });
  running_->start();
  add("a");
  running_->mark_cancelled();
  running_->fail(Error(Code::kUnavailable, "stopping"));
  end();
  EXPECT_EQ(told, std::vector<State>{State::kCancelled});
  ASSERT_EQ(kept_.size(), 1u);
  EXPECT_FALSE(kept_.front().failure.has_value());
  running_->when_ended([&](const Record& record) { told.push_back(record.state); });
  EXPECT_EQ(told.size(), 2u) << "at once where it has ended";
}

TEST_F(RunningTest, AnInterruptedOneIsNeitherKeptNorTold) {
  const auto reader = attach();
  running_->start();
  running_->interrupt();
  end();
  EXPECT_TRUE(kept_.empty());
  EXPECT_TRUE(reader->is_aborted);
  EXPECT_FALSE(reader->is_over);
}

TEST_F(RunningTest, OneThatGrowsTooLargeFails) {
  running_->start();
  const std::string large(8 << 20, 'x');
  Running::Room room = Running::Room::kLeft;
  for (int i = 0; i < 9 && room == Running::Room::kLeft; ++i) {
    room = running_->add({.choice = 0, .reasoning = {}, .text = large, .logprobs = {}});
  }
  EXPECT_EQ(room, Running::Room::kFull);
  running_->fail(Error(Code::kUnavailable, "stopping"));
  ASSERT_EQ(kept_.size(), 1u);
  EXPECT_NE(kept_.front().failure->message.find("MiB"), std::string::npos);
}

TEST_F(RunningTest, ReadersComeAndGoWhileItRuns) {
  running_->start();
  std::vector<std::shared_ptr<Reader>> readers;
  std::thread producer([this] {
    for (int i = 0; i < 500; ++i) add("w");
    end();
  });
  for (int i = 0; i < 50; ++i) {
    readers.push_back(attach());
    if (i % 3 == 0) readers.back()->leave(), readers.pop_back();
  }
  producer.join();
  const std::string told = replay(kept_.front(), -1);
  for (const auto& reader : readers) EXPECT_EQ(reader->body, told);
}

}  // namespace
}  // namespace studio::api::responses
