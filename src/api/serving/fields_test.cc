#include "api/serving/fields.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/json.h"

namespace studio::api {
namespace {

constexpr FieldRule kRules[] = {
    {"temperature"},
    {"count"},
    {"user", FieldUse::kNoEffect, "a text"},
    {"tools", FieldUse::kNotBuilt, R"([] "none")"},
};

struct Case {
  const char* body;
  const char* param;  // of the first fault; "" where it is taken
};

TEST(FieldReader, RefusesByNameWhatIsUnknownOrNotBuilt) {
  const Case cases[] = {
      {R"({})", ""},
      {R"({"temperature":1})", ""},
      {R"({"user":7})", "user"},
      {R"({"temperature":null,"unknown":1})", "unknown"},
      {R"({"unknown":null})", "unknown"},
      {R"({"tools":[]})", ""},
      {R"({"tools":"none"})", ""},
      {R"({"tools":null})", ""},
      {R"({"tools":["none"]})", "tools"},
      {R"({"tools":false})", "tools"},
      {R"({"user":"anyone"})", ""},
  };
  for (const Case& each : cases) {
    auto json = parse_json(each.body).value();
    FieldReader reader(json.get_object(), "", kRules, nullptr);
    EXPECT_EQ(reader.ok() ? "" : reader.status().error().param(), each.param) << each.body;
  }
}

TEST(FieldReader, ReadsNumbersToTheirLimits) {
  auto in_range = [](const char* value, Range range) {
    auto json = parse_json(std::string(R"({"temperature":)") + value + "}").value();
    FieldReader reader(json.get_object(), "", kRules, nullptr);
    (void)reader.number("temperature", range);
    return reader.ok();
  };
  Range half_open{.min = 0, .max = 2, .excludes_max = true};
  EXPECT_TRUE(in_range("0", half_open) && in_range("1.999", half_open));
  EXPECT_FALSE(in_range("2", half_open) || in_range("2.0", half_open) || in_range("-0.001", half_open));
  Range above{.min = 0, .max = 1, .excludes_min = true};
  EXPECT_TRUE(in_range("1", above) && in_range("1e-30", above));
  EXPECT_FALSE(in_range("0", above) || in_range("\"1\"", above) || in_range("true", above));
  // What rounds onto an excluded border when it becomes a float.
  EXPECT_FALSE(in_range("1.99999999", half_open) || in_range("1e-60", above));
}

TEST(FieldReader, ReadsWholeNumbersOfAnySize) {
  auto read = [](const char* value) {
    auto json = parse_json(std::string(R"({"count":)") + value + "}").value();
    FieldReader reader(json.get_object(), "", kRules, nullptr);
    return reader.integer("count", -5, INT64_MAX);
  };
  EXPECT_EQ(read("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(read("-5"), -5);
  EXPECT_EQ(read("18446744073709551615"), std::nullopt);
  EXPECT_EQ(read("-6"), std::nullopt);
  EXPECT_EQ(read("1.0"), std::nullopt);
}

TEST(FieldReader, ListsEachFieldWithoutEffectOnce) {
  auto json = parse_json(R"({"user":"a"})").value();
  std::vector<std::string> ignored;
  for (int i = 0; i < 1000; ++i) {
    FieldReader reader(json.get_object(), "messages[" + std::to_string(i) + "].content[0]", kRules, &ignored);
  }
  EXPECT_EQ(ignored, std::vector<std::string>{"messages[].content[].user"});
}

TEST(FieldReader, AHostileNameIsNotSentBack) {
  boost::json::object object;
  object[std::string(1 << 20, 'x')] = 1;
  FieldReader reader(object, "", kRules, nullptr);
  ASSERT_FALSE(reader.ok());
  EXPECT_LT(reader.status().error().message().size(), 300u);
  EXPECT_LT(reader.status().error().param().size(), 200u);
}

TEST(Excerpt, KeepsWholeCharactersAndIsAlwaysUtf8) {
  EXPECT_EQ(excerpt("水"), "水");
  EXPECT_EQ(excerpt("\xFF\xFE"), "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(excerpt("a\xE6\xB0"), "a\xEF\xBF\xBD");
  for (size_t shift = 0; shift < 4; ++shift) {
    std::string text(shift, 'a');
    for (int i = 0; i < 100; ++i) text += "水";
    std::string cut = excerpt(text);
    EXPECT_TRUE(cut.ends_with("水...")) << cut;
    EXPECT_TRUE(parse_json(to_json(boost::json::value(cut))).ok());
  }
}

}  // namespace
}  // namespace studio::api
