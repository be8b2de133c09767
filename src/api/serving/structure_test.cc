#include "api/serving/structure.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace studio::api {
namespace {

namespace json = boost::json;
using inference::ToolFormat;

// The function f with these parameters, as it is read.
inference::ToolDefinition tool_of(const std::string& parameters, bool is_strict) {
  const json::value schema = json::parse(parameters);
  const json::object request;
  FieldReader reader(request, "tools[0].function", {}, nullptr);
  inference::ToolSet set;
  add_tool(reader, "parameters", "f", {}, &schema, is_strict, set);
  EXPECT_TRUE(reader.ok());
  return set.tools.empty() ? inference::ToolDefinition() : set.tools.front();
}

std::string refusal_of(const std::string& parameters, ToolFormat format) {
  const Status verdict = check_tool(tool_of(parameters, true), format);
  return verdict.ok() ? "" : verdict.error().param();
}

std::string loosened(const std::string& parameters) {
  auto tool = tool_of(parameters, false);
  loosen(tool, ToolFormat::kCoder);
  return json::serialize(tool.parameters);
}

TEST(CheckTool, AsksOfTheFormThatTheModelWrites) {
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

TEST(Loosen, KeepsTheTypesOfProperties) {
  const std::string held = R"({"type":"object","properties":{"a":{"type":"string","maxLength":3}}})";
  EXPECT_EQ(loosened(held), held);
  EXPECT_EQ(loosened(R"({"enum":[{"a":1}],"properties":{"a":{"type":"integer","minimum":1}, "b":{}}})"),
            R"({"type":"object","properties":{"a":{"type":"integer"}}})");
  EXPECT_EQ(loosened(R"({"properties":{"a":{"type":["string","null"],"pattern":"x(?!y)z"}},"required":["a"]})"),
            R"({"type":"object","properties":{"a":{"type":["string","null"]}}})")
      << "cannot be held to in either form";
  EXPECT_EQ(loosened(R"({"properties":{"a":{"type":"strange"}}})"), R"({"type":"object"})");
  EXPECT_EQ(loosened(R"({"properties":{"a>\nb":{"type":"string"}}})"), R"({"type":"object"})");
}

}  // namespace
}  // namespace studio::api
