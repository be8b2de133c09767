#include "inference/tool_call_text.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <random>

namespace studio::inference {
namespace {

std::shared_ptr<const ToolSet> tools(ToolFormat format) {
  auto set = std::make_shared<ToolSet>();
  set->choice.is_parallel = true;
  set->has_plain_calls = format != ToolFormat::kNone;
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
  ToolCallText reader(tools(format), format, "answer#0");
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

TEST(ToolCallText, PlainCallsAreTakenOutWithTheirFences) {
  const std::string json = "{\n  \"name\": \"weather\",\n  \"arguments\": {\n    \"city\": \"}\"\n  }\n}";
  for (const std::string& text :
       {json, "```json\n" + json + "\n```", "[" + json + "]", "<tools>\n" + json + "\n</tools>"}) {
    const Told told = read({text}, ToolFormat::kHermes);
    EXPECT_EQ(told.text, "") << text;
    ASSERT_EQ(told.calls.size(), 1u) << text;
    EXPECT_EQ(told.calls[0].name, "weather");
    EXPECT_EQ(told.calls[0].arguments, "{\n    \"city\": \"}\"\n  }");
    EXPECT_EQ(told.are_whole, std::vector<bool>{true});
    expect_same_in_pieces(text, ToolFormat::kHermes, told);
  }
}

TEST(ToolCallText, PlainCallsFollowTextAndEachOther) {
  const std::string now = R"({"name": "now", "arguments": {}})", fenced = "```json\n" + now + "\n```";
  for (const std::string& calls : {now + "\n" + now, "[" + now + ", " + now + "]", fenced + "\n\n" + fenced,
                                   "<tool_call>\n" + now + "\n</tool_call>\n" + now}) {
    const std::string text = "One `{` and\n[two]:\n\n" + calls + "\n\nThat is what I call.\n" + now;
    const Told told = read({text}, ToolFormat::kHermes);
    EXPECT_EQ(told.text, "One `{` and\n[two]:") << text;
    EXPECT_EQ(told.calls.size(), 2u) << text;
    EXPECT_EQ(told.are_whole, (std::vector<bool>{true, true}));
    expect_same_in_pieces(text, ToolFormat::kHermes, told);
  }
}

TEST(ToolCallText, OtherJsonIsText) {
  for (const std::string& text :
       {std::string(R"({"name": "Ann", "arguments": {}})"), std::string("```json\n{\"name\": \"now\"}\n```"),
        std::string("{\n  \"name\": \"now\",\n  \"argum"), std::string("Say {\"name\": \"now\", \"arguments\": {}}"),
        std::string("[1,\n [2]]\n<tools>\n```")}) {
    const Told told = read({text}, ToolFormat::kHermes);
    EXPECT_EQ(told.text, text);
    EXPECT_TRUE(told.calls.empty());
    expect_same_in_pieces(text, ToolFormat::kHermes, told);
  }
}

TEST(ToolCallText, ArgumentsThatWereNotHeldAreReadTheSameInPieces) {
  for (const char* arguments : {"x {}", "\"a b\" {}", "\\\" {}", "] {}"}) {
    const std::string text = std::string("{\"name\": \"now\", \"arguments\":") + arguments + "}";
    expect_same_in_pieces(text, ToolFormat::kHermes, read({text}, ToolFormat::kHermes));
  }
}

TEST(ToolCallText, TheAnswerIsOverBehindItsCalls) {
  const std::string now = R"({"name": "now", "arguments": {}})";
  auto is_over = [&](const std::string& text, bool is_parallel) {
    auto set = std::make_shared<ToolSet>(*tools(ToolFormat::kHermes));
    set->choice.is_parallel = is_parallel;
    ToolCallText reader(set, ToolFormat::kHermes, "answer#0");
    ChoiceDelta delta;
    delta.text = text;
    reader.push(delta, false);
    return reader.is_over();
  };
  EXPECT_TRUE(is_over(now, false));
  EXPECT_FALSE(is_over(now + "\n```\n", true)) << "another may follow";
  EXPECT_TRUE(is_over(now + "\nSo", true));
  EXPECT_FALSE(is_over("So", true));
  std::string many;
  for (int i = 0; i < kMostCalls; ++i) many += now + "\n";
  EXPECT_TRUE(is_over(many, true));
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

TEST(ToolCallText, TheCodersCallsMayLackTheirTag) {
  const std::string now = "<function=now>\n</function>",
                    inner = "<function=weather>\n<parameter=days>\n3\n</parameter>\n</function>";
  for (const std::string& text : {std::string(inner), inner + "\n</tool_call>", "\n" + inner + "\nThat is it.\n" + now,
                                  "```xml\n" + inner + "\n```\nSo.", "I look.\n\n" + inner}) {
    const Told told = read({text}, ToolFormat::kCoder);
    EXPECT_EQ(told.text, text.starts_with("I") ? "I look." : "") << text;
    ASSERT_EQ(told.calls.size(), 1u) << text;
    EXPECT_EQ(told.calls[0].name, "weather");
    EXPECT_EQ(told.calls[0].arguments, R"({"days": 3})");
    EXPECT_EQ(told.are_whole, std::vector<bool>{true});
    expect_same_in_pieces(text, ToolFormat::kCoder, told);
  }
  const std::string tagged = "<tool_call>\n" + now + "\n</tool_call>";
  for (const std::string& text : {inner + "\n" + now, inner + "\n</tool_call>\n" + tagged,
                                  inner + "\n</tool_call>\n" + now + "\n</tool_call>\nDone.", tagged + "\n" + inner}) {
    const Told told = read({text}, ToolFormat::kCoder);
    EXPECT_EQ(told.calls.size(), 2u) << text;
    EXPECT_EQ(told.are_whole, (std::vector<bool>{true, true})) << text;
    expect_same_in_pieces(text, ToolFormat::kCoder, told);
  }
}

TEST(ToolCallText, TextThatSpeaksOfTheCodersFormStaysText) {
  for (const std::string& text :
       {std::string("Write <function=now>\nto call it."), std::string("<function=later>\n</function>"),
        std::string("<function=now> begins a call"), std::string("a\n- <function=now>\n"),
        std::string("<function=now>"), std::string("{\"name\": \"now\", \"arguments\": {}}"),
        std::string("<function=nowhere>\n")}) {
    const Told told = read({text}, ToolFormat::kCoder);
    EXPECT_EQ(told.text, text);
    EXPECT_TRUE(told.calls.empty());
    expect_same_in_pieces(text, ToolFormat::kCoder, told);
  }
}

TEST(ToolCallText, ParametersAreReadByTheTypesThatTheyMayHave) {
  auto set = std::make_shared<ToolSet>();
  set->tools.push_back({"f", {}, boost::json::parse(R"({"properties":{"text":{"type":"string"},
      "some":{"type":["string","null"]},"id":{"anyOf":[{"type":"string"},{"$ref":"#/$defs/N"}]},"any":{},
      "flag":{"type":"boolean"}},"additionalProperties":{"type":"integer"},"$defs":{"N":{"type":"integer"}}})")});
  const auto read_value = [&set](const std::string& name, const std::string& value) {
    ToolCallText reader(set, ToolFormat::kCoder, "answer#0");
    ChoiceDelta delta;
    delta.text =
        "<tool_call>\n<function=f>\n<parameter=" + name + ">\n" + value + "\n</parameter>\n</function>\n</tool_call>";
    reader.push(delta, true);
    std::string arguments;
    for (const ToolCallDelta& call : delta.tool_calls) arguments += call.arguments;
    return arguments.substr(name.size() + 5, arguments.size() - name.size() - 6);
  };
  for (const auto& [name, value, wanted] : std::vector<std::array<const char*, 3>>{
           {"text", "null", "\"null\""},
           {"text", "", "\"\""},
           {"text", "\nx\n\n", R"("\nx\n\n")"},
           {"text", "\n", R"("\n")"},
           {"some", "null", "null"},
           {"some", "nulls", "\"nulls\""},
           {"some", "12", "\"12\""},
           {"some", "", "\"\""},
           {"id", "12", "12"},
           {"id", "-1.5e3", "-1.5e3"},
           {"id", "012", "\"012\""},
           {"id", "1-2", "\"1-2\""},
           {"id", "true", "\"true\""},
           {"id", "{\"a\": 1}", R"("{\"a\": 1}")"},
           {"any", "{\"a\": \"<\"}", "{\"a\": \"<\"}"},
           {"any", "true", "true"},
           {"any", " true", "\" true\""},
           {"any", "\"x\"", R"("\"x\"")"},
           {"flag", "true", "true"},
           {"other", "7", "7"},
       }) {
    EXPECT_EQ(read_value(name, value), wanted) << name;
  }
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
