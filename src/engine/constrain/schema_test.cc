#include <gtest/gtest.h>

#include "base/json.h"
#include "engine/constrain/constrain_for_test.h"

namespace studio::engine::constrain {
namespace {

Matcher of(std::string_view schema) {
  return start_of(Constraint::from_schema_text(schema));
}

void expect_refused(std::string_view schema, std::string_view pointer, Code code = Code::kUnimplemented) {
  auto made = Constraint::from_schema_text(schema);
  ASSERT_FALSE(made.ok()) << schema;
  EXPECT_EQ(made.error().param(), pointer) << made.error().message();
  EXPECT_EQ(made.error().code(), code) << made.error().message();
}

TEST(Schema, WritesPropertiesInTheirOrder) {
  const Matcher start = of(R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"}},
                              "required":["a"],"additionalProperties":false})");
  EXPECT_TRUE(accepts(start, R"({"a":1})"));
  EXPECT_TRUE(accepts(start, R"({"a": 1, "b": "x"})"));
  EXPECT_TRUE(accepts(start, "{\n  \"a\": 1,\n  \"b\": \"x\"\n}"));
  EXPECT_FALSE(accepts(start, R"({"b":"x","a":1})"));
  EXPECT_FALSE(accepts(start, R"({"b":"x"})"));
  EXPECT_FALSE(accepts(start, R"({"a":1,"c":2})"));
  EXPECT_FALSE(accepts(start, R"({"a":1.5})"));
  EXPECT_FALSE(accepts(start, R"({"a":1,})"));
  EXPECT_FALSE(accepts(start, R"({"a":01})"));
}

TEST(Schema, TakesOtherKeysThatAreNoPropertys) {
  const Matcher start = of(R"({"type":"object","properties":{"ab":{"type":"integer"},"né":{}},
                              "additionalProperties":{"type":"boolean"}})");
  EXPECT_TRUE(accepts(start, R"({"ab":1,"abc":true,"a":false,"":true,"n\n":true,"nè":true})"));
  EXPECT_FALSE(accepts(start, R"({"x":true,"ab":1})"));
  EXPECT_FALSE(accepts(start, R"({"ab":true})"));
  EXPECT_FALSE(accepts(start, R"({"x":true,"né":true})"));
  EXPECT_FALSE(accepts(start, R"({"\u0061b":true})"));
}

TEST(Schema, SortsKeysByTheirPatterns) {
  const Matcher start = of(R"({"type":"object","patternProperties":{"^x-":{"type":"integer"},"z$":{"maximum":5}},
                              "additionalProperties":false})");
  EXPECT_TRUE(accepts(start, R"({"x-1":7,"x-z":5,"z":3})"));
  EXPECT_FALSE(accepts(start, R"({"x-z":6})"));
  EXPECT_FALSE(accepts(start, R"({"y":1})"));
  EXPECT_FALSE(accepts(start, R"({"x-a":"b"})"));
}

TEST(Schema, CountsProperties) {
  const Matcher start =
      of(R"({"type":"object","properties":{"a":{"type":"null"},"b":{"type":"null"},"c":{"type":"null"}},
                              "additionalProperties":false,"minProperties":1,"maxProperties":2})");
  EXPECT_FALSE(accepts(start, "{}"));
  EXPECT_TRUE(accepts(start, R"({"b":null})"));
  EXPECT_TRUE(accepts(start, R"({"a":null,"c":null})"));
  EXPECT_FALSE(accepts(start, R"({"a":null,"b":null,"c":null})"));
}

TEST(Schema, BoundsArrays) {
  const Matcher start = of(R"({"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":3})");
  EXPECT_FALSE(accepts(start, "[1]"));
  EXPECT_TRUE(accepts(start, "[1,2]"));
  EXPECT_TRUE(accepts(start, "[1, 2, 3]"));
  EXPECT_FALSE(accepts(start, "[1,2,3,4]"));
  const Matcher tuple =
      of(R"({"type":"array","prefixItems":[{"type":"string"},{"type":"null"}],"items":false,"minItems":1})");
  EXPECT_TRUE(accepts(tuple, R"(["a"])"));
  EXPECT_TRUE(accepts(tuple, R"(["a",null])"));
  EXPECT_FALSE(accepts(tuple, R"(["a",null,1])"));
  EXPECT_FALSE(accepts(tuple, "[]"));
  const Matcher old = of(R"({"type":"array","items":[{"type":"string"}],"additionalItems":{"type":"integer"}})");
  EXPECT_TRUE(accepts(old, R"(["a",1,2])"));
  EXPECT_FALSE(accepts(old, R"(["a","b"])"));
  EXPECT_TRUE(accepts(old, "[]"));
}

TEST(Schema, BoundsStrings) {
  const Matcher start = of(R"({"type":"string","minLength":2,"maxLength":3})");
  EXPECT_TRUE(accepts(start, R"("ab")"));
  EXPECT_TRUE(accepts(start, R"("\u00e9\ud83d\ude00\n")"));
  EXPECT_TRUE(accepts(start, "\"\U0001F600\U0001F600\""));
  EXPECT_FALSE(accepts(start, R"("a")"));
  EXPECT_FALSE(accepts(start, R"("abcd")"));
  EXPECT_FALSE(accepts(start, R"("\ud83dab")"));
  const Matcher pattern = of(R"({"type":"string","pattern":"^[a-z\"\\n]+$","maxLength":4})");
  EXPECT_TRUE(accepts(pattern, R"("a\"\n")"));
  EXPECT_FALSE(accepts(pattern, R"("abcde")"));
  EXPECT_FALSE(accepts(pattern, R"("A")"));
}

TEST(Schema, KnowsFormats) {
  EXPECT_TRUE(accepts(of(R"({"type":"string","format":"date"})"), R"("2024-04-30")"));
  EXPECT_FALSE(accepts(of(R"({"type":"string","format":"date"})"), R"("2024-04-31")"));
  EXPECT_TRUE(accepts(of(R"({"type":"string","format":"date-time"})"), R"("2024-04-30T23:59:59.5+08:00")"));
  EXPECT_TRUE(accepts(of(R"({"type":"string","format":"ipv4"})"), R"("255.0.10.199")"));
  EXPECT_FALSE(accepts(of(R"({"type":"string","format":"ipv4"})"), R"("256.0.0.1")"));
  EXPECT_TRUE(accepts(of(R"({"type":"string","format":"email"})"), R"("a.b@example.org")"));
  EXPECT_TRUE(accepts(of(R"({"type":"string","format":"uuid"})"), R"("123e4567-e89b-12d3-a456-426614174000")"));
  EXPECT_TRUE(accepts(of(R"({"type":"string","format":"uri"})"), R"("https://example.org/a?b=c#d")"));
  expect_refused(R"({"type":"string","format":"iban"})", "#/format");
}

TEST(Schema, BoundsNumbers) {
  for (const auto& [low, high] :
       std::vector<std::pair<int, int>>{{0, 0}, {-3, 12}, {7, 7}, {95, 1203}, {-250, -17}, {-5, 100}}) {
    const Matcher start =
        of(R"({"type":"integer","minimum":)" + std::to_string(low) + R"(,"maximum":)" + std::to_string(high) + "}");
    for (int value = -1300; value <= 1300; ++value) {
      EXPECT_EQ(accepts(start, std::to_string(value)), low <= value && value <= high)
          << value << " in " << low << ".." << high;
    }
  }
  const Matcher multiple = of(R"({"type":"integer","exclusiveMinimum":0,"multipleOf":7})");
  for (int value = -50; value <= 500; ++value) {
    EXPECT_EQ(accepts(multiple, std::to_string(value)), value > 0 && value % 7 == 0) << value;
  }
  EXPECT_TRUE(accepts(of(R"({"type":"integer","multipleOf":1000})"), "-25000"));
  EXPECT_FALSE(accepts(of(R"({"type":"integer","multipleOf":1000})"), "2500"));
}

TEST(Schema, BoundsFractions) {
  struct Case {
    const char* schema;
    double low, high;
    bool low_open, high_open;
  };
  for (const Case& c : {Case{R"({"type":"number","minimum":0,"maximum":1})", 0, 1, false, false},
                        Case{R"({"type":"number","exclusiveMinimum":0.25,"maximum":3.5})", 0.25, 3.5, true, false},
                        Case{R"({"type":"number","minimum":-1.5,"exclusiveMaximum":2})", -1.5, 2, false, true},
                        Case{R"({"type":"number","minimum":-12.25,"maximum":-0.75})", -12.25, -0.75, false, false}}) {
    const Matcher start = of(c.schema);
    for (int i = -1400; i <= 1400; ++i) {
      const double value = i / 100.0;
      std::string text = to_json(boost::json::value(value));
      if (text == "-0.0") continue;
      const bool is_in =
          (c.low_open ? value > c.low : value >= c.low) && (c.high_open ? value < c.high : value <= c.high);
      // Zeros after the last digit of a bound are not written.
      if (text.ends_with(".0")) text.resize(text.size() - 2);
      EXPECT_EQ(accepts(start, text), is_in) << text << " by " << c.schema;
    }
  }
}

TEST(Schema, ListsValues) {
  const Matcher start = of(R"({"enum":["a","ab",1,2.5,null,true,{"k":[1]}]})");
  for (const char* text : {"\"a\"", "\"ab\"", "1", "2.5", "null", "true", R"({"k":[1]})"})
    EXPECT_TRUE(accepts(start, text)) << text;
  EXPECT_FALSE(accepts(start, "\"abc\""));
  EXPECT_FALSE(accepts(of(R"({"type":"string","enum":["a",1]})"), "1"));
  EXPECT_TRUE(accepts(of(R"({"const":"x"})"), "\"x\""));
}

TEST(Schema, FollowsReferencesIntoThemselves) {
  const Matcher start = of(R"({"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{
      "value":{"type":"integer"},"children":{"type":"array","items":{"$ref":"#/$defs/node"}}},
      "required":["value"],"additionalProperties":false}}})");
  EXPECT_TRUE(accepts(start, R"({"value":1,"children":[{"value":2},{"value":3,"children":[]}]})"));
  EXPECT_FALSE(accepts(start, R"({"value":1,"children":[{}]})"));
  expect_refused(R"({"$ref":"#/$defs/none"})", "#/$ref", Code::kInvalidArgument);
  expect_refused(R"({"$ref":"http://example.org/s"})", "#/$ref");
  EXPECT_FALSE(
      Constraint::from_schema_text(R"({"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]})").ok());
}

TEST(Schema, JoinsAllOf) {
  const Matcher start = of(R"({"allOf":[{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]},
                              {"properties":{"a":{"minimum":3},"b":{"type":"null"}},"required":["b"]}]})");
  EXPECT_TRUE(accepts(start, R"({"a":3,"b":null})"));
  EXPECT_FALSE(accepts(start, R"({"a":2,"b":null})"));
  EXPECT_FALSE(accepts(start, R"({"a":3})"));
}

TEST(Schema, ChoosesAmongBranches) {
  const Matcher any = of(R"({"anyOf":[{"type":"string"},{"type":"integer","minimum":5}]})");
  EXPECT_TRUE(accepts(any, "\"a\""));
  EXPECT_TRUE(accepts(any, "7"));
  EXPECT_FALSE(accepts(any, "4"));
  const Matcher one = of(R"({"oneOf":[
      {"type":"object","properties":{"kind":{"const":"cat"},"lives":{"type":"integer"}},"required":["kind","lives"]},
      {"type":"object","properties":{"kind":{"const":"dog"},"bark":{"type":"boolean"}},"required":["kind"]}]})");
  EXPECT_TRUE(accepts(one, R"({"kind":"cat","lives":9})"));
  EXPECT_TRUE(accepts(one, R"({"kind":"dog","bark":true})"));
  EXPECT_FALSE(accepts(one, R"({"kind":"cat"})"));
  expect_refused(R"({"oneOf":[{"type":"integer"},{"type":"number"}]})", "#/oneOf");
  const Matcher beside = of(R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},
                               "anyOf":[{"required":["a"]},{"required":["b"]}],"additionalProperties":false})");
  EXPECT_TRUE(accepts(beside, R"({"b":1})"));
  EXPECT_TRUE(accepts(beside, R"({"a":1,"b":1})"));
  EXPECT_FALSE(accepts(beside, "{}"));
}

TEST(Schema, NamesTheKeywordAtFault) {
  expect_refused(R"({"properties":{"a":{"not":{}}}})", "#/properties/a/not");
  expect_refused(R"({"properties":{"a/b":{"if":{}}}})", "#/properties/a~1b/if");
  expect_refused(R"({"type":"array","uniqueItems":true})", "#/uniqueItems");
  expect_refused(R"({"type":"number","multipleOf":0.1})", "#/multipleOf");
  expect_refused(R"--({"type":"string","pattern":"a(?=b)"})--", "#/pattern");
  expect_refused(R"({"type":"strin"})", "#/type", Code::kInvalidArgument);
  expect_refused(R"({"minItems":3,"maxItems":2})", "#/minItems", Code::kInvalidArgument);
  expect_refused(R"({"enum":[]})", "#/enum", Code::kInvalidArgument);
  expect_refused(R"({"items":{"anyOf":[]}})", "#/items/anyOf", Code::kInvalidArgument);
  expect_refused(R"({"minimum":3,"maximum":2})", "#", Code::kInvalidArgument);
  expect_refused(R"({"minLength":1000000000})", "#/minLength");
  expect_refused(R"({"enum":[[1]],"minItems":2})", "#/enum");
  expect_refused(R"({"type":"string","required":true})", "#/required", Code::kInvalidArgument);
  expect_refused("false", "#", Code::kInvalidArgument);
  expect_refused("3", "#", Code::kInvalidArgument);
}

TEST(Schema, TakesAnyValueWhereItSaysNothing) {
  const Matcher start = of("{}");
  for (const char* text : {"null", "-1.5e+10", "[[],{}]", R"({"a":[true,"\u00e9"]})", "\"\""})
    EXPECT_TRUE(accepts(start, text)) << text;
  for (const char* text : {"", "nul", "[1,]", "{1:2}", "\"\t\"", "+1", ".5", "1."})
    EXPECT_FALSE(accepts(start, text)) << text;
  const Matcher object = start_of(Constraint::json_object());
  EXPECT_TRUE(accepts(object, R"({"a": [1, {"b": null}]})"));
  EXPECT_FALSE(accepts(object, "[]"));
}

TEST(Schema, LimitsWhiteSpace) {
  const Matcher start = of(R"({"type":"array","items":{"type":"null"}})");
  EXPECT_TRUE(accepts(start, "[\n  null,\n  null\n]"));
  EXPECT_FALSE(accepts(start, "[  null]"));
  EXPECT_FALSE(accepts(start, "[\n\n\nnull]"));
  const Matcher none = start_of(Constraint::from_schema_text(R"({"type":"array"})", {.whitespace = Whitespace::kNone}));
  EXPECT_TRUE(accepts(none, "[1,2]"));
  EXPECT_FALSE(accepts(none, "[1, 2]"));
}

}  // namespace
}  // namespace studio::engine::constrain
