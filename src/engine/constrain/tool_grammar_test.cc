#include "engine/constrain/tool_grammar.h"

#include <gtest/gtest.h>

#include "engine/constrain/constrain_for_test.h"
#include "engine/constrain/spec.h"

namespace studio::engine::constrain {
namespace {

constexpr const char* kFunctions =
    R"("functions":[{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"},
"unit":{"enum":["c","f"]}},"required":["city"],"additionalProperties":false}},{"name":"now","parameters":{"type":"object",
"properties":{},"additionalProperties":false}}])";

Matcher hermes(const std::string& rules) {
  return start_of(compile_spec(R"({"tools":{"format":"hermes",)" + rules + "," + kFunctions + "}}"));
}
Matcher coder(const std::string& rules) {
  return start_of(compile_spec(R"({"tools":{"format":"coder",)" + rules + "," + kFunctions + "}}"));
}

std::string call(const std::string& inside) {
  return "<tool_call>\n" + inside + "\n</tool_call>";
}
const std::string kNow = call(R"({"name": "now", "arguments": {}})");
const std::string kParis = call(R"({"name": "weather", "arguments": {"city": "Paris", "days": 3}})");

TEST(ToolGrammar, TextComesFirstAndCallsLast) {
  const Matcher any = hermes(R"("text":true,"least":0,"most":0)");
  for (const std::string& text : {std::string(""), std::string("Hello <tool> <<tool_cal> <"), kNow,
                                  "Let me see.\n" + kNow, kNow + "\n" + kParis, std::string("a < b")}) {
    EXPECT_TRUE(accepts(any, text)) << text;
  }
  for (const std::string& text :
       {kNow + " and more", std::string("<tool_call>"), call(R"({"name": "other", "arguments": {}})"),
        call(R"({"name": "weather", "arguments": {"days": 3}})"), std::string("x <<tool_call> y")}) {
    EXPECT_FALSE(accepts(any, text)) << text;
  }
}

TEST(ToolGrammar, SoManyCallsAsAreAllowed) {
  const Matcher one = hermes(R"("text":false,"least":1,"most":1)");
  EXPECT_TRUE(accepts(one, kNow));
  EXPECT_FALSE(accepts(one, ""));
  EXPECT_FALSE(accepts(one, "Well, " + kNow));
  EXPECT_FALSE(accepts(one, kNow + "\n" + kNow));
}

TEST(ToolGrammar, PlainCallsAreHeldToTheirSchemas) {
  const Matcher any = hermes(R"("plain":true,"text":true,"least":0,"most":0)");
  const std::string plain = R"({"name": "now", "arguments": {}})";
  const std::string fenced =
      "```json\n{\n  \"name\": \"weather\",\n  \"arguments\": {\n    \"city\": \"Paris\",\n    \"unit\": \"c\"\n  }\n}";
  for (const std::string& text :
       {plain, fenced + "\n```", "Let me see.\n\n" + fenced, plain + "\n" + kNow, kNow + "\n" + plain, kParis,
        "[" + plain + ", " + plain + "]", plain + "\nThat is it.", std::string(R"({"name": "Ann", "arguments": [1]})"),
        std::string(R"({"name": "now"})"), std::string(R"({"name": "now", "argu)"),
        std::string("```json\n{\n  \"a\": 1}")}) {
    EXPECT_TRUE(accepts(any, text)) << text;
  }
  for (const std::string& text :
       {std::string(R"({"name": "now", "arguments": {"x": 1}})"), std::string(R"({"name": "now", "arguments": {})"),
        std::string(R"({"name": "now", "arguments": [)"),
        "```\n" + std::string(R"({"name": "weather", "arguments": {}})"),
        std::string(R"({"name": "now", "arguments":  {}})"), std::string("x <tool_call> y")}) {
    EXPECT_FALSE(accepts(any, text)) << text;
  }
}

TEST(ToolGrammar, OnePlainCallEndsTheAnswer) {
  const Matcher one = hermes(R"("plain":true,"text":true,"least":0,"most":1)");
  Matcher matcher = one;
  EXPECT_TRUE(matcher.accept_text("```json\n{\"name\": \"now\", \"arguments\": {}}"));
  EXPECT_TRUE(matcher.is_complete());
  const Matcher required = hermes(R"("plain":true,"text":false,"least":1,"most":1)");
  EXPECT_TRUE(accepts(required, kNow));
  EXPECT_FALSE(accepts(required, ""));
  EXPECT_FALSE(accepts(required, R"({"name": "now", "arguments": {}})")) << "nothing says yet that it is a call";
}

TEST(ToolGrammar, AsManyPlainFunctionsAsMayBeWithTheLongestNames) {
  auto made = [](size_t count) {
    std::string spec = R"({"tools":{"format":"hermes","plain":true,"text":true,"most":1,"functions":[)";
    for (size_t i = 0; i < count; ++i) {
      const std::string name = std::to_string(i) + std::string(128 - std::to_string(i).size(), 'x');
      spec += std::string(i == 0 ? "" : ",") + "{\"name\":\"" + name + "\",\"parameters\":{\"type\":\"object\"}}";
    }
    return compile_spec(spec + "]}}");
  };
  const Matcher any = start_of(made(kMaxPlainTools));
  const std::string last = "127" + std::string(125, 'x');
  EXPECT_TRUE(accepts(any, "{\"name\": \"" + last + "\", \"arguments\": {}}"));
  EXPECT_FALSE(accepts(any, "{\"name\": \"" + last + "\", \"arguments\": []}"));
  EXPECT_FALSE(made(kMaxPlainTools + 1).ok());
}

TEST(ToolGrammar, TheCodersForm) {
  const Matcher any = coder(R"("text":true,"least":0,"most":0)");
  const std::string whole = call(
      "<function=weather>\n<parameter=city>\nParis \"<b>\"\nor so\n</parameter>\n<parameter=days>\n3\n</parameter>\n"
      "<parameter=unit>\nc\n</parameter>\n</function>");
  EXPECT_TRUE(accepts(any, whole));
  EXPECT_TRUE(accepts(any, "So:\n" + call("<function=now>\n</function>")));
  EXPECT_FALSE(accepts(any, call("<function=weather>\n</function>"))) << "city is required";
  EXPECT_FALSE(accepts(any, call("<function=weather>\n<parameter=city>\nx\n</parameter>\n<parameter=days>\nmany\n"
                                 "</parameter>\n</function>")));
}

// The coder's call to f with these parameters.
Constraint::Made coder_calls(const std::string& parameters) {
  return compile_spec(R"({"tools":{"format":"coder","least":1,"most":1,"functions":[{"name":"f","parameters":)" +
                      parameters + "}]}}");
}

std::string coder_call(const std::vector<std::pair<std::string, std::string>>& parameters) {
  std::string text = "<function=f>\n";
  for (const auto& [name, value] : parameters) text += "<parameter=" + name + ">\n" + value + "\n</parameter>\n";
  return call(text + "</function>");
}

TEST(ToolGrammar, ParametersAreHeldToTheWholeSchema) {
  struct Case {
    const char* schema;
    std::vector<std::pair<std::string, std::string>> parameters;
    bool is_allowed;
  };
  for (const auto& [schema, parameters, is_allowed] : {
           Case{R"({"properties":{"a":{"type":"string","pattern":"^[0-9]+$"}}})", {{"a", "12"}}, true},
           Case{R"({"properties":{"a":{"type":"string","pattern":"^[0-9]+$"}}})", {{"a", "x"}}, false},
           Case{R"({"properties":{"a":{"type":"string","minLength":2}}})", {{"a", "é"}}, false},
           Case{R"({"properties":{"a":{"type":"string","minLength":2}}})", {{"a", "\n\n"}}, true},
           Case{R"({"properties":{"a":{"const":"yes"}}})", {{"a", "no"}}, false},
           Case{R"({"properties":{"a":{"enum":["x","y"],"type":"integer"}}})", {{"a", "x"}}, false},
           Case{R"({"properties":{"a":{}},"required":["a","b"]})", {{"a", "x"}}, false},
           Case{R"({"properties":{"a":{}},"required":["a","b"]})", {{"a", "x"}, {"b", "{}"}}, true},
           Case{R"({"$ref":"#/$defs/P","$defs":{"P":{"properties":{"n":{}},"required":["n"]}}})", {}, false},
           Case{R"({"properties":{"a":{"type":"integer"},"b":{"$ref":"#/properties/a"}}})", {{"b", "x"}}, false},
           Case{R"({"properties":{"a":{"type":"string"}},"minProperties":1})", {}, false},
           Case{R"({"properties":{},"additionalProperties":{"type":"integer"}})", {{"z", "1"}, {"y", "2"}}, true},
           Case{R"({"properties":{},"additionalProperties":{"type":"integer"}})", {{"z", "w"}}, false},
           Case{R"({"properties":{"a":{}},"additionalProperties":false})", {{"z", "1"}}, false},
           Case{R"({"properties":{"a":{"type":["string","null"],"maxLength":3}}})", {{"a", "null"}}, true},
           Case{R"({"properties":{"a":{"type":["string","null"],"maxLength":3}}})", {{"a", "nulls"}}, false},
           Case{R"({"anyOf":[{"required":["a"]},{"required":["b"]}],"properties":{"a":{},"b":{}}})", {}, false},
           Case{R"({"properties":{"a":{"type":"string"}}})", {{"a", "x</parameter>"}}, false},
       }) {
    EXPECT_EQ(accepts(start_of(coder_calls(schema)), coder_call(parameters)), is_allowed) << schema;
  }
}

TEST(ToolGrammar, PlainCallsOfTheCodersFormAreHeldToTheirSchemas) {
  const std::string spec = R"({"tools":{"format":"coder","plain":true,"text":true,"least":0,"most":0,"functions":[
      {"name":"f","parameters":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}]}})";
  const Matcher any = start_of(compile_spec(spec));
  const std::string inner = "<function=f>\n<parameter=n>\n1\n</parameter>\n</function>", tagged = call(inner);
  for (const std::string& text :
       {inner, tagged, inner + "\n</tool_call>", inner + "\n</tool_call>\n" + tagged, "Let me.\n\n" + inner,
        inner + "\n" + inner, tagged + "\n" + inner, "```xml\n" + inner + "\n```", inner + "\nThat is it.",
        std::string("Write <function=f>\nto call."), std::string("<function=f>\r"), std::string("<function=g>\n"),
        std::string("<function=f> is"), std::string("{\"name\": \"f\", \"arguments\": 1}")}) {
    EXPECT_TRUE(accepts(any, text)) << text;
  }
  for (const std::string& text : {std::string("<function=f>\n"), std::string("<function=f>\n</function>"),
                                  std::string("x\n \n<function=f>\n<parameter=n>\nx\n</parameter>\n</function>"),
                                  inner + "\n</tool_call>\n<function=f>\n", std::string("a <tool_call> b")}) {
    EXPECT_FALSE(accepts(any, text)) << text;
  }
}

// By states up to 16 characters, by counts beyond.
TEST(ToolGrammar, LongTextsAreCounted) {
  const auto allows = [](const char* schema, const std::string& text) {
    return accepts(start_of(coder_calls(R"({"properties":{"a":)" + std::string(schema) + "}}")),
                   coder_call({{"a", text}}));
  };
  const std::string html = "<p>a < b << c</p>\n", many(2000, 'x');
  const char* const bounded = R"({"type":"string","minLength":3,"maxLength":2000})";
  EXPECT_TRUE(allows(bounded, many));
  EXPECT_FALSE(allows(bounded, many + "x"));
  EXPECT_FALSE(allows(bounded, "xy"));
  EXPECT_TRUE(allows(bounded, html + many.substr(0, 400)));
  EXPECT_FALSE(allows(bounded, html + many));
  EXPECT_FALSE(allows(bounded, many.substr(0, 50) + "</parameter>"));
  EXPECT_FALSE(allows(bounded, many.substr(0, 50) + "<<</parameter>"));
  const char* const long_one = R"({"type":"string","minLength":500})";
  EXPECT_TRUE(allows(long_one, many.substr(0, 500)));
  EXPECT_FALSE(allows(long_one, many.substr(0, 499)));
  for (const char* others : {R"("null")", R"("boolean")", R"("integer")", R"("array","object")",
                             R"("null","boolean","number","array","object")"}) {
    const std::string mixed = R"({"type":["string",)" + std::string(others) + R"(],"maxLength":100})";
    EXPECT_TRUE(allows(mixed.c_str(), many.substr(0, 100))) << mixed;
    EXPECT_FALSE(allows(mixed.c_str(), many.substr(0, 101))) << mixed;
    EXPECT_TRUE(allows(mixed.c_str(), html)) << mixed;
  }
}

TEST(ToolGrammar, WhatCannotBeHeldToAsParametersIsRefused) {
  const auto pointer_of = [](const char* parameters) {
    const auto made = coder_calls(parameters);
    return made.ok() ? std::string() : made.error().param();
  };
  EXPECT_EQ(pointer_of(R"({"enum":[{"a":1}]})"), "#/enum");
  EXPECT_EQ(pointer_of(R"({"type":"string"})"), "#");
  EXPECT_EQ(pointer_of(R"({"properties":{"a>\nb":{}}})"), "#/properties/a>\nb");
  EXPECT_EQ(pointer_of(R"({"properties":{"a":{"type":"string","pattern":"x(?!y)z"}}})"), "#/properties/a/pattern");
}

TEST(ToolGrammar, AnAnswerWithoutCallsMayHaveAForm) {
  const Matcher either = hermes(R"("text":true,"least":0,"most":1,"answer":{"choices":["none needed"]})");
  EXPECT_TRUE(accepts(either, "none needed"));
  EXPECT_TRUE(accepts(either, kNow));
  EXPECT_FALSE(accepts(either, "something else"));
  EXPECT_FALSE(accepts(either, ""));
}

TEST(ToolGrammar, LineEndsMayComeBehindReasoning) {
  const Matcher after = start_of(compile_spec(R"({"after_line_ends":true,"regex":"ab"})"));
  for (const char* text : {"ab", "\nab", "\n\nab"}) EXPECT_TRUE(accepts(after, text));
  EXPECT_FALSE(accepts(after, "\n\n\nab"));
}

TEST(ToolGrammar, WhatIsNoSpecIsRefused) {
  for (const char* spec :
       {"", "[]", "{}", R"({"yaml":1})", R"({"regex":1})", R"({"choices":[]})", R"({"choices":[1]})", R"({"tools":{}})",
        R"({"tools":{"format":"xml","functions":[]}})", R"({"regex":"a","gbnf":"root ::= \"a\""})",
        R"({"tools":{"format":"hermes","functions":[{"name":"f"}]}})",
        R"({"tools":{"format":"hermes","functions":[{"name":"f","parameters":{}}],"answer":{"tools":{}}}})"}) {
    EXPECT_FALSE(compile_spec(spec).ok()) << spec;
  }
}

}  // namespace
}  // namespace studio::engine::constrain
