#include "inference/encoder_queue.h"

#include <gtest/gtest.h>

#include <future>

#include "inference/fake_encoder.h"

namespace studio::inference {
namespace {

using namespace std::chrono_literals;
using engine::EncoderText;

// A request of texts that begin with `first`, each of `tokens` ids.
EncodeRequest request_of(size_t texts, engine::TokenId first, size_t tokens = 4) {
  EncodeRequest request;
  request.request_id = "r" + std::to_string(first);
  for (size_t i = 0; i < texts; ++i) request.texts.push_back({.ids = std::vector<engine::TokenId>(tokens, first)});
  return request;
}

class EncoderQueueTest : public ::testing::Test {
 protected:
  // Until the first pass is being computed, so that what comes next waits.
  void hold_with_a_pass(Seen& seen) {
    encoder_.hold();
    ASSERT_TRUE(queue_.submit(request_of(1, 1), seen.sink()).ok());
    while (encoder_.passes().empty()) std::this_thread::sleep_for(1ms);
  }

  FakeEncoder encoder_;
  ThreadPool pool_{1};
  EncoderQueue queue_{encoder_, pool_, 4};
};

TEST_F(EncoderQueueTest, GivesEachRequestItsOwnVectors) {
  Seen held, one, other;
  hold_with_a_pass(held);
  ASSERT_TRUE(queue_.submit(request_of(3, 7, 5), one.sink()).ok());
  ASSERT_TRUE(queue_.submit(request_of(2, 9, 6), other.sink()).ok());
  encoder_.let_go();
  ASSERT_TRUE(held.wait().ok());
  const auto of_one = one.wait(), of_other = other.wait();
  ASSERT_TRUE(of_one.ok() && of_other.ok());
  EXPECT_EQ(of_one->width, 3u);
  EXPECT_EQ(of_one->values, (std::vector<float>{7, 5, 0, 7, 5, 0, 7, 5, 0}));
  EXPECT_EQ(of_one->prompt_tokens, 15);
  EXPECT_EQ(of_other->values, (std::vector<float>{9, 6, 0, 9, 6, 0}));
  EXPECT_EQ(encoder_.passes(), (std::vector<size_t>{1, 5}));  // what waited together was computed together
}

// A request of hundreds of texts does not keep a small one waiting until its end.
TEST_F(EncoderQueueTest, TakesTextsOfAllRequestsInTurn) {
  Seen held, small;
  std::promise<size_t> large;                           // numbers that it got
  bool is_large_over = false, was_large_first = false;  // of the queue's thread, which tells both ends
  hold_with_a_pass(held);
  const auto end_large = [&](const Result<Encoded>& encoded) {
    is_large_over = true;
    large.set_value(encoded.ok() ? encoded->values.size() : 0);
  };
  const auto end_small = [&, sink = small.sink()](Result<Encoded> encoded) {
    was_large_first = is_large_over;
    sink(std::move(encoded));
  };
  ASSERT_TRUE(queue_.submit(request_of(200, 2, 64), end_large).ok());  // 12,800 tokens, seven passes
  ASSERT_TRUE(queue_.submit(request_of(1, 3, 64), end_small).ok());
  encoder_.let_go();
  ASSERT_TRUE(small.wait().ok());
  EXPECT_FALSE(was_large_first);
  EXPECT_EQ(large.get_future().get(), 600u);
}

TEST_F(EncoderQueueTest, APassHoldsOneClassOfNumerics) {
  Seen held, plain, fast;
  hold_with_a_pass(held);
  ASSERT_TRUE(queue_.submit(request_of(2, 8), plain.sink()).ok());
  EncodeRequest request = request_of(3, 6);
  request.is_fast = true;
  ASSERT_TRUE(queue_.submit(std::move(request), fast.sink()).ok());
  encoder_.let_go();
  const auto of_plain = plain.wait(), of_fast = fast.wait();
  ASSERT_TRUE(held.wait().ok() && of_plain.ok() && of_fast.ok());
  EXPECT_EQ(of_plain->values, (std::vector<float>{8, 4, 0, 8, 4, 0}));
  EXPECT_EQ(of_fast->values, (std::vector<float>{3, 2, 0, 3, 2, 0, 3, 2, 0}));
  EXPECT_EQ(of_plain->numerics_class, kEncoderNumerics);
  EXPECT_EQ(of_fast->numerics_class, kFastEncoderNumerics);
  EXPECT_EQ(encoder_.passes(), (std::vector<size_t>{1, 2, 3}));
}

TEST_F(EncoderQueueTest, RefusesMoreThanMayWait) {
  Seen held;
  hold_with_a_pass(held);
  std::vector<Seen> waiting(3);
  for (Seen& seen : waiting) ASSERT_TRUE(queue_.submit(request_of(1, 2), seen.sink()).ok());
  const auto refused = queue_.submit(request_of(1, 2), [](const Result<Encoded>&) {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kOverloaded);
  EXPECT_TRUE(refused.error().retry_after().has_value());
  EXPECT_EQ(queue_.stats().running, 1);
  EXPECT_EQ(queue_.stats().waiting, 3);
  encoder_.let_go();
  for (Seen& seen : waiting) EXPECT_TRUE(seen.wait().ok());
}

TEST_F(EncoderQueueTest, EndsWhatIsLateAndForgetsWhatWasCancelled) {
  Seen held, late;
  hold_with_a_pass(held);
  EncodeRequest hurried = request_of(1, 2);
  hurried.deadline = std::chrono::steady_clock::now();
  ASSERT_TRUE(queue_.submit(std::move(hurried), late.sink()).ok());
  std::atomic<bool> was_told = false;
  const auto id = queue_.submit(request_of(1, 3), [&](const Result<Encoded>&) { was_told = true; });
  ASSERT_TRUE(id.ok());
  queue_.cancel(*id);
  queue_.cancel(12345);
  encoder_.let_go();
  const auto ended = late.wait();
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().code(), Code::kDeadlineExceeded);
  EXPECT_TRUE(held.wait().ok());
  EXPECT_FALSE(was_told);
  EXPECT_EQ(queue_.stats().waiting, 0);
}

TEST_F(EncoderQueueTest, RefusesATextThatWouldSpoilTheOthersPass) {
  EXPECT_FALSE(queue_.submit(request_of(1, 1, 65), [](const Result<Encoded>&) {}).ok());
  EXPECT_FALSE(queue_.submit({}, [](const Result<Encoded>&) {}).ok());
}

TEST(EncoderQueue, EndsWhatWaitsWhenItGoes) {
  FakeEncoder encoder;
  ThreadPool pool(1);
  Seen held, waits;
  std::thread later;
  {
    EncoderQueue queue(encoder, pool, 4);
    encoder.hold();
    ASSERT_TRUE(queue.submit(request_of(1, 1), held.sink()).ok());
    while (encoder.passes().empty()) std::this_thread::sleep_for(1ms);
    ASSERT_TRUE(queue.submit(request_of(1, 2), waits.sink()).ok());
    later = std::thread([&] {
      std::this_thread::sleep_for(20ms);
      encoder.let_go();
    });
  }
  later.join();
  EXPECT_TRUE(held.wait().ok());
  const auto ended = waits.wait();
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().code(), Code::kCancelled);
}

}  // namespace
}  // namespace studio::inference
