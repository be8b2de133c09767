#include "api/ollama/parse.h"

#include <gtest/gtest.h>

namespace studio::api::ollama {
namespace {

std::string chat_with(const std::string& fields) {
  return R"({"model":"m","messages":[{"role":"user","content":"Hi"}])" + (fields.empty() ? "" : "," + fields) + "}";
}

// "param: message" of what is refused, or "".
template <typename Call>
std::string told(const Result<Call>& call) {
  return call.ok() ? "" : call.error().param() + ": " + call.error().message();
}

TEST(OllamaParse, AChatStreamsUnlessItSaysOtherwise) {
  auto call = parse_chat(chat_with(""));
  ASSERT_TRUE(call.ok()) << told(call);
  EXPECT_TRUE(call->generate.stream);
  EXPECT_EQ(call->generate.sampling.top_k, 20);
  EXPECT_FALSE(call->generate.max_completion_tokens.has_value());
  EXPECT_FALSE(parse_chat(chat_with(R"("stream":false)"))->generate.stream);
}

TEST(OllamaParse, EveryHonouredOptionArrives) {
  auto call = parse_chat(chat_with(R"("think":false,"options":{"temperature":0.5,"top_p":0.25,"top_k":3,"min_p":0.125,
      "seed":7,"num_predict":9,"num_ctx":2048,"stop":["A","B"],"presence_penalty":1,"frequency_penalty":-1,
      "repeat_penalty":1.5})"));
  ASSERT_TRUE(call.ok()) << told(call);
  const engine::SamplingParams& sampling = call->generate.sampling;
  EXPECT_FLOAT_EQ(sampling.temperature, 0.5f);
  EXPECT_FLOAT_EQ(sampling.top_p, 0.25f);
  EXPECT_FLOAT_EQ(sampling.min_p, 0.125f);
  EXPECT_FLOAT_EQ(sampling.presence_penalty, 1);
  EXPECT_FLOAT_EQ(sampling.frequency_penalty, -1);
  EXPECT_FLOAT_EQ(sampling.repetition_penalty, 1.5f);
  EXPECT_EQ(sampling.top_k, 3);
  EXPECT_EQ(sampling.seed, 7u);
  EXPECT_EQ(call->generate.max_completion_tokens, 9);
  EXPECT_EQ(call->generate.num_ctx, 2048);
  EXPECT_EQ(call->generate.stop, (std::vector<std::string>{"A", "B"}));
  EXPECT_EQ(call->prompt.enable_thinking, false);
}

TEST(OllamaParse, NoLimitIsTheContextsEnd) {
  for (const char* none : {"-1", "-2"}) {
    auto call = parse_chat(chat_with(std::string(R"("options":{"num_predict":)") + none + "}"));
    ASSERT_TRUE(call.ok()) << told(call);
    EXPECT_TRUE(call->generate.fills_context);
    EXPECT_FALSE(call->generate.max_completion_tokens.has_value());
  }
}

TEST(OllamaParse, WhatHasNoEffectIsNamed) {
  auto call = parse_chat(chat_with(R"("keep_alive":"5m","options":{"num_thread":4,"use_mmap":true})"));
  ASSERT_TRUE(call.ok()) << told(call);
  EXPECT_EQ(call->generate.ignored, (std::vector<std::string>{"keep_alive", "options.num_thread", "options.use_mmap"}));
  EXPECT_TRUE(parse_chat(chat_with(R"("keep_alive":-1)")).ok());
}

TEST(OllamaParse, MessagesMayBeNone) {
  EXPECT_TRUE(parse_chat(R"({"model":"m"})")->prompt.messages.empty());
  EXPECT_TRUE(parse_chat(R"({"model":"m","messages":[]})")->prompt.messages.empty());
}

TEST(OllamaParse, ALastMessageOfTheAssistantIsContinued) {
  auto call =
      parse_chat(R"({"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]})");
  ASSERT_TRUE(call.ok());
  EXPECT_TRUE(call->prompt.is_partial);
}

TEST(OllamaParse, RefusalsNameTheField) {
  const std::pair<std::string, const char*> cases[] = {
      {R"({"messages":[]})", "model: "},
      {R"({"model":"m","messages":"x"})", "messages: "},
      {R"({"model":"m","messages":["x"]})", "messages[0]: "},
      {R"({"model":"m","messages":[{"content":"x"}]})", "messages[0].role: "},
      {R"({"model":"m","messages":[{"role":"user","content":"x","images":["aa"]}]})", "messages[0].images: "},
      {R"({"model":"m","messages":[{"role":"user","content":"x","thinking":"y"}]})", "messages[0].thinking: "},
      {chat_with(R"("think":"high")"), "think: "},
      {chat_with(R"("think":1)"), "think: "},
      {chat_with(R"("format":"xml")"), "format: "},
      {chat_with(R"("top_logprobs":2)"), "top_logprobs: "},
      {chat_with(R"("tools":[{}])"), "tools[0].function: "},
      {chat_with(R"("options":{"temperature":2})"), "options.temperature: "},
      {chat_with(R"("options":{"num_predict":0})"), "options.num_predict: "},
      {chat_with(R"("options":{"mirostat":1})"), "options.mirostat: "},
      {chat_with(R"("options":{"stop":[""]})"), "options.stop[0]: "},
      {chat_with(R"("options":{"stop":7})"), "options.stop: "},
      {chat_with(R"("options":{"temprature":1})"), "options.temprature: "},
      {chat_with(R"("option":{})"), "option: "},
  };
  for (const auto& [body, start] : cases) {
    EXPECT_TRUE(told(parse_chat(body)).starts_with(start)) << body << "\n" << told(parse_chat(body));
  }
}

TEST(OllamaParse, APromptIsTemplatedRawOrFilledIn) {
  auto plain = parse_completion(R"({"model":"m","prompt":"p","system":"s","think":true})");
  ASSERT_TRUE(plain.ok()) << told(plain);
  EXPECT_EQ(plain->system, "s");
  EXPECT_TRUE(parse_completion(R"({"model":"m","prompt":"p","raw":true,"system":"","suffix":""})").ok())
      << "empty texts are what some clients send for none";
  EXPECT_EQ(parse_completion(R"({"model":"m","prompt":"p","suffix":"q"})")->suffix, "q");
  EXPECT_TRUE(told(parse_completion(R"({"model":"m","prompt":"p","raw":true,"system":"s"})")).starts_with("system: "));
  EXPECT_TRUE(told(parse_completion(R"({"model":"m","prompt":"p","raw":true,"suffix":"s"})")).starts_with("suffix: "));
  EXPECT_TRUE(told(parse_completion(R"({"model":"m","suffix":"p","think":true})")).starts_with("think: "));
  EXPECT_TRUE(told(parse_completion(R"({"model":"m","prompt":"p","template":"{{.}}"})")).starts_with("template: "));
}

TEST(OllamaParse, AModelIsShownByEitherName) {
  EXPECT_EQ(*parse_show(R"({"model":"m"})"), "m");
  EXPECT_EQ(*parse_show(R"({"name":"m"})"), "m");
  EXPECT_FALSE(parse_show(R"({"name":""})").ok());
  EXPECT_FALSE(parse_show("{}").ok());
}

}  // namespace
}  // namespace studio::api::ollama
