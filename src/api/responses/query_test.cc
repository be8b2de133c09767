#include "api/responses/query.h"

#include <gtest/gtest.h>

namespace studio::api::responses {
namespace {

TEST(ResponsesQuery, PagesHaveTheDefaultsOfTheWire) {
  const auto page = parse_page("");
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->limit, 20);
  EXPECT_FALSE(page->is_ascending);
  EXPECT_EQ(page->after, "");
}

TEST(ResponsesQuery, PagesAreReadDecoded) {
  const auto page = parse_page("after=msg%5F1&limit=3&order=asc&include%5B%5D=a&include[]=b");
  ASSERT_TRUE(page.ok()) << page.error().message();
  EXPECT_EQ(page->after, "msg_1");
  EXPECT_EQ(page->limit, 3);
  EXPECT_TRUE(page->is_ascending);
}

TEST(ResponsesQuery, RefusalsNameTheParameter) {
  const std::pair<const char*, const char*> cases[] = {
      {"limit=0", "limit"}, {"limit=101", "limit"}, {"limit=x", "limit"},   {"limit=3x", "limit"},
      {"limit", "limit"},   {"order=up", "order"},  {"before=x", "before"}, {"limit=99999999999999999999", "limit"}};
  for (const auto& [text, name] : cases) {
    const auto page = parse_page(text);
    ASSERT_FALSE(page.ok()) << text;
    EXPECT_EQ(page.error().param(), name) << text;
  }
  EXPECT_FALSE(parse_page("after=%").ok());
  EXPECT_FALSE(parse_page("after=" + std::string(5000, 'x')).ok());
}

}  // namespace
}  // namespace studio::api::responses
