#include "api/anthropic/parse.h"

#include <gtest/gtest.h>

namespace studio::api::anthropic {
namespace {

std::string with(const std::string& fields) {
  return R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"}])" +
         (fields.empty() ? "" : "," + fields) + "}";
}

std::string with_messages(const std::string& messages) {
  return R"({"model":"m","max_tokens":9,"messages":)" + messages + "}";
}

// "param: message" of what is refused, or "".
std::string refused(const std::string& body) {
  auto call = parse_messages(body);
  return call.ok() ? "" : call.error().param() + ": " + call.error().message();
}

TEST(AnthropicParse, AShortRequestHasTheDefaultsOfTheHostedModels) {
  auto call = parse_messages(with(""));
  ASSERT_TRUE(call.ok()) << call.error().message();
  EXPECT_EQ(call->generate.model, "m");
  EXPECT_EQ(call->generate.max_tokens, 9);
  EXPECT_FALSE(call->generate.stream);
  EXPECT_EQ(call->generate.sampling.top_k, 20);
  EXPECT_FLOAT_EQ(call->generate.sampling.temperature, 0.7f);
  ASSERT_EQ(call->prompt.messages.size(), 1u);
  EXPECT_EQ(call->prompt.messages[0].content, "Hi");
  EXPECT_FALSE(call->prompt.enable_thinking.has_value());
}

TEST(AnthropicParse, EveryHonouredFieldArrives) {
  auto call = parse_messages(with(R"("stream":true,"temperature":0.5,"top_p":0.25,"top_k":3,"stop_sequences":["A","B"],
      "system":[{"type":"text","text":"Be "},{"type":"text","text":"short."}],
      "thinking":{"type":"enabled","budget_tokens":2048})"));
  ASSERT_TRUE(call.ok()) << call.error().message();
  EXPECT_TRUE(call->generate.stream);
  EXPECT_FLOAT_EQ(call->generate.sampling.temperature, 0.5f);
  EXPECT_FLOAT_EQ(call->generate.sampling.top_p, 0.25f);
  EXPECT_EQ(call->generate.sampling.top_k, 3);
  EXPECT_EQ(call->generate.stop, (std::vector<std::string>{"A", "B"}));
  EXPECT_EQ(call->prompt.messages[0].role, "system");
  EXPECT_EQ(call->prompt.messages[0].content, "Be short.");
  EXPECT_EQ(call->prompt.enable_thinking, true);
  EXPECT_EQ(call->prompt.thinking_budget, 2048);
}

TEST(AnthropicParse, BlocksBecomeTextAndThinking) {
  auto call = parse_messages(with_messages(R"([{"role":"user","content":[{"type":"text","text":"a"},
      {"type":"text","text":"b","cache_control":{"type":"ephemeral"}}]},
      {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":""},{"type":"text","text":"c"}]},
      {"role":"user","content":"d"}])"));
  ASSERT_TRUE(call.ok()) << call.error().message();
  EXPECT_EQ(call->prompt.messages[0].content, "ab");
  EXPECT_EQ(call->prompt.messages[1].reasoning_content, "hm");
  EXPECT_EQ(call->prompt.messages[1].content, "c");
  EXPECT_FALSE(call->prompt.is_partial);
  EXPECT_EQ(call->generate.ignored, std::vector<std::string>{"messages[].content[].signature"});
  ASSERT_EQ(call->prompt.cache_marks.size(), 1u);
  EXPECT_EQ(call->prompt.cache_marks[0].message, 0u);
  EXPECT_EQ(call->prompt.cache_marks[0].offset, 2u);
}

// Results stand before what is said to them, tools behind the system's first words, the request's own mark at the end.
TEST(AnthropicParse, MarksAreAtTheMessagesThatBlocksBecome) {
  const std::string mark = R"("cache_control":{"type":"ephemeral"})";
  auto call = parse_messages(R"({"model":"m","max_tokens":9,"system":[{"type":"text","text":"Be brief."}],)" + mark +
                             R"(,"tools":[{"name":"f","input_schema":{"type":"object"},)" + mark +
                             R"(}],"messages":[{"role":"user","content":"a"},
      {"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{}}]},
      {"role":"user","content":[{"type":"text","text":"bc",)" +
                             mark + R"(},{"type":"tool_result","tool_use_id":"1","content":"red",)" + mark + "}]}]}");
  ASSERT_TRUE(call.ok()) << call.error().message();
  std::vector<std::pair<size_t, size_t>> found;
  for (const auto& each : call->prompt.cache_marks) found.emplace_back(each.message, each.offset);
  // system, user, assistant, tool, user
  EXPECT_EQ(found, (std::vector<std::pair<size_t, size_t>>{{4, 2}, {3, 3}, {1, 0}, {5, 0}}));
}

TEST(AnthropicParse, AFifthMarkIsRefused) {
  std::string blocks;
  for (int i = 0; i < 5; ++i) {
    blocks += std::string(i > 0 ? "," : "") + R"({"type":"text","text":"x","cache_control":{"type":"ephemeral"}})";
  }
  EXPECT_EQ(refused(with_messages(R"([{"role":"user","content":[)" + blocks + "]}]")).substr(0, 39),
            "messages[0].content[4].cache_control: m");
  EXPECT_EQ(refused(with(R"("cache_control":{"type":"x"})")).substr(0, 20), "cache_control.type: ");
}

TEST(AnthropicParse, ALastMessageOfTheAssistantIsContinued) {
  const std::string begun = R"([{"role":"user","content":"Hi"},{"role":"assistant","content":"He)";
  auto call = parse_messages(with_messages(begun + "llo\"}]"));
  ASSERT_TRUE(call.ok());
  EXPECT_TRUE(call->prompt.is_partial);
  EXPECT_NE(refused(R"({"model":"m","max_tokens":9,"thinking":{"type":"enabled"},"messages":)" + begun + "\"}]}"), "");
}

TEST(AnthropicParse, TheSystemMaySpeakInTheMidst) {
  auto call = parse_messages(with_messages(R"([{"role":"user","content":"a"},
      {"role":"system","content":[{"type":"text","text":"b","cache_control":{"type":"ephemeral"}}]}])"));
  ASSERT_TRUE(call.ok()) << call.error().message();
  ASSERT_EQ(call->prompt.messages.size(), 2u);
  EXPECT_EQ(call->prompt.messages[1].role, "system");
  EXPECT_EQ(call->prompt.messages[1].content, "b");
  EXPECT_FALSE(call->prompt.is_partial);
  EXPECT_NE(refused(with_messages(R"([{"role":"user","content":"a"},
      {"role":"system","content":[{"type":"tool_result","tool_use_id":"t","content":"x"}]}])")),
            "");
}

TEST(AnthropicParse, ThinkingMayBeKeptFromTheAnswer) {
  EXPECT_TRUE(parse_messages(with(R"("thinking":{"type":"adaptive"})"))->thinking.is_told);
  EXPECT_TRUE(parse_messages(with(R"("thinking":{"type":"adaptive","display":"summarized"})"))->thinking.is_told);
  EXPECT_FALSE(parse_messages(with(R"("thinking":{"type":"adaptive","display":"omitted"})"))->thinking.is_told);
  EXPECT_TRUE(parse_messages(with(R"("thinking":{"type":"adaptive"})"))->thinking.is_adaptive);
  EXPECT_FALSE(parse_messages(with(R"("thinking":{"type":"enabled"})"))->thinking.is_adaptive);
}

TEST(AnthropicParse, WhatAsksForNothingIsTaken) {
  EXPECT_EQ(refused(with(R"("output_config":{"effort":"high"})")), "");
  EXPECT_EQ(refused(with(R"("context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]})")), "");
  const std::string clears = R"("context_management":{"edits":[{"type":"clear_thinking_20251015"}]})";
  EXPECT_TRUE(refused(with(clears)).starts_with("context_management: "));
}

TEST(AnthropicParse, AnEffortIsABudgetOfThinking) {
  const auto asked = [](const std::string& word, const std::string& more = "") {
    return parse_messages(with(R"("output_config":{"effort":")" + word + "\"}" + more)).value();
  };
  const std::pair<const char*, std::optional<int>> budgets[] = {
      {"low", 1024}, {"medium", 4096}, {"xhigh", {}}, {"max", {}}};
  for (const auto& [word, budget] : budgets) {
    const MessagesCall call = asked(word);
    EXPECT_EQ(call.prompt.enable_thinking, true) << word;
    EXPECT_EQ(call.prompt.thinking_budget, budget) << word;
    EXPECT_TRUE(call.thinking.has_effort && call.generate.ignored.empty()) << word;
    EXPECT_FALSE(call.thinking.is_adaptive) << word;
  }
  EXPECT_TRUE(asked("low", R"(,"thinking":{"type":"adaptive"})").thinking.is_adaptive);
}

TEST(AnthropicParse, TheUsualEffortAsksForNothing) {
  const std::string others[] = {R"("thinking":{"type":"disabled"})", R"("thinking":{"type":"adaptive"})",
                                R"("thinking":{"type":"enabled","budget_tokens":9})", R"("temperature":1)"};
  for (const std::string& other : others) {
    const auto usual = parse_messages(with(other + R"(,"output_config":{"effort":"high"})"));
    const auto plain = parse_messages(with(other));
    EXPECT_EQ(usual->generate.ignored, std::vector<std::string>{"output_config.effort"});
    EXPECT_EQ(usual->prompt.enable_thinking, plain->prompt.enable_thinking) << other;
    EXPECT_EQ(usual->prompt.thinking_budget, plain->prompt.thinking_budget) << other;
    EXPECT_FALSE(usual->thinking.has_effort) << other;
    EXPECT_EQ(usual->thinking.is_adaptive, plain->thinking.is_adaptive) << other;
  }
}

TEST(AnthropicParse, AnEffortIsNoSecondWordOnThinking) {
  const std::string others[] = {R"("thinking":{"type":"disabled"})",
                                R"("thinking":{"type":"enabled","budget_tokens":9})"};
  for (const std::string& other : others) {
    EXPECT_TRUE(refused(with(other + R"(,"output_config":{"effort":"low"})")).starts_with("output_config.effort: "));
  }
  for (const char* word : {"none", "minimal", "much", ""}) {
    const std::string why = refused(with(R"("output_config":{"effort":")" + std::string(word) + "\"}"));
    EXPECT_TRUE(why.starts_with("output_config.effort: ")) << word << ": " << why;
    EXPECT_TRUE(why.find("must be low, medium, high, xhigh or max") != std::string::npos) << word << ": " << why;
  }
  EXPECT_NE(refused(with(R"("reasoning_effort":"low")")).find("say output_config.effort"), std::string::npos);
}

TEST(AnthropicParse, WhatHasNoEffectIsNamed) {
  auto call = parse_messages(with(R"("metadata":{"user_id":"u"},"service_tier":"auto")"));
  ASSERT_TRUE(call.ok());
  EXPECT_EQ(call->generate.ignored, (std::vector<std::string>{"metadata", "service_tier"}));
  EXPECT_NE(refused(with(R"("metadata":"u")")), "");
}

TEST(AnthropicParse, RefusalsNameTheField) {
  const std::pair<std::string, const char*> cases[] = {
      {R"({"messages":[],"max_tokens":1})", "model: "},
      {R"({"model":"m","messages":[{"role":"user","content":"x"}]})", "max_tokens: "},
      {R"({"model":"m","max_tokens":0,"messages":[{"role":"user","content":"x"}]})", "max_tokens: "},
      {with_messages("[]"), "messages: "},
      {with_messages(R"([{"role":"system","content":"x"}])"), "messages[0].role: "},
      {with_messages(R"([{"role":"user"}])"), "messages[0].content: "},
      {with_messages(R"([{"role":"user","content":[{"type":"image","source":{}}]}])"), "messages[0].content[0].type: "},
      {with_messages(R"([{"role":"user","content":[{"type":"thinking","thinking":"x"}]}])"),
       "messages[0].content[0].type: "},
      {with_messages(R"([{"role":"user","content":[{"type":"text"}]}])"), "messages[0].content[0].text: "},
      {with_messages(R"(["x"])"), "messages[0]: "},
      {with(R"("temperature":2)"), "temperature: "},
      {with(R"("top_k":-1)"), "top_k: "},
      {with(R"("stop_sequences":[""])"), "stop_sequences[0]: "},
      {with(R"("stop_sequences":"x")"), "stop_sequences: "},
      {with(R"("system":7)"), "system: "},
      {with(R"("tools":[{"name":"f"}])"), "tools[0].input_schema: "},
      {with(R"("thinking":{"type":"often"})"), "thinking.type: "},
      {with(R"("thinking":{"type":"disabled","budget_tokens":9})"), "thinking.budget_tokens: "},
      {with(R"("thinking":{})"), "thinking.type: "},
      {with(R"("thinking":{"type":"enabled","display":"whole"})"), "thinking.display: "},
      {with(R"("max_token":9)"), "max_token: "},
  };
  for (const auto& [body, start] : cases) {
    EXPECT_TRUE(refused(body).starts_with(start)) << body << "\n" << refused(body);
  }
  EXPECT_NE(refused(with(R"("max_token":9)")).find("max_tokens"), std::string::npos) << "the nearest name";
}

TEST(AnthropicParse, AFaultBeforeTheMessagesLeavesThemUnread) {
  EXPECT_TRUE(
      refused(R"({"model":"m","max_tokens":9,"messages":["x"],"mcp_servers":[{}]})").starts_with("mcp_servers: "));
  EXPECT_TRUE(refused(R"({"max_tokens":9,"messages":[{"role":"user","content":"x"}]})").starts_with("model: "));
}

TEST(AnthropicParse, CountingTakesWhatMakesThePrompt) {
  EXPECT_TRUE(parse_count(R"({"model":"m","system":"s","messages":[{"role":"user","content":"x"}]})").ok());
  EXPECT_FALSE(parse_count(R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}]})").ok());
}

}  // namespace
}  // namespace studio::api::anthropic
