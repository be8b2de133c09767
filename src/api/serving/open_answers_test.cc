#include "api/serving/open_answers.h"

#include <gtest/gtest.h>

#include <vector>

namespace studio::api {
namespace {

TEST(OpenAnswers, AKeyMayHaveSoManyAndNoMore) {
  OpenAnswers open(2);
  auto first = open.open("a");
  auto second = open.open("a");
  ASSERT_TRUE(first.ok() && second.ok());
  auto third = open.open("a");
  ASSERT_FALSE(third.ok());
  EXPECT_EQ(third.error().code(), Code::kQuotaExceeded);
  EXPECT_TRUE(open.open("b").ok()) << "another key has its own count";
}

TEST(OpenAnswers, AnEndedAnswerMakesRoom) {
  OpenAnswers open(1);
  {
    auto first = open.open("a");
    OpenAnswers::Lease moved = std::move(first).value();
    EXPECT_EQ(open.count(), 1) << "a move is no second answer";
    EXPECT_FALSE(open.open("a").ok());
  }
  EXPECT_EQ(open.count(), 0);
  EXPECT_TRUE(open.open("a").ok());
}

TEST(OpenAnswers, WithoutALimitItOnlyCounts) {
  OpenAnswers open;
  std::vector<OpenAnswers::Lease> leases;
  for (int i = 0; i < 1000; ++i) leases.push_back(open.open("a").value());
  EXPECT_EQ(open.count(), 1000);
}

}  // namespace
}  // namespace studio::api
