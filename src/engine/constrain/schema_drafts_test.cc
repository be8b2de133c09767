// What the drafts say otherwise, and what subschemas keep when the opposite of a schema is made of them: the names they
// refer by, and the place that errors name.
#include <gtest/gtest.h>

#include <string>

#include "engine/constrain/constrain_for_test.h"

namespace studio::engine::constrain {
namespace {

constexpr std::string_view kDraft4 = "http://json-schema.org/draft-04/schema#";
constexpr std::string_view kDraft7 = "http://json-schema.org/draft-07/schema#";
constexpr std::string_view k2019 = "https://json-schema.org/draft/2019-09/schema";
constexpr std::string_view k2020 = "https://json-schema.org/draft/2020-12/schema";

Matcher of(std::string_view draft, std::string_view keywords) {
  return start_of(
      Constraint::from_schema_text(R"({"$schema":")" + std::string(draft) + "\"," + std::string(keywords) + "}"));
}

std::string pointer_at_fault(std::string_view schema) {
  const auto made = Constraint::from_schema_text(schema);
  return made.ok() ? "none" : made.error().param();
}

TEST(SchemaDrafts, ContainsIsCountedSince2019) {
  constexpr std::string_view kNone = R"("type":"array","items":{"enum":[1,2]},"contains":{"const":1},"minContains":0)";
  EXPECT_FALSE(accepts(of(kDraft7, kNone), "[2]"));
  EXPECT_TRUE(accepts(of(kDraft7, kNone), "[1]"));
  EXPECT_TRUE(accepts(of(k2019, kNone), "[2]"));
}

TEST(SchemaDrafts, PrefixesAreListedSince2020) {
  constexpr std::string_view kPair = R"("type":"array","prefixItems":[{"type":"string"}],"items":{"type":"number"})";
  EXPECT_FALSE(accepts(of(kDraft7, kPair), R"(["a"])"));
  EXPECT_TRUE(accepts(of(kDraft7, kPair), "[1]"));
  EXPECT_TRUE(accepts(of(k2020, kPair), R"(["a",1])"));
  EXPECT_FALSE(accepts(of(k2020, kPair), "[1]"));
}

// In draft 4 every value satisfies {"const": 1}: only 1 may be written for it, and nothing fails it.
TEST(SchemaDrafts, WhatADraftDoesNotHaveRulesNothingOut) {
  EXPECT_TRUE(accepts(of(kDraft4, R"("const":1)"), "1"));
  EXPECT_FALSE(accepts(of(kDraft4, R"("const":1)"), "2"));
  EXPECT_TRUE(accepts(of(kDraft7, R"("type":"integer","not":{"const":1})"), "2"));
  const std::string other = R"({"type":"integer","not":{"const":1},"$schema":")" + std::string(kDraft4) + "\"}";
  EXPECT_FALSE(Constraint::from_schema_text(other).ok());
  // In draft 4 2 satisfies both.
  const std::string either = R"("oneOf":[{"enum":[2,3]},{"type":"integer","const":1}])";
  EXPECT_TRUE(accepts(of(kDraft7, either), "2"));
  EXPECT_FALSE(accepts(of(kDraft4, either), "2"));
  EXPECT_TRUE(accepts(of(kDraft4, either), "1"));
}

TEST(SchemaDrafts, WhatStandsBesideAReferenceCountsSince2019) {
  constexpr std::string_view kNo = R"("not":{"$ref":"#/definitions/any","type":"integer"},"definitions":{"any":{}})";
  EXPECT_TRUE(accepts(of(k2020, kNo), R"("x")"));
  EXPECT_FALSE(accepts(of(k2020, kNo), "1"));
  EXPECT_FALSE(
      Constraint::from_schema_text("{\"$schema\":\"" + std::string(kDraft7) + "\"," + std::string(kNo) + "}").ok());
}

// #/$defs/t is that of the schema with the nearest $id, also where it stands in the opposite of another one.
TEST(SchemaDrafts, OppositesReferWithinTheirOwnSchema) {
  const std::string inner =
      R"({"$id":"http://x/inner","allOf":[{"$ref":"#/$defs/t"}],"$defs":{"t":{"type":"string"}}})";
  const std::string outer = R"("$id":"http://x/root","$defs":{"t":{"type":"integer"}},"type":"object",)";
  const Matcher no = of(k2020, outer + R"("not":{"properties":{"a":)" + inner + "}}");
  EXPECT_TRUE(accepts(no, R"({"a":1})"));
  EXPECT_FALSE(accepts(no, R"({"a":"s"})"));
  const Matcher depends =
      of(k2020, outer + R"("properties":{"b":true},"dependentSchemas":{"b":{"properties":{"a":)" + inner + "}}}");
  EXPECT_TRUE(accepts(depends, R"({"b":1,"a":"s"})"));
  EXPECT_FALSE(accepts(depends, R"({"b":1,"a":1})"));
  const Matcher either = of(k2020, outer + R"("if":{"properties":{"a":)" + inner +
                                       R"(}},"then":{"required":["q"]},"else":{"required":["z"]})");
  EXPECT_TRUE(accepts(either, R"({"a":1,"z":1})"));
  EXPECT_FALSE(accepts(either, R"({"a":1,"q":1})"));
  EXPECT_TRUE(accepts(either, R"({"a":"s","q":1})"));
}

TEST(SchemaDrafts, ErrorsNameWhatStandsInTheSchema) {
  EXPECT_EQ(pointer_at_fault(R"({"type":"object","dependentSchemas":{"a":{"properties":{"b":{"$dynamicRef":"#x"}}}}})"),
            "#/dependentSchemas/a/properties/b/$dynamicRef");
  EXPECT_EQ(pointer_at_fault(R"({"type":"object","dependentRequired":{"a":3}})"), "#/dependentRequired/a");
  EXPECT_EQ(pointer_at_fault(R"({"type":"object","not":{"const":{"a":1}}})"), "#/not/const");
  EXPECT_EQ(pointer_at_fault(R"({"not":{"properties":{"a":{"properties":{"b":{"uniqueItems":true}}}}}})"),
            "#/not/properties/a/properties/b");
  EXPECT_EQ(pointer_at_fault(R"({"allOf":[{"type":"number"},{"multipleOf":0.0000001}]})"), "#/allOf/1/multipleOf");
}

}  // namespace
}  // namespace studio::engine::constrain
