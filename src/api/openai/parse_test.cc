#include "api/openai/parse.h"

#include <gtest/gtest.h>

namespace studio::api::openai {
namespace {

std::string chat(const std::string& more) {
  return R"({"model":"m","messages":[{"role":"user","content":"Hi"}])" + (more.empty() ? "" : "," + more) + "}";
}

TEST(ParseChat, ReadsEveryHonouredField) {
  auto call =
      parse_chat(chat(R"("stream":true,"stream_options":{"include_usage":true},"temperature":0.5,"top_p":0.9,"top_k":7,
    "min_p":0.1,"presence_penalty":-1,"frequency_penalty":1,"repetition_penalty":1.2,"logit_bias":{"5":-3.5},"seed":-4,
    "stop":["a","b"],"n":3,"max_tokens":10,"max_completion_tokens":20,"logprobs":true,"top_logprobs":4,"enable_thinking":true,
    "thinking_budget":9,"ignore_eos":true)"));
  ASSERT_TRUE(call.ok()) << call.error().message();
  const GenerateCall& generate = call->generate;
  const engine::SamplingParams& sampling = generate.sampling;
  EXPECT_TRUE(generate.stream && generate.include_usage && generate.ignore_eos);
  EXPECT_FLOAT_EQ(sampling.temperature, 0.5f);
  EXPECT_FLOAT_EQ(sampling.top_p, 0.9f);
  EXPECT_EQ(sampling.top_k, 7);
  EXPECT_FLOAT_EQ(sampling.min_p, 0.1f);
  EXPECT_FLOAT_EQ(sampling.presence_penalty, -1);
  EXPECT_FLOAT_EQ(sampling.frequency_penalty, 1);
  EXPECT_FLOAT_EQ(sampling.repetition_penalty, 1.2f);
  EXPECT_EQ(sampling.logit_bias, (std::vector<std::pair<engine::TokenId, float>>{{5, -3.5f}}));
  EXPECT_EQ(sampling.seed, static_cast<uint64_t>(-4));
  EXPECT_EQ(generate.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(generate.n, 3);
  EXPECT_EQ(generate.max_tokens, 10);
  EXPECT_EQ(generate.max_completion_tokens, 20);
  EXPECT_TRUE(sampling.logprobs);
  EXPECT_EQ(sampling.top_logprobs, 4);
  EXPECT_EQ(call->prompt.enable_thinking, true);
  EXPECT_EQ(call->prompt.thinking_budget, 9);
}

TEST(ParseChat, ReadsAnEffortAsABudget) {
  EXPECT_EQ(parse_chat(chat(R"("reasoning_effort":"low")"))->prompt.thinking_budget, 1024);
  EXPECT_EQ(parse_chat(chat(R"("reasoning_effort":"none")"))->prompt.enable_thinking, false);
  EXPECT_FALSE(parse_chat(chat(R"("reasoning_effort":"max","enable_thinking":true)"))->prompt.thinking_budget);
  EXPECT_FALSE(parse_chat(chat(R"("reasoning_effort":"none","enable_thinking":true)")).ok());
  EXPECT_FALSE(parse_chat(chat(R"("reasoning_effort":"low","thinking_budget":7)")).ok());
  EXPECT_FALSE(parse_chat(chat(R"("reasoning_effort":"Low")")).ok());
}

TEST(ParseChat, NotesMarksByMessageAndByte) {
  auto call = parse_chat(R"({"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":[
    {"type":"text","text":"水"},{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}},
    {"type":"text","text":"b"}]}]})");
  ASSERT_TRUE(call.ok()) << call.error().message();
  ASSERT_EQ(call->prompt.cache_marks.size(), 1u);
  EXPECT_EQ(call->prompt.cache_marks[0].message, 1u);
  EXPECT_EQ(call->prompt.cache_marks[0].offset, 4u);
  EXPECT_EQ(call->generate.ignored, std::vector<std::string>{"messages[].content[].cache_control.ttl"});
}

TEST(ParseCompletion, TakesNoTokensWithAnEchoAlone) {
  const auto completion = [](const std::string& more) {
    return parse_completion(R"({"model":"m","prompt":"x",)" + more + "}");
  };
  EXPECT_EQ(completion(R"("echo":true,"max_tokens":0)")->generate.max_tokens, 0);
  EXPECT_FALSE(completion(R"("max_tokens":0)").ok());
  EXPECT_FALSE(completion(R"("echo":false,"max_tokens":0)").ok());
  EXPECT_EQ(completion(R"("echo":true,"suffix":"y")").error().param(), "echo");
}

TEST(ParseChat, HasTheHostedModelsDefaults) {
  auto call = parse_chat(chat(""));
  ASSERT_TRUE(call.ok());
  EXPECT_FLOAT_EQ(call->generate.sampling.temperature, kDefaultTemperature);
  EXPECT_EQ(call->generate.sampling.top_k, kDefaultTopK);
  EXPECT_FALSE(call->generate.max_tokens || call->generate.max_completion_tokens || call->prompt.enable_thinking);
  EXPECT_FALSE(call->generate.has_seed);
}

TEST(ParseChat, TakesStopInEachOfItsForms) {
  EXPECT_EQ(parse_chat(chat(R"("stop":"x")"))->generate.stop, std::vector<std::string>{"x"});
  EXPECT_EQ(parse_chat(chat(R"("stop":[1,2])"))->generate.stop_ids, (std::vector<engine::TokenId>{1, 2}));
  EXPECT_EQ(parse_chat(chat(R"("stop":[[1],[2]])"))->generate.stop_ids, (std::vector<engine::TokenId>{1, 2}));
  EXPECT_FALSE(parse_chat(chat(R"("stop":[[1,2]])")).ok());
}

TEST(ParseChat, ListsWhatHasNoEffect) {
  auto call = parse_chat(chat(R"("user":"u","metadata":{},"safety_identifier":null)"));
  ASSERT_TRUE(call.ok());
  EXPECT_EQ(call->generate.ignored, (std::vector<std::string>{"user", "metadata"}));
}

TEST(ParseChat, NamesTheFirstFault) {
  auto wrong = parse_chat(R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":5}]}]})");
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().param(), "messages[0].content[0].text");
  EXPECT_EQ(wrong.error().code(), Code::kInvalidArgument);
}

TEST(ParseChat, WhatIsNotBuiltIsUnimplemented) {
  auto audio = parse_chat(chat(R"("audio":{"voice":"x"})"));
  ASSERT_FALSE(audio.ok());
  EXPECT_EQ(audio.error().code(), Code::kUnimplemented);
  EXPECT_EQ(audio.error().param(), "audio");
}

TEST(ParseCompletion, TakesPromptsInEachOfTheirForms) {
  auto prompts = [](const std::string& prompt) {
    auto call = parse_completion(R"({"model":"m","prompt":)" + prompt + "}");
    return call.ok() ? call->prompts.size() : 0;
  };
  EXPECT_EQ(prompts(R"("x")"), 1u);
  EXPECT_EQ(prompts(R"(["x","y"])"), 2u);
  EXPECT_EQ(prompts("[1,2,3]"), 1u);
  EXPECT_EQ(prompts("[[1,2],[3]]"), 2u);
  EXPECT_EQ(prompts("[1,\"x\"]"), 0u);
  EXPECT_EQ(prompts("[1.5]"), 0u);
  EXPECT_EQ(prompts("[[]]"), 0u);
  EXPECT_EQ(prompts("{}"), 0u);
}

TEST(ParseTokenize, WantsTextOrMessages) {
  EXPECT_TRUE(parse_tokenize(R"({"model":"m","text":""})").ok());
  EXPECT_TRUE(parse_tokenize(R"({"model":"m","messages":[{"role":"user","content":"x"}]})").ok());
  EXPECT_FALSE(parse_tokenize(R"({"model":"m"})").ok());
}

}  // namespace
}  // namespace studio::api::openai
