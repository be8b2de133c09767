#include "api/kept/wish.h"

#include <gtest/gtest.h>

namespace studio::api {
namespace {

constexpr const char* kId = "c308ef7f-0824-4c46-96eb-73566f062426";
constexpr const char* kOther = "00000000-0824-4c46-96eb-73566f062426";

using Pairs = std::vector<std::pair<std::string, std::string>>;

Result<Wish> read(const Pairs& fields, const std::string& query = "", EventNumbers numbers = EventNumbers::kLines) {
  http::Request request;
  request.query = query;
  for (const auto& [name, value] : fields) request.fields.add(name, value);
  return read_wish(request, numbers);
}

TEST(Wish, IsNothingWithoutItsFields) {
  const auto wish = read({{"Content-Type", "application/json"}, {"X-Studio-Resume", " "}}, "x=1");
  ASSERT_TRUE(wish.ok());
  EXPECT_FALSE(wish->is_kept || wish->has_id_lines || wish->goes_on());
}

TEST(Wish, OfANewStreamWithIds) {
  const auto wish = read({{"x-studio-resume", "1"}});
  ASSERT_TRUE(wish.ok());
  EXPECT_TRUE(wish->is_kept && wish->has_id_lines);
  EXPECT_FALSE(wish->goes_on());
}

TEST(Wish, OfTheAnswerBehindAnEvent) {
  const auto wish = read({{"Last-Event-ID", std::string(kId) + ":17"}});
  ASSERT_TRUE(wish.ok());
  EXPECT_TRUE(wish->is_kept && wish->has_id_lines && wish->goes_on());
  EXPECT_EQ(wish->answer_id, kId);
  EXPECT_EQ(wish->after, 17u);
  EXPECT_STREQ(wish->named_by(), "Last-Event-ID");
}

TEST(Wish, TakesANumberAloneWhereTheAnswerIsNamedElsewhere) {
  for (const Pairs& naming : {Pairs{{"X-Studio-Resume", kId}}, Pairs{{"Idempotency-Key", "k-1"}}}) {
    Pairs fields = naming;
    fields.emplace_back("Last-Event-ID", "3");
    const auto wish = read(fields);
    ASSERT_TRUE(wish.ok());
    EXPECT_EQ(wish->after, 3u);
    const auto by_query = read(naming, "a=b&after=4");
    ASSERT_TRUE(by_query.ok());
    EXPECT_EQ(by_query->after, 4u);
  }
}

TEST(Wish, ReadsTheQueryOfLinesAlone) {
  const auto wish = read({{"Idempotency-Key", "k"}}, "after=4", EventNumbers::kIdLines);
  ASSERT_TRUE(wish.ok());
  EXPECT_FALSE(wish->after);
}

TEST(Wish, KeepsTheDigestOfAnIdempotencyKey) {
  const auto wish = read({{"Idempotency-Key", " k-1 "}});
  ASSERT_TRUE(wish.ok());
  EXPECT_EQ(wish->idempotency, sha256("k-1"));
  EXPECT_FALSE(wish->has_id_lines);
  EXPECT_FALSE(wish->goes_on());
}

TEST(Wish, ThatCannotBeReadIsToldByItsField) {
  const std::string id = kId;
  const struct {
    Pairs fields;
    std::string query, param;
  } wrong[] = {
      {{{"X-Studio-Resume", "2"}}, "", "X-Studio-Resume"},
      {{{"X-Studio-Resume", "true"}}, "", "X-Studio-Resume"},
      {{{"X-Studio-Resume", "C308EF7F-0824-4c46-96eb-73566f062426"}}, "", "X-Studio-Resume"},
      {{{"X-Studio-Resume", "1"}, {"X-Studio-Resume", "1"}}, "", "X-Studio-Resume"},
      {{{"Last-Event-ID", "7"}}, "", "Last-Event-ID"},
      {{{"Last-Event-ID", id + ":"}}, "", "Last-Event-ID"},
      {{{"Last-Event-ID", id + ":-1"}}, "", "Last-Event-ID"},
      {{{"Last-Event-ID", id + ":99999999999999999999"}}, "", "Last-Event-ID"},
      {{{"Last-Event-ID", "x:1"}}, "", "Last-Event-ID"},
      {{{"Last-Event-ID", id + ":1"}, {"X-Studio-Resume", kOther}}, "", "Last-Event-ID"},
      {{{"Idempotency-Key", "a b"}}, "", "Idempotency-Key"},
      {{{"Idempotency-Key", std::string(256, 'k')}}, "", "Idempotency-Key"},
      {{{"Idempotency-Key", "k"}}, "after=", "after"},
      {{{"Idempotency-Key", "k"}}, "after=x", "after"},
      {{{"Idempotency-Key", "k"}, {"Last-Event-ID", "3"}}, "after=4", "after"},
      {{}, "after=4", "after"},
  };
  for (const auto& [fields, query, param] : wrong) {
    const auto wish = read(fields, query);
    ASSERT_FALSE(wish.ok()) << param;
    EXPECT_EQ(wish.error().code(), Code::kInvalidArgument);
    EXPECT_EQ(wish.error().param(), param);
  }
}

}  // namespace
}  // namespace studio::api
