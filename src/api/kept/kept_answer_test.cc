#include "api/kept/kept_answer.h"

#include <gtest/gtest.h>

#include "api/kept/kept_test_support.h"

namespace studio::api {
namespace {

http::Response refusal(const Error& error, const std::string&) {
  return http::Response::text(error.code() == Code::kInternal ? 500 : 400, error.message());
}

class KeptAnswerTest : public testing::Test {
 protected:
  void open(EventNumbers numbers = EventNumbers::kLines, size_t most_of_answer = 1 << 20) {
    bytes_.most = 1 << 20;
    bytes_.most_of_answer = most_of_answer;
    answer_ = std::make_shared<KeptAnswer>(KeptAnswer::Options{.answer_id = "a",
                                                               .numbers = numbers,
                                                               .bytes = &bytes_,
                                                               .on_refused = [this] { ++refused_; },
                                                               .render_error = refusal});
    maker_ = answer_->made_through({});
  }
  std::shared_ptr<HeldExchange> attach(uint64_t after = 0, bool has_id_lines = false) {
    auto exchange = std::make_shared<HeldExchange>();
    EXPECT_TRUE(answer_->attach({.exchange = exchange, .after = after, .has_id_lines = has_id_lines}));
    return exchange;
  }
  void make(int events) {
    for (int i = 0; i < events; ++i) maker_->write(std::to_string(++made_) + "\n");
  }
  static std::string lines(int from, int to) {
    std::string text;
    for (int i = from; i <= to; ++i) text += std::to_string(i) + "\n";
    return text;
  }

  KeptBytes bytes_;
  std::shared_ptr<KeptAnswer> answer_;
  std::shared_ptr<http::Exchange> maker_;
  int made_ = 0, refused_ = 0;
};

TEST_F(KeptAnswerTest, ReadersGetWhatIsBehindTheirEventWheneverTheyCome) {
  open();
  const auto first = attach();
  maker_->begin({}, "");
  make(5);
  const auto second = attach(3);
  EXPECT_EQ(second->text(), lines(4, 5));
  make(5);
  const auto early = attach(12);  // it has more than was made so far: an earlier run's
  make(5);
  maker_->finish();
  const auto late = attach(14), all = attach(15), whole = attach();
  EXPECT_EQ(first->text(), lines(1, 15));
  EXPECT_EQ(second->text(), lines(4, 15));
  EXPECT_EQ(early->text(), lines(13, 15));
  EXPECT_EQ(late->text(), lines(15, 15));
  EXPECT_EQ(all->text(), "");
  EXPECT_EQ(whole->text(), lines(1, 15));
  for (const auto& reader : {first, second, early, late, all, whole}) EXPECT_TRUE(reader->is_finished());
  EXPECT_FALSE(answer_->is_read());
}

TEST_F(KeptAnswerTest, IdLinesAreForWhoAsks) {
  open(EventNumbers::kIdLines);
  const auto plain = attach(), numbered = attach(1, true);
  maker_->begin({}, "");
  maker_->write("data: x\n\ndata: y\n\nevent: e\nda");
  maker_->write("ta: z\n\n");
  EXPECT_EQ(plain->text(), "data: x\n\ndata: y\n\nevent: e\ndata: z\n\n");
  EXPECT_EQ(numbered->text(), "id: a:2\ndata: y\n\nid: a:3\nevent: e\ndata: z\n\n");
  EXPECT_EQ(numbered->field("X-Studio-Answer"), "a");
}

TEST_F(KeptAnswerTest, AReaderThatIsSlowWaitsForNobodyAndNobodyForIt) {
  open();
  const auto slow = attach(), quick = attach();
  slow->take(2);
  maker_->begin({}, "");
  make(6);
  EXPECT_FALSE(maker_->congested());
  EXPECT_EQ(quick->text(), lines(1, 6));
  EXPECT_EQ(slow->text(), lines(1, 2));
  slow->take(1);
  EXPECT_EQ(slow->text(), lines(1, 3));
  maker_->finish();
  EXPECT_FALSE(slow->is_finished());
  slow->take(0);
  EXPECT_EQ(slow->text(), lines(1, 6));
  EXPECT_TRUE(slow->is_finished());
}

TEST_F(KeptAnswerTest, OldEventsGoPastItsShareAndWhoLacksThemIsToldSo) {
  open(EventNumbers::kLines, 1000);
  const auto slow = attach(), quick = attach();
  slow->take(1);
  maker_->begin({}, "");
  make(100);
  EXPECT_LE(bytes_.held, 1000u + 2048u);
  EXPECT_EQ(quick->text(), lines(1, 100));
  EXPECT_TRUE(answer_->lacks(80));
  EXPECT_FALSE(answer_->lacks(99));
  EXPECT_FALSE(answer_->attach({.exchange = std::make_shared<HeldExchange>(), .after = 80}));
  slow->take(5);
  EXPECT_TRUE(slow->is_aborted());
  EXPECT_EQ(slow->text(), lines(1, 1));
  maker_.reset(), answer_.reset();
  EXPECT_EQ(bytes_.held, 0u);
}

TEST_F(KeptAnswerTest, AReaderThatLeavesIsNotMissedAndTheTimeIsNoted) {
  open();
  const auto before = KeptAnswer::Clock::now();
  const auto reader = attach();
  maker_->begin({}, "");
  make(1);
  reader->leave();
  EXPECT_FALSE(answer_->is_read());
  EXPECT_GE(answer_->idle_since(), before);
  const auto left_at = answer_->idle_since();
  make(3);
  EXPECT_EQ(answer_->idle_since(), left_at);
  EXPECT_EQ(reader->text(), lines(1, 1));
  const auto gone = std::make_shared<HeldExchange>();
  gone->leave();
  EXPECT_TRUE(answer_->attach({.exchange = gone}));
  EXPECT_FALSE(answer_->is_read());
}

TEST_F(KeptAnswerTest, CancelIsToTheMakerAsIfItsClientHadLeft) {
  open();
  int left = 0;
  maker_->on_gone([&] { ++left; });
  EXPECT_FALSE(maker_->gone());
  answer_->cancel();
  answer_->cancel();
  EXPECT_TRUE(maker_->gone());
  EXPECT_EQ(left, 1);
  maker_->on_gone([&] { ++left; });  // where the client has gone already, at once
  EXPECT_EQ(left, 2);
}

TEST_F(KeptAnswerTest, AWholeAnswerIsForAllWhoWaitAndWhoComeLater) {
  open();
  const auto waiting = attach();
  maker_->respond(http::Response::json(200, "{}"));
  const auto later = attach();
  for (const auto& reader : {waiting, later}) {
    EXPECT_EQ(reader->head().status, 200);
    EXPECT_EQ(reader->text(), "{}");
    EXPECT_TRUE(reader->is_finished());
  }
  EXPECT_EQ(refused_, 0);
}

TEST_F(KeptAnswerTest, ARefusalIsNotedBeforeItIsTold) {
  open();
  const auto reader = attach();
  maker_->respond(http::Response::json(409, "no"));
  EXPECT_EQ(refused_, 1);
  EXPECT_EQ(reader->field("X-Should-Retry"), "false");
}

TEST_F(KeptAnswerTest, AMakerThatLetsGoIsAnError) {
  open();
  const auto reader = attach();
  maker_.reset();
  EXPECT_EQ(reader->head().status, 500);
  open();
  const auto cut = attach();
  maker_->begin({}, "");
  make(2);
  maker_.reset();
  EXPECT_TRUE(cut->is_aborted());
  EXPECT_FALSE(cut->is_finished());
}

}  // namespace
}  // namespace studio::api
