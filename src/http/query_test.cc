#include "http/query.h"

#include <gtest/gtest.h>

namespace studio::http {
namespace {

TEST(Query, ReadsNamesAndValues) {
  const Query query = Query::parse("after=file-1&limit=20&&flag&empty=&t=2026-11-27+02%3A30").value();
  EXPECT_EQ(*query.find("after"), "file-1");
  EXPECT_EQ(*query.find("limit"), "20");
  EXPECT_EQ(*query.find("flag"), "");
  EXPECT_EQ(*query.find("empty"), "");
  EXPECT_EQ(*query.find("t"), "2026-11-27 02:30");
  EXPECT_EQ(query.find("none"), nullptr);
  EXPECT_TRUE(Query::parse("").value().all().empty());
}

TEST(Query, RefusesWhatCouldBeReadTwoWays) {
  EXPECT_FALSE(Query::parse("a=1&a=2").ok());
  EXPECT_FALSE(Query::parse("a=%zz").ok());
  EXPECT_FALSE(Query::parse("%00=1").ok());
  std::string many;
  for (size_t i = 0; i <= kMaxParameters; ++i) many += "p" + std::to_string(i) + "&";
  EXPECT_FALSE(Query::parse(many).ok());
}

}  // namespace
}  // namespace studio::http
