#include "engine/constrain/call_heads.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "engine/constrain/constrain_for_test.h"
#include "engine/constrain/schema_oracle_for_test.h"
#include "engine/constrain/spec.h"

namespace studio::engine::constrain {
namespace {

const std::vector<std::string> kNames = {"now", "nowhere", "get_weather"};

// Bytes up to the end of the first head; none where there is no head.
std::optional<size_t> first_head(const CallHeads& heads, std::string_view text) {
  CallHeads::State state = CallHeads::kLineStart;
  for (size_t i = 0; i < text.size(); ++i) {
    state = heads.step(state, static_cast<uint8_t>(text[i]));
    if (state == CallHeads::kTag || heads.found(state)) return i + 1;
  }
  return std::nullopt;
}

// The same by a pattern over each beginning of the text, longer and longer.
std::optional<size_t> first_head_by_pattern(std::string_view text, const std::string& pattern) {
  for (size_t bytes = 1; bytes <= text.size(); ++bytes) {
    if (SchemaOracle::matches(pattern, text.substr(0, bytes))) return bytes;
  }
  return std::nullopt;
}

const std::string kJsonHeads =
    R"((<tool_call>|(^|\n)([ \t\r\n\[]|```[A-Za-z_-]*[ \t\r\n]|</?(tools|function_call)>|</tool_call>)*(```[A-Za-z_-]*)?)"
    R"re(\{[ \t\r\n]*"name"[ \t\r\n]*:[ \t\r\n]*"(now|nowhere|get_weather)"[ \t\r\n]*,[ \t\r\n]*"arguments"[ \t\r\n]*:)$)re";
const std::string kCoderHeads =
    R"((<tool_call>|(^|\n)([ \t\r\n]|```[A-Za-z_-]*[ \t\r\n]|</?(tools|function_call)>|</tool_call>)*)"
    R"(<function=(now|nowhere|get_weather)>\n)$)";

TEST(CallHeads, AreFoundInEverySpelling) {
  const CallHeads heads(kNames);
  for (const char* text :
       {R"({"name": "now", "arguments":)", "```json\n{\n  \"name\": \"nowhere\",\n  \"arguments\":",
        R"([{"name":"get_weather","arguments":)", "<tools>\n{\"name\": \"now\", \"arguments\":",
        "Let me look.\n\n```\n{\"name\": \"now\", \"arguments\":", "a <tool_call>", "<<tool_call>", "{\n<tool_call>",
        "{\n{\"name\": \"now\", \"arguments\":", "<function_call>{\"name\" : \"now\" ,\n \"arguments\" :"}) {
    EXPECT_EQ(first_head(heads, text), std::string_view(text).size()) << text;
  }
}

TEST(CallHeads, AreNotSeenInOtherText) {
  const CallHeads heads(kNames);
  for (const char* text :
       {R"({"name": "Ann", "arguments": 1})", R"({"name": "now", "description": "the time"})",
        R"(Call {"name": "now", "arguments": {}} then)", R"({"arguments": {}, "name": "now"})",
        R"({"tool": {"name": "now", "arguments": {}}})", "{\"name\": \"no\nw\", \"arguments\": {}}",
        R"({"name": "now", "x": 1, "arguments": {}})", "<tool_cal>", "x```json {\"name\": \"now\", \"arguments\": {}}",
        "{{\"name\": \"now\", \"arguments\": {}}", "\xff\n\xfe{"}) {
    EXPECT_EQ(first_head(heads, text), std::nullopt) << text;
  }
  EXPECT_EQ(first_head(CallHeads({}), R"({"name": "now", "arguments": {}})"), std::nullopt) << "no function is known";
}

TEST(CallHeads, AreWhereAPatternFindsThem) {
  const CallHeads heads(kNames);
  const char* const pieces[] = {"{",
                                "\"name\"",
                                ":",
                                "\"now\"",
                                ",",
                                "\"arguments\"",
                                "\n",
                                " ",
                                "[",
                                "```",
                                "json",
                                "<",
                                "x",
                                "<tools>",
                                "</tools>",
                                "\"nowhere\"",
                                "]",
                                "<tool_call>",
                                "\t",
                                "now",
                                "\"",
                                "`",
                                "}",
                                "{\"name\": \"now\", ",
                                "\"arguments\":",
                                "\r\n"};
  std::mt19937 random(3);
  int found = 0;
  for (int round = 0; round < 1000; ++round) {
    std::string text;
    for (size_t i = 0; i < 12; ++i) text += pieces[random() % std::size(pieces)];
    const auto head = first_head(heads, text);
    EXPECT_EQ(head, first_head_by_pattern(text, kJsonHeads)) << text;
    found += head ? 1 : 0;
  }
  EXPECT_GT(found, 60);
}

TEST(CallHeads, OfTheCodersFormAreWhereAPatternFindsThem) {
  const CallHeads heads(kNames, CallHeads::Form::kCoder);
  const char* const pieces[] = {"<function=",
                                "now",
                                ">",
                                "where",
                                "get_weather",
                                "\n",
                                "\n",
                                " ",
                                "```",
                                "xml",
                                "<",
                                "x",
                                "<function",
                                "[",
                                "{",
                                "`",
                                "</tools>",
                                "</tool_call>",
                                "<tool_call>",
                                "\t",
                                "=",
                                "\r\n",
                                "\n<function=now",
                                "<function=nowhere>\n"};
  std::mt19937 random(3);
  int found = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (size_t i = 0; i < 8; ++i) text += pieces[random() % std::size(pieces)];
    const auto head = first_head(heads, text);
    EXPECT_EQ(head, first_head_by_pattern(text, kCoderHeads)) << text;
    found += head ? 1 : 0;
  }
  EXPECT_GT(found, 120);
}

// The grammar lets come what the machine calls text, and no head that does not become a call.
TEST(CallHeads, TheGrammarMeansTheSame) {
  const CallHeads heads(kNames);
  const Matcher start = start_of(compile_spec(
      R"({"tools":{"format":"hermes","plain":true,"text":true,"least":0,"most":1,"functions":[{"name":"now","parameters":
{"type":"object","properties":{},"additionalProperties":false}},{"name":"nowhere","parameters":{"type":"object","properties":{},
"additionalProperties":false}},{"name":"get_weather","parameters":{"type":"object","properties":{},"additionalProperties":false}}]}})"));
  std::mt19937 random(4);
  const std::string letters = "{}[]`<>\n \",:namowrgets_h/l";
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (int i = 0; i < 40; ++i) text += letters[random() % letters.size()];
    if (round % 3 == 0) text += "\n{\"name\": \"now\", \"arguments\": {}}";
    if (round % 3 == 1) text += "\n{\"name\": \"now\", \"arguments\": {\"x\": 1}}";
    const auto head = first_head(heads, text);
    EXPECT_EQ(accepts(start, text), !head || text.substr(*head) == " {}}") << text;
  }
}

}  // namespace
}  // namespace studio::engine::constrain
