#include "api/files/list_query.h"

#include <gtest/gtest.h>

namespace studio::api {
namespace {

ListQuery parsed(const std::string& text) {
  return ListQuery::parse(text, {"after", "limit", "status", "create_after"}).value();
}

TEST(ListQuery, ReadsNumbersTimesAndWords) {
  const ListQuery query = parsed("limit=20&create_after=2026-11-27&status=a,,b,&after=");
  EXPECT_EQ(query.number("limit", 1, 100, 5).value(), 20);
  EXPECT_EQ(query.number("page", 1, 100, 5).value(), 5);
  EXPECT_EQ(query.time("create_after").value(), 1'795'708'800);
  EXPECT_FALSE(query.time("create_before").value());
  EXPECT_EQ(query.words("status", 2).value(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(query.text("after"), nullptr);
}

TEST(ListQuery, NamesWhatItCannotRead) {
  EXPECT_EQ(ListQuery::parse("limitt=1", {"limit"}).error().message(),
            "limitt is not a parameter of this list; did you mean 'limit'?");
  for (const char* text : {"0", "101", "x", "1x", "-1", " 1", "99999999999999999999"}) {
    EXPECT_EQ(parsed("limit=" + std::string(text)).number("limit", 1, 100, 5).error().param(), "limit") << text;
  }
  EXPECT_EQ(parsed("create_after=yesterday").time("create_after").error().param(), "create_after");
  EXPECT_EQ(parsed("status=a,b,c").words("status", 2).error().param(), "status");
}

}  // namespace
}  // namespace studio::api
