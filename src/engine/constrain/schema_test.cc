#include <gtest/gtest.h>

#include "base/json.h"
#include "engine/constrain/constrain_for_test.h"
#include "engine/constrain/schema_facts.h"
#include "engine/constrain/spec.h"

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
  EXPECT_TRUE(accepts(of(R"({"type":"string","format":"iban"})"), R"("any text")"));
  EXPECT_FALSE(accepts(of(R"({"type":"string","format":"hostname"})"), R"("xn--a")"));
}

// Those who list values know what they write; still a value that has not the format is none.
TEST(Schema, ListedValuesHaveTheWholeFormat) {
  const auto is_left = [](std::string_view format, std::string_view value) {
    const auto made = Constraint::from_schema_text(R"({"enum":["-- ",")" + std::string(value) + R"("],"format":")" +
                                                   std::string(format) + "\"}");
    return made.ok() && accepts(start_of(made), "\"" + std::string(value) + "\"");
  };
  EXPECT_TRUE(is_left("date", "2024-02-29"));
  EXPECT_FALSE(is_left("date", "2023-02-29"));
  EXPECT_FALSE(is_left("date", "1900-02-29"));
  EXPECT_TRUE(is_left("date-time", "2000-02-29t00:00:00.1234567890z"));
  EXPECT_FALSE(is_left("date-time", "2000-02-29 00:00"));
  EXPECT_TRUE(is_left("uri", "urn:isbn:123"));
  EXPECT_TRUE(is_left("uri", "https://a.b.c.d.e:8080/x?y=/?z#t"));
  EXPECT_FALSE(is_left("uri", "a b"));
  EXPECT_TRUE(is_left("email", "a.b.c@mail.example.co.uk"));
  EXPECT_FALSE(is_left("email", "a@"));
  EXPECT_TRUE(is_left("duration", "P1Y2M3DT4H"));
  EXPECT_FALSE(is_left("duration", "P"));
  EXPECT_FALSE(is_left("ipv4", "1.2.3.256"));
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
  const Matcher fraction = of(R"({"oneOf":[{"type":"integer"},{"type":"number"}]})");
  EXPECT_TRUE(accepts(fraction, "2.5"));
  EXPECT_FALSE(accepts(fraction, "2"));
  EXPECT_FALSE(accepts(fraction, "2.0"));
  const Matcher beside = of(R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},
                               "anyOf":[{"required":["a"]},{"required":["b"]}],"additionalProperties":false})");
  EXPECT_TRUE(accepts(beside, R"({"b":1})"));
  EXPECT_TRUE(accepts(beside, R"({"a":1,"b":1})"));
  EXPECT_FALSE(accepts(beside, "{}"));
}

TEST(Schema, NamesTheKeywordAtFault) {
  expect_refused(R"({"properties":{"a":{"not":{"uniqueItems":true}}}})", "#/properties/a/not");
  expect_refused(R"({"properties":{"a/b":{"$dynamicRef":"#a"}}})", "#/properties/a~1b/$dynamicRef");
  expect_refused(R"({"type":"array","uniqueItems":true})", "#/uniqueItems");
  expect_refused(R"({"type":"number","multipleOf":0.0000001})", "#/multipleOf");
  expect_refused(R"--({"type":"string","pattern":"a(?=b)"})--", "#/pattern");
  expect_refused(R"({"type":"strin"})", "#/type", Code::kInvalidArgument);
  expect_refused(R"({"minItems":3,"maxItems":2})", "#/minItems", Code::kInvalidArgument);
  expect_refused(R"({"enum":[]})", "#/enum", Code::kInvalidArgument);
  expect_refused(R"({"items":{"anyOf":[]}})", "#/items/anyOf", Code::kInvalidArgument);
  expect_refused(R"({"type":"number","minimum":3,"maximum":2})", "#", Code::kInvalidArgument);
  expect_refused(R"({"required":["a"],"properties":{"a":{"enum":[1],"type":"string"}},"type":"object"})", "#",
                 Code::kInvalidArgument);
  // Texts satisfy it, but none that the policies leave.
  expect_refused(R"({"minimum":3,"maximum":2})", "#");
  expect_refused(R"({"allOf":[{"minLength":1},{"const":1}]})", "#");
  EXPECT_EQ(compile_spec(R"({"json_schema":{"minimum":3,"maximum":2}})").error().code(), Code::kUnimplemented);
  EXPECT_EQ(compile_spec(R"({"json_schema":{"enum":[1],"type":"string"}})").error().code(), Code::kInvalidArgument);
  expect_refused(R"({"minLength":1000000000})", "#/minLength");
  expect_refused(R"({"enum":[[1]],"minItems":2})", "#/enum");
  expect_refused(R"({"type":"string","required":true})", "#/required", Code::kInvalidArgument);
  expect_refused("false", "#", Code::kInvalidArgument);
  expect_refused("3", "#", Code::kInvalidArgument);
}

TEST(Schema, LeavesOutWhatMustNotHold) {
  const Matcher other = of(R"({"type":"string","not":{"enum":["a","bc"]}})");
  EXPECT_TRUE(accepts(other, R"("b")"));
  EXPECT_TRUE(accepts(other, R"("bcd")"));
  EXPECT_FALSE(accepts(other, R"("bc")"));
  const Matcher ports = of(R"({"type":"integer","minimum":10,"maximum":14,"not":{"enum":[12,10]}})");
  for (int port = 9; port <= 15; ++port)
    EXPECT_EQ(accepts(ports, std::to_string(port)), port == 11 || port == 13 || port == 14) << port;
  const Matcher no_pattern = of(R"({"type":"string","not":{"pattern":"^x-"}})");
  EXPECT_FALSE(accepts(no_pattern, R"("x-a")"));
  EXPECT_TRUE(accepts(no_pattern, R"("ax-")"));
  const Matcher not_both = of(R"({"type":"object","properties":{"a":{"type":"null"},"b":{"type":"null"}},
      "additionalProperties":false,"not":{"required":["a","b"]}})");
  EXPECT_TRUE(accepts(not_both, R"({"a":null})"));
  EXPECT_TRUE(accepts(not_both, "{}"));
  EXPECT_FALSE(accepts(not_both, R"({"a":null,"b":null})"));
  EXPECT_FALSE(accepts(of(R"({"not":{"type":"string"}})"), R"("a")"));
  EXPECT_FALSE(Constraint::from_schema_text(R"({"not":{}})").ok());
  const Matcher unless_items = of(R"({"type":"array","not":{"items":{"type":"string"}}})");
  EXPECT_FALSE(accepts(unless_items, R"(["a","b"])"));
  EXPECT_TRUE(accepts(unless_items, R"([1,"b"])"));
}

TEST(Schema, FollowsConditions) {
  const Matcher start = of(R"({"type":"object","properties":{"kind":{"enum":["box","ball"]},"size":{"type":"integer"}},
      "required":["kind"],"additionalProperties":false,
      "if":{"properties":{"kind":{"const":"box"}}},"then":{"required":["size"]},"else":{"properties":{"size":false}}})");
  EXPECT_TRUE(accepts(start, R"({"kind":"box","size":1})"));
  EXPECT_FALSE(accepts(start, R"({"kind":"box"})"));
  EXPECT_TRUE(accepts(start, R"({"kind":"ball"})"));
  EXPECT_FALSE(accepts(start, R"({"kind":"ball","size":1})"));
}

TEST(Schema, HoldsDependencies) {
  for (const char* keyword : {"dependentRequired", "dependencies"}) {
    const Matcher start = of(R"({"type":"object","properties":{"card":{"type":"integer"},"street":{"type":"null"}},
        "additionalProperties":false,")" +
                             std::string(keyword) + R"(":{"card":["street"]}})");
    EXPECT_TRUE(accepts(start, "{}"));
    EXPECT_TRUE(accepts(start, R"({"street":null})"));
    EXPECT_TRUE(accepts(start, R"({"card":1,"street":null})"));
    EXPECT_FALSE(accepts(start, R"({"card":1})"));
  }
  const Matcher by_schema = of(R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},
      "dependentSchemas":{"a":{"properties":{"b":{"maximum":3}}}}})");
  EXPECT_TRUE(accepts(by_schema, R"({"a":1,"b":3})"));
  EXPECT_TRUE(accepts(by_schema, R"({"b":9})"));
  EXPECT_FALSE(accepts(by_schema, R"({"a":1,"b":9})"));
}

TEST(Schema, ContainsItems) {
  const Matcher start = of(R"({"type":"array","items":{"type":"integer"},"contains":{"minimum":5},"maxContains":1})");
  EXPECT_TRUE(accepts(start, "[7,1,2]"));
  EXPECT_FALSE(accepts(start, "[]"));
  EXPECT_FALSE(accepts(start, "[1,2]"));
  EXPECT_FALSE(accepts(start, "[7,8]"));
  const Matcher many = of(R"({"type":"array","contains":{"const":"a"},"minContains":2,"maxItems":3})");
  EXPECT_TRUE(accepts(many, R"(["a","a",1])"));
  EXPECT_FALSE(accepts(many, R"(["a",1])"));
}

TEST(Schema, ContainsOneOfTheItemsThatAreListed) {
  const Matcher closed =
      of(R"({"type":"array","prefixItems":[{"enum":[1,2]},{"enum":[2,3]}],"items":false,"contains":{"const":2}})");
  EXPECT_TRUE(accepts(closed, "[1,2]"));
  EXPECT_TRUE(accepts(closed, "[2,3]"));
  EXPECT_TRUE(accepts(closed, "[2]"));
  EXPECT_FALSE(accepts(closed, "[1,3]"));
  EXPECT_FALSE(accepts(closed, "[1]"));
  const Matcher one = of(R"({"type":"array","items":[{"enum":[1,2]},{"enum":[2,3]}],"additionalItems":{"const":2},
                             "contains":{"const":2},"maxContains":1,"maxItems":3})");
  EXPECT_TRUE(accepts(one, "[1,3,2]"));
  EXPECT_TRUE(accepts(one, "[2,3]"));
  EXPECT_TRUE(accepts(one, "[1,2]"));
  EXPECT_FALSE(accepts(one, "[2,2]"));
  EXPECT_FALSE(accepts(one, "[1,3]"));
}

TEST(Schema, HoldsNamesOfProperties) {
  const Matcher start = of(R"({"type":"object","propertyNames":{"pattern":"^[a-z]+$","maxLength":3}})");
  EXPECT_TRUE(accepts(start, R"({"abc":1,"x":2})"));
  EXPECT_FALSE(accepts(start, R"({"abcd":1})"));
  EXPECT_FALSE(accepts(start, R"({"A":1})"));
  const Matcher listed =
      of(R"({"type":"object","propertyNames":{"enum":["a","b"]},"additionalProperties":{"type":"null"}})");
  EXPECT_TRUE(accepts(listed, R"({"a":null,"b":null})"));
  EXPECT_FALSE(accepts(listed, R"({"a":null,"a":null})"));
  EXPECT_FALSE(accepts(listed, R"({"c":null})"));
}

TEST(Schema, KeepsListedItemsApart) {
  const Matcher start =
      of(R"({"type":"array","uniqueItems":true,"items":{"enum":["a","b","c"]},"minItems":1,"maxItems":2})");
  EXPECT_TRUE(accepts(start, R"(["a"])"));
  EXPECT_TRUE(accepts(start, R"(["a", "c"])"));
  EXPECT_FALSE(accepts(start, R"(["a","a"])"));
  EXPECT_FALSE(accepts(start, R"(["a","b","c"])"));
  EXPECT_FALSE(accepts(start, "[]"));
}

TEST(Schema, ComparesNumbersByValue) {
  EXPECT_TRUE(accepts(of(R"({"allOf":[{"enum":[1,2]},{"const":1.0}]})"), "1.0"));
  EXPECT_FALSE(accepts(of(R"({"enum":[1,2],"not":{"const":1.0}})"), "1"));
  EXPECT_TRUE(is_same(parse_json(R"({"a":[1],"b":2.0})").value(), parse_json(R"({"b":2,"a":[1.0]})").value()));
  EXPECT_FALSE(is_same(parse_json(R"({"a":[1]})").value(), parse_json(R"({"a":[1,1]})").value()));
  EXPECT_FALSE(is_same(parse_json("9007199254740993").value(), parse_json("9007199254740992").value()));
}

// 2^53 + 1 is no double; the next ones on either side are.
TEST(Schema, KeepsWithinBoundsThatNoDoubleHolds) {
  const Matcher least = of(R"({"type":"integer","minimum":9007199254740993})");
  EXPECT_FALSE(accepts(least, "9007199254740992"));
  EXPECT_TRUE(accepts(least, "9007199254740994"));
  const Matcher most = of(R"({"type":"integer","maximum":9007199254740993})");
  EXPECT_FALSE(accepts(most, "9007199254740994"));
  EXPECT_TRUE(accepts(most, "9007199254740992"));
  EXPECT_TRUE(accepts(of(R"({"type":"integer","maximum":9223372036854775807})"), "999999999999999999"));
}

TEST(Schema, TakesNoDivisorForAnother) {
  expect_refused(R"({"type":"integer","multipleOf":1000000000.25})", "#/multipleOf");
  EXPECT_TRUE(accepts(of(R"({"type":"integer","multipleOf":1000000000})"), "3000000000"));
  EXPECT_TRUE(accepts(of(R"({"type":"number","multipleOf":1e-2})"), "0.07"));
  expect_refused(R"({"type":"number","multipleOf":1e-7})", "#/multipleOf");
}

TEST(Schema, DecodesAFragmentBeforeItIsAPath) {
  const Matcher start = of(R"({"$ref":"#/$defs%2Fa%20b","$defs":{"a b":{"const":7}}})");
  EXPECT_TRUE(accepts(start, "7"));
  EXPECT_FALSE(accepts(start, "8"));
}

TEST(Schema, WhatDoesNotMatchIsAText) {
  const Matcher either = of(R"({"type":["integer","string"],"not":{"pattern":"^a"}})");
  EXPECT_FALSE(accepts(either, "5"));  // no text, so the pattern holds of it
  EXPECT_FALSE(accepts(either, "\"ab\""));
  EXPECT_TRUE(accepts(either, "\"ba\""));
  const Matcher one = of(R"({"oneOf":[{"type":"integer"},{"type":["integer","string"],"pattern":"b$"}]})");
  EXPECT_FALSE(accepts(one, "-1"));
  EXPECT_TRUE(accepts(one, "\"ab\""));
}

// The unpaired halves of pairs are no characters.
TEST(Schema, ClassesOfSurrogatesHoldNothing) {
  const auto string_of = [](const std::string& pattern) {
    return of(R"({"anyOf":[{"const":0},{"type":"string","pattern":")" + pattern + R"("}]})");
  };
  EXPECT_FALSE(accepts(string_of("^[\\\\ud800-\\\\udbff]$"), "\"-\""));
  EXPECT_TRUE(accepts(string_of("^[\\\\ud800-\\\\udbff]$"), "0"));
  const Matcher inverted = string_of("^[^\\\\u0020-\\\\udfff]$");
  EXPECT_FALSE(accepts(inverted, "\"x\""));
  EXPECT_TRUE(accepts(inverted, "\"\xEF\xBC\xA1\""));
}

// A few kilobytes each that took gigabytes or many seconds.
TEST(Schema, RefusesWhatMultiplies) {
  std::string doubling = R"({"type":"integer","not":{"$ref":"#/$defs/a25"},"$defs":{"a0":{"minimum":1})";
  for (int i = 1; i <= 25; ++i) {
    const std::string part = R"({"$ref":"#/$defs/a)" + std::to_string(i - 1) + R"("})";
    doubling += R"(,"a)" + std::to_string(i) + R"(":{"allOf":[)" + part + "," + part + "]}";
  }
  const Matcher below = of(doubling + "}}");
  EXPECT_TRUE(accepts(below, "0"));
  EXPECT_FALSE(accepts(below, "1"));

  const auto times = [](std::string_view part, int count) {
    std::string list;
    for (int i = 0; i < count; ++i) list += (i > 0 ? "," : "") + std::string(part);
    return list;
  };
  expect_refused(R"({"allOf":[)" + times("{}", 6000) + R"(],"anyOf":[)" + times("{}", 6000) + "]}", "#/anyOf",
                 Code::kPayloadTooLarge);
  std::string contained;
  for (int i = 0; i < 400; ++i) {
    contained += (i > 0 ? "," : "") + (R"({"contains":{"const":)" + std::to_string(i)) +
                 R"(},"minContains":64,"maxContains":64})";
  }
  expect_refused(R"({"type":"array","allOf":[)" + contained + "]}", "#/allOf/0", Code::kPayloadTooLarge);
  std::string branches;
  for (int i = 0; i < 60; ++i) {
    branches += (i > 0 ? "," : "") +
                (R"({"type":"string","pattern":"^[^!]*a.{9}[a-zA-Z0-9]{1,)" + std::to_string(i + 1)) + R"(}"})";
  }
  EXPECT_FALSE(Constraint::from_schema_text(R"({"oneOf":[)" + branches + "]}").ok());
}

TEST(Schema, MultipliesFractions) {
  const Matcher cents = of(R"({"type":"number","multipleOf":0.05,"minimum":-1,"maximum":3})");
  for (int i = -110; i <= 310; ++i) {
    const double value = i / 100.0;
    std::string text = to_json(boost::json::value(value));
    if (text == "-0.0") continue;
    if (text.ends_with(".0")) text.resize(text.size() - 2);
    EXPECT_EQ(accepts(cents, text), i % 5 == 0 && i >= -100 && i <= 300) << text;
  }
  const Matcher whole = of(R"({"type":"integer","multipleOf":0.75})");
  EXPECT_TRUE(accepts(whole, "6"));
  EXPECT_FALSE(accepts(whole, "4"));
}

TEST(Schema, FindsSchemasByTheirNames) {
  const Matcher anchor = of(R"({"items":{"$ref":"#word"},"$defs":{"x":{"$anchor":"word","type":"string"}}})");
  EXPECT_TRUE(accepts(anchor, R"(["a"])"));
  EXPECT_FALSE(accepts(anchor, "[1]"));
  const Matcher by_id = of(R"({"$id":"http://example.org/root.json","items":{"$ref":"part.json#/$defs/n"},
      "$defs":{"p":{"$id":"part.json","$defs":{"n":{"type":"null"}}}}})");
  EXPECT_TRUE(accepts(by_id, "[null]"));
  EXPECT_FALSE(accepts(by_id, "[1]"));
}

TEST(Schema, ExcludesTheOtherBranches) {
  const Matcher one = of(R"({"type":"object","properties":{"a":{"type":"null"},"b":{"type":"null"}},
      "additionalProperties":false,"oneOf":[{"required":["a"]},{"required":["b"]}]})");
  EXPECT_TRUE(accepts(one, R"({"a":null})"));
  EXPECT_TRUE(accepts(one, R"({"b":null})"));
  EXPECT_FALSE(accepts(one, R"({"a":null,"b":null})"));
  EXPECT_FALSE(accepts(one, "{}"));
  // What has no type allows all others, too.
  const Matcher bound = of(R"({"oneOf":[{"type":"string"},{"minimum":5}]})");
  EXPECT_FALSE(accepts(bound, R"("a")"));
  EXPECT_TRUE(accepts(bound, "5"));
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
