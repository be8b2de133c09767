#include "engine/constrain/json_layout.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace studio::engine::constrain {
namespace {

// The text without white space outside of strings, and at each place where there was some, what a layout that has read
// all before says comes there.
std::string guessed(std::string_view text, JsonLayout layout) {
  std::string all;
  bool is_in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char byte = text[i];
    if (!is_in_string && (byte == ' ' || byte == '\n' || byte == '\t')) continue;
    if (!is_in_string) {
      while (const char space = layout.space_before(byte)) {
        all += space;
        layout.read(std::string_view(&space, 1));
      }
    }
    if (byte == '"' && (i == 0 || text[i - 1] != '\\')) is_in_string = !is_in_string;
    all += byte;
    layout.read(std::string_view(&byte, 1));
  }
  return all;
}

TEST(JsonLayout, ObjectsGoOverLinesAndArraysAreInOneUntilSeenOtherwise) {
  const std::string usual =
      "{\n  \"a\": [1, 2],\n  \"b\": {\n    \"c, d\": \"x: \\\" y\"\n  },\n  \"e\": {},\n  \"f\": []\n}";
  EXPECT_EQ(guessed(usual, {}), usual);
}

TEST(JsonLayout, TheWayOfTheAnswerIsLearnt) {
  for (const std::string_view text : {
           R"({"a": 1, "b": {"c": [1, 2], "d": 2}})",
           R"({"a":1,"b":{"c":[1,2],"d":2}})",
           R"({ "a" : 1, "b" : { "c" : [ 1, 2 ], "d" : 2 } })",
           "{\n\t\"a\": 1,\n\t\"b\": {\n\t\t\"c\": [\n\t\t\t1,\n\t\t\t2\n\t\t],\n\t\t\"d\": 2\n\t}\n}",
           "{\n    \"a\": 1,\n    \"b\": {\n        \"c\": [1, 2],\n        \"d\": 2\n    }\n}",
       }) {
    JsonLayout layout;
    layout.read(text);
    std::string expected(text);
    // Before a colon white space is not usual, and not guessed.
    for (size_t at = 0; (at = expected.find("\" :", at)) != std::string::npos;) expected.erase(at + 1, 1);
    EXPECT_EQ(guessed(text, layout), expected);
  }
}

TEST(JsonLayout, WhatIsWrittenSoFarIsNotWrittenTwice) {
  JsonLayout layout;
  layout.read("{\n  \"a\": 1,");
  EXPECT_EQ(layout.space_before('"'), '\n');
  layout.read("\n");
  EXPECT_EQ(layout.space_before('"'), ' ');
  layout.read("  ");
  EXPECT_EQ(layout.space_before('"'), 0);
  layout.read("  ");  // another way than the usual one
  EXPECT_EQ(layout.space_before('"'), 0);
  EXPECT_EQ(layout.space_before('}'), 0);
}

TEST(JsonLayout, TextAroundIsPassedOver) {
  JsonLayout layout;
  layout.read("He said \"so: , and this is {");
  EXPECT_EQ(layout.space_before('"'), '\n');
  layout.read("\n  \"a\": 1\n} and \", ");
  EXPECT_EQ(layout.space_before('"'), 0);
}

TEST(JsonLayout, AnyBytesMayBeRead) {
  std::mt19937 random(7);
  constexpr std::string_view kBytes = "{}[]\",:\\ \n\t1a\xC3\xA4";
  for (int round = 0; round < 2000; ++round) {
    JsonLayout layout;
    for (int i = 0; i < 200; ++i) {
      layout.read(kBytes.substr(random() % kBytes.size(), 1));
      const char space = layout.space_before(kBytes[random() % kBytes.size()]);
      EXPECT_TRUE(space == 0 || space == ' ' || space == '\n' || space == '\t') << int{space};
    }
  }
  JsonLayout deep;
  for (int i = 0; i < 1000; ++i) deep.read("[");
  EXPECT_EQ(deep.space_before('1'), 0);
  for (int i = 0; i < 1000; ++i) deep.read("]");
  deep.read("{");
  EXPECT_EQ(deep.space_before('"'), '\n');
}

}  // namespace
}  // namespace studio::engine::constrain
