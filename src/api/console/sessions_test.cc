#include "api/console/sessions.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace studio::api::console {
namespace {

using namespace std::chrono_literals;

struct SessionsTest : ::testing::Test {
  std::chrono::system_clock::time_point now{1'000'000s};
  Sessions sessions{[this] { return now; }};
};

TEST_F(SessionsTest, ALinkLogsInOnce) {
  std::string link = sessions.new_link("key_1");
  auto session = sessions.log_in(link);
  ASSERT_TRUE(session.ok());
  EXPECT_EQ(sessions.find(*session)->principal, "key_1");
  auto again = sessions.log_in(link);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code(), Code::kUnauthenticated);
  EXPECT_TRUE(sessions.find(*session)) << "the session goes on";
}

TEST_F(SessionsTest, OfManyThatComeAtOnceOneIsLetIn) {
  std::string link = sessions.new_link("key_1");
  std::atomic<int> let_in{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { let_in += sessions.log_in(link).ok() ? 1 : 0; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(let_in, 1);
}

TEST_F(SessionsTest, TokensOfOneKindAreNotOfTheOther) {
  std::string link = sessions.new_link("key_1");
  EXPECT_FALSE(sessions.find(link));
  auto session = sessions.log_in(link);
  EXPECT_FALSE(sessions.log_in(*session).ok());
  EXPECT_FALSE(sessions.find(""));
  EXPECT_FALSE(sessions.log_in("").ok());
}

TEST_F(SessionsTest, BothEndInTime) {
  std::string link = sessions.new_link("key_1");
  std::string late = sessions.new_link("key_1");
  auto session = sessions.log_in(link);
  now += kLinkLifetime;
  EXPECT_FALSE(sessions.log_in(late).ok());
  EXPECT_TRUE(sessions.find(*session));
  now += kSessionLifetime;
  EXPECT_FALSE(sessions.find(*session));
  EXPECT_EQ(sessions.sessions(), 0u) << "an ended session is forgotten when it is asked for";
}

TEST_F(SessionsTest, LogOutEndsThatSessionAlone) {
  auto first = sessions.log_in(sessions.new_link("key_1"));
  auto second = sessions.log_in(sessions.new_link("key_1"));
  sessions.log_out(*first);
  EXPECT_FALSE(sessions.find(*first));
  EXPECT_TRUE(sessions.find(*second));
}

TEST_F(SessionsTest, TheOldestMakesRoom) {
  std::string oldest = sessions.new_link("key_1");
  std::string newest;
  for (size_t i = 0; i < kMaxLinks; ++i) {
    now += 1s;
    newest = sessions.new_link("key_1");
  }
  EXPECT_EQ(sessions.links(), kMaxLinks);
  EXPECT_FALSE(sessions.log_in(oldest).ok());
  EXPECT_TRUE(sessions.log_in(newest).ok());

  auto first = sessions.log_in(sessions.new_link("key_1"));
  for (size_t i = 0; i < kMaxSessions; ++i) {
    now += 1s;
    ASSERT_TRUE(sessions.log_in(sessions.new_link("key_1")).ok());
  }
  EXPECT_EQ(sessions.sessions(), kMaxSessions);
  EXPECT_FALSE(sessions.find(*first));
}

TEST_F(SessionsTest, TokensAreLongAndNeverTheSame) {
  std::string a = sessions.new_link("key_1"), b = sessions.new_link("key_1");
  EXPECT_NE(a, b);
  EXPECT_EQ(a.size(), 32u);  // 128 bits
  EXPECT_EQ(sessions.log_in(a)->size(), 64u);
}

}  // namespace
}  // namespace studio::api::console
