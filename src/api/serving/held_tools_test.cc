#include "api/serving/held_tools.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "api/serving/structure.h"
#include "engine/constrain/spec.h"

namespace studio::api {
namespace {

namespace json = boost::json;
using inference::ToolFormat;
using inference::ToolSet;

// Functions f0, f1 ... with these parameters, as they are read.
ToolSet tools_of(const std::vector<std::string>& parameters, bool is_strict) {
  ToolSet set;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const json::value schema = json::parse(parameters[i]);
    const json::object request;
    FieldReader reader(request, "tools[" + std::to_string(i) + "].function", {}, nullptr);
    add_tool(reader, "parameters", "f" + std::to_string(i), {}, &schema, is_strict, set);
    EXPECT_TRUE(reader.ok());
  }
  return set;
}

Status held(ToolSet& set, ToolFormat format) {
  const Status verdict = hold_tools(set, format, {}, "tools");
  const bool compiles = engine::constrain::compile_spec(inference::tools_spec(set, format, {})).ok();
  EXPECT_EQ(verdict.ok(), compiles) << "whoever computes the answer says otherwise";
  return verdict;
}

std::string refusal_of(const std::string& parameters, ToolFormat format) {
  ToolSet set = tools_of({parameters}, true);
  const Status verdict = held(set, format);
  return verdict.ok() ? "" : verdict.error().param();
}

std::string loosened(const std::string& parameters, ToolFormat format = ToolFormat::kCoder) {
  ToolSet set = tools_of({parameters}, false);
  EXPECT_TRUE(held(set, format).ok());
  return json::serialize(set.tools.front().parameters);
}

TEST(HoldTools, AsksOfTheFormThatTheModelWrites) {
  for (
      const char* fine :
      {R"({"type":"object","properties":{"a":{"type":"string","pattern":"^x"}},"required":["a"]})",
       R"({"$ref":"#/$defs/P","$defs":{"P":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}})",
       R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"$ref":"#/properties/a"}}})"}) {
    EXPECT_EQ(refusal_of(fine, ToolFormat::kCoder), "") << fine;
  }
  const std::string listed = R"({"enum":[{"a":1}]})", odd_name = R"({"type":"object","properties":{"a>\nb":{}}})";
  EXPECT_EQ(refusal_of(listed, ToolFormat::kHermes), "");
  EXPECT_EQ(refusal_of(listed, ToolFormat::kCoder), "tools[0].function.parameters#/enum");
  EXPECT_EQ(refusal_of(odd_name, ToolFormat::kHermes), "");
  EXPECT_EQ(refusal_of(odd_name, ToolFormat::kCoder), "tools[0].function.parameters#/properties/a>\nb");
}

TEST(HoldTools, KeepsTheTypesOfProperties) {
  const std::string fine = R"({"type":"object","properties":{"a":{"type":"string","maxLength":3}}})";
  EXPECT_EQ(loosened(fine), fine);
  EXPECT_EQ(loosened(R"({"enum":[{"a":1}],"properties":{"a":{"type":"integer","minimum":1}, "b":{}}})"),
            R"({"type":"object","properties":{"a":{"type":"integer"}}})");
  const std::string ahead = R"({"properties":{"a":{"type":["string","null"],"pattern":"x(?!y)z"}},"required":["a"]})";
  for (const ToolFormat format : {ToolFormat::kCoder, ToolFormat::kHermes}) {
    EXPECT_EQ(loosened(ahead, format), R"({"type":"object","properties":{"a":{"type":["string","null"]}}})");
  }
  EXPECT_EQ(loosened(R"({"properties":{"a":{"type":"strange"}}})"), R"({"type":"object"})");
  EXPECT_EQ(loosened(R"({"properties":{"a>\nb":{"type":"string"}}})"), R"({"type":"object"})");
}

// Each compiles alone: it is their length together that is too much.
TEST(HoldTools, AsksOfAllFunctionsTogether) {
  const std::string long_one = R"({"type":"object","properties":{"a":{"type":"integer","minimum":2,"description":")" +
                               std::string(400u << 10, 'x') + R"("}}})";
  for (const ToolFormat format : {ToolFormat::kCoder, ToolFormat::kHermes}) {
    ToolSet strict = tools_of({long_one, long_one, long_one}, true);
    const Status verdict = held(strict, format);
    ASSERT_FALSE(verdict.ok());
    EXPECT_EQ(verdict.error().param(), "tools");
    ToolSet others = tools_of({long_one, long_one, long_one}, false);
    EXPECT_TRUE(held(others, format).ok());
    EXPECT_EQ(json::serialize(others.tools[1].parameters),
              R"({"type":"object","properties":{"a":{"type":"integer"}}})");
    strict.choice = {.mode = inference::ToolChoice::Mode::kRequired, .name = "f1"};
    EXPECT_TRUE(held(strict, format).ok()) << "no other may be called";
  }
}

// Each takes a part of what one may take; without a bound on all of them a request of a megabyte would take minutes.
TEST(HoldTools, TheWorkOfAllFunctionsIsBounded) {
  std::string all = "{}";
  for (int i = 1; i < 150; ++i) all += ",{}";
  const std::string dear =
      R"({"type":"object","properties":{"a":{"type":"integer"}},"allOf":[)" + all + R"(],"anyOf":[)" + all + "]}";
  for (const ToolFormat format : {ToolFormat::kCoder, ToolFormat::kHermes}) {
    ToolSet few = tools_of({dear, dear}, true);
    const Status few_held = held(few, format);
    EXPECT_TRUE(few_held.ok()) << few_held.error().message();
    ToolSet strict = tools_of(std::vector<std::string>(64, dear), true);
    const Status verdict = held(strict, format);
    ASSERT_FALSE(verdict.ok());
    EXPECT_NE(verdict.error().message().find("beside the functions before it"), std::string::npos)
        << verdict.error().message();
    ToolSet others = tools_of(std::vector<std::string>(64, dear), false);
    EXPECT_TRUE(held(others, format).ok());
    EXPECT_EQ(json::serialize(others.tools.back().parameters),
              R"({"type":"object","properties":{"a":{"type":"integer"}}})");
  }
}

}  // namespace
}  // namespace studio::api
