#include "inference/tool_call_text.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <random>

namespace studio::inference {
namespace {

std::shared_ptr<const ToolSet> tools() {
  auto set = std::make_shared<ToolSet>();
  set->tools.push_back(
      {"weather", {}, boost::json::parse(R"({"properties":{"city":{"type":"string"},"days":{"type":"integer"}}})")});
  set->tools.push_back({"now", {}, boost::json::parse("{}")});
  return set;
}

struct Told {
  std::string text;
  std::vector<ToolCall> calls;
  std::vector<bool> are_whole;
  bool operator==(const Told& other) const {
    auto same = [](const ToolCall& a, const ToolCall& b) {
      return a.id == b.id && a.name == b.name && a.arguments == b.arguments;
    };
    return text == other.text && are_whole == other.are_whole && std::ranges::equal(calls, other.calls, same);
  }
};

Told read(const std::vector<std::string>& pieces, ToolFormat format) {
  ToolCallText reader(tools(), format, "answer#0");
  Told told;
  for (size_t i = 0; i <= pieces.size(); ++i) {
    ChoiceDelta delta;
    if (i < pieces.size()) delta.text = pieces[i];
    reader.push(delta, i == pieces.size());
    EXPECT_TRUE(delta.text.empty() || told.calls.empty()) << "text behind a call";
    told.text += delta.text;
    for (const ToolCallDelta& call : delta.tool_calls) {
      const auto index = static_cast<size_t>(call.index);
      if (!call.id.empty()) {
        EXPECT_EQ(index, told.calls.size());
        told.calls.push_back({call.id, call.name, ""});
        told.are_whole.push_back(false);
      }
      EXPECT_EQ(index + 1, told.calls.size());
      told.calls.back().arguments += call.arguments;
      told.are_whole.back() = call.is_last;
    }
  }
  EXPECT_EQ(reader.calls(), static_cast<int>(told.calls.size()));
  return told;
}

void expect_same_in_pieces(const std::string& text, ToolFormat format, const Told& whole) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> pieces;
    for (size_t at = 0; at < text.size();) {
      const size_t length = 1 + random() % (round % 2 == 0 ? 3 : 20);
      pieces.push_back(text.substr(at, length));
      at += length;
    }
    EXPECT_EQ(read(pieces, format), whole) << round;
  }
}

TEST(ToolCallText, CallsAreTakenOutOfTheText) {
  const std::string text =
      "Let me look: <b> \n<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"A \\\"}<\\\\\", \"days\": "
      "[1, {\"x\": "
      "2}]}}\n</tool_call>\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>";
  const Told told = read({text}, ToolFormat::kHermes);
  EXPECT_EQ(told.text, "Let me look: <b> ");
  ASSERT_EQ(told.calls.size(), 2u);
  EXPECT_EQ(told.calls[0].name, "weather");
  EXPECT_EQ(told.calls[0].arguments, R"({"city": "A \"}<\\", "days": [1, {"x": 2}]})");
  EXPECT_EQ(told.calls[1].name, "now");
  EXPECT_EQ(told.calls[1].arguments, "{}");
  EXPECT_EQ(told.are_whole, (std::vector<bool>{true, true}));
  EXPECT_NE(told.calls[0].id, told.calls[1].id);
  expect_same_in_pieces(text, ToolFormat::kHermes, told);
}

TEST(ToolCallText, TheCodersParametersBecomeJson) {
  const std::string text =
      "<tool_call>\n<function=weather>\n<parameter=city>\nA \"b\"\n</param\n\n</parameter>\n<parameter=days>\n3\n"
      "</parameter>\n</function>\n</tool_call>";
  const Told told = read({text}, ToolFormat::kCoder);
  EXPECT_EQ(told.text, "");
  ASSERT_EQ(told.calls.size(), 1u);
  EXPECT_EQ(told.calls[0].arguments, R"({"city": "A \"b\"\n</param\n", "days": 3})");
  expect_same_in_pieces(text, ToolFormat::kCoder, told);
}

TEST(ToolCallText, TextAloneStaysAsItIs) {
  for (const std::string& text : {std::string("no <tool_cal"), std::string("a\n\n"), std::string("<"), std::string()}) {
    const Told told = read({text}, ToolFormat::kHermes);
    EXPECT_EQ(told.text, text);
    EXPECT_TRUE(told.calls.empty());
    expect_same_in_pieces(text, ToolFormat::kHermes, told);
  }
}

TEST(ToolCallText, WhatBreaksOffIsACallThatBreaksOff) {
  const std::string text = "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Par";
  const Told told = read({text}, ToolFormat::kHermes);
  ASSERT_EQ(told.calls.size(), 1u);
  EXPECT_EQ(told.calls[0].arguments, R"({"city": "Par)");
  EXPECT_EQ(told.are_whole, std::vector<bool>{false});
  EXPECT_TRUE(read({"<tool_call>\n{\"name\": \"wea"}, ToolFormat::kHermes).calls.empty()) << "nobody knows which";
}

}  // namespace
}  // namespace studio::inference
