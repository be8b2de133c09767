#include "api/dashscope/parse.h"

#include <gtest/gtest.h>

namespace studio::api::dashscope {
namespace {

std::string with(const std::string& parameters) {
  return R"({"model":"m","input":{"messages":[{"role":"user","content":"Hi"}]},"parameters":{)" + parameters + "}}";
}

std::string with_input(const std::string& input) {
  return R"({"model":"m","input":)" + input + "}";
}

// "param: message" of what is refused, or "".
std::string refused(const std::string& body) {
  auto call = parse_generation(body);
  return call.ok() ? "" : call.error().param() + ": " + call.error().message();
}

TEST(DashscopeParse, AShortRequestHasTheDefaultsOfTheHostedModels) {
  auto call = parse_generation(with_input(R"({"messages":[{"role":"user","content":"Hi"}]})"));
  ASSERT_TRUE(call.ok()) << call.error().message();
  EXPECT_EQ(call->generate.sampling.top_k, 20);
  EXPECT_EQ(call->generate.n, 1);
  EXPECT_FALSE(call->result_format.has_value());
  EXPECT_FALSE(call->is_incremental);
}

TEST(DashscopeParse, EveryHonouredParameterArrives) {
  auto call = parse_generation(with(R"("result_format":"message","incremental_output":true,"temperature":0.5,
      "top_p":0.25,"top_k":3,"min_p":0.125,"repetition_penalty":1.5,"presence_penalty":1,"frequency_penalty":-1,
      "seed":7,"stop":[[5],6],"n":2,"max_tokens":9,"enable_thinking":true,"thinking_budget":11,
      "logprobs":true,"top_logprobs":4)"));
  ASSERT_TRUE(call.ok()) << call.error().message();
  const engine::SamplingParams& sampling = call->generate.sampling;
  EXPECT_EQ(call->result_format, ResultFormat::kMessage);
  EXPECT_TRUE(call->is_incremental);
  EXPECT_FLOAT_EQ(sampling.temperature, 0.5f);
  EXPECT_FLOAT_EQ(sampling.top_p, 0.25f);
  EXPECT_EQ(sampling.top_k, 3);
  EXPECT_FLOAT_EQ(sampling.min_p, 0.125f);
  EXPECT_FLOAT_EQ(sampling.repetition_penalty, 1.5f);
  EXPECT_FLOAT_EQ(sampling.presence_penalty, 1);
  EXPECT_FLOAT_EQ(sampling.frequency_penalty, -1);
  EXPECT_EQ(sampling.seed, 7u);
  EXPECT_EQ(call->generate.stop_ids, (std::vector<engine::TokenId>{5, 6}));
  EXPECT_EQ(call->generate.n, 2);
  EXPECT_EQ(call->generate.max_tokens, 9);
  EXPECT_EQ(call->prompt.enable_thinking, true);
  EXPECT_EQ(call->prompt.thinking_budget, 11);
  EXPECT_TRUE(sampling.logprobs);
  EXPECT_EQ(sampling.top_logprobs, 4);
}

TEST(DashscopeParse, APromptWithItsHistoryIsAConversation) {
  auto call = parse_generation(with_input(R"({"prompt":"c","history":[{"user":"a","bot":"b"}]})"));
  ASSERT_TRUE(call.ok()) << call.error().message();
  ASSERT_EQ(call->prompt.messages.size(), 3u);
  EXPECT_EQ(call->prompt.messages[1].role, "assistant");
  EXPECT_EQ(call->prompt.messages[1].content, "b");
  EXPECT_EQ(call->prompt.messages[2].content, "c");
}

TEST(DashscopeParse, PartsOfTextAreJoined) {
  auto call = parse_generation(with_input(
      R"({"messages":[{"role":"user","content":[{"text":"a"},{"type":"text","text":"b","cache_control":{"type":"ephemeral"}}]}]})"));
  ASSERT_TRUE(call.ok()) << call.error().message();
  EXPECT_EQ(call->prompt.messages[0].content, "ab");
  EXPECT_TRUE(call->generate.ignored.empty());
}

TEST(DashscopeParse, RefusalsNameTheField) {
  const std::pair<std::string, const char*> cases[] = {
      {R"({"input":{"prompt":"x"}})", "model: "},
      {R"({"model":"m"})", "input: "},
      {with_input("{}"), "input.messages: "},
      {with_input(R"({"messages":[]})"), "input.messages: "},
      {with_input(R"({"messages":["x"]})"), "input.messages[0]: "},
      {with_input(R"({"prompt":"x","messages":[{"role":"user","content":"x"}]})"), "input.prompt: "},
      {with_input(R"({"prompt":""})"), "input.prompt: "},
      {with_input(R"({"prompt":"x","history":["y"]})"), "input.history[0]: "},
      {with_input(R"({"messages":[{"role":"tool","content":"x"}]})"), "input.messages[0]: "},
      {with_input(R"({"messages":[{"role":"user"}]})"), "input.messages[0].content: "},
      {with_input(R"({"messages":[{"role":"user","content":[{"image":"x"}]}]})"),
       "input.messages[0].content[0].image: "},
      {with_input(R"({"messages":[{"role":"user","content":[{}]}]})"), "input.messages[0].content[0].text: "},
      {with(R"("result_format":"xml")"), "parameters.result_format: "},
      {with(R"("result_format":"text","enable_thinking":true)"), "parameters.result_format: "},
      {with(R"("result_format":"text","n":2)"), "parameters.n: "},
      {with(R"("temperature":2)"), "parameters.temperature: "},
      {with(R"("top_logprobs":2)"), "parameters.top_logprobs: "},
      {with(R"("result_format":"text","logprobs":true)"), "parameters.result_format: "},
      {with(R"("seed":-1)"), "parameters.seed: "},
      {with(R"("stop":["a",5])"), "parameters.stop: "},
      {with(R"("tools":[{}])"), "parameters.tools[0].function: "},
      {with(R"("enable_search":true)"), "parameters.enable_search: "},
      {with(R"("max_token":5)"), "parameters.max_token: "},
  };
  for (const auto& [body, start] : cases) {
    EXPECT_TRUE(refused(body).starts_with(start)) << body << "\n" << refused(body);
  }
}

TEST(DashscopeParse, TheTokenizerTakesTextOrMessages) {
  EXPECT_EQ(parse_tokenizer(with_input(R"({"prompt":"x"})"))->text, "x");
  EXPECT_EQ(parse_tokenizer(with_input(R"({"messages":[{"role":"user","content":"x"}]})"))->prompt.messages.size(), 1u);
  EXPECT_FALSE(parse_tokenizer(with(R"("temperature":1)")).ok());
}

TEST(DashscopeParse, ATaskReadsAFileOfOurs) {
  const EmbeddingTask task = parse_embedding_task(R"({"model":"m","input":{"url":"file-fe-1"},)"
                                                  R"("parameters":{"text_type":"query","dimension":64},)"
                                                  R"("allow_degraded":true,"task":"text-embedding"})")
                                 .value();
  EXPECT_EQ(task.url, "file-fe-1");
  EXPECT_TRUE(task.is_query && task.may_cut && task.items.empty());
  EXPECT_EQ(task.dimensions, 64);
  EXPECT_EQ(task.ignored, std::vector<std::string>{"task"});
  EXPECT_EQ(task.parameters, R"({"text_type":"query","dimension":64})");
  for (const char* url : {"", "https://example.com/a.txt", "http://127.0.0.1:8080/v1/files/x", "oss://bucket/a.txt",
                          "file:///etc/passwd", "//host/a", "../../key", "HTTP:example"}) {
    const auto refused = parse_embedding_task(R"({"model":"m","input":{"url":")" + std::string(url) + "\"}}");
    ASSERT_FALSE(refused.ok()) << url;
    EXPECT_EQ(refused.error().param(), "input.url") << url;
  }
  EXPECT_EQ(parse_embedding_task(R"({"model":"m","input":{"texts":["a"]}})").error().param(), "input.texts");
  EXPECT_EQ(parse_embedding(R"({"model":"m","input":{"url":"a"}})").error().param(), "input.url");
}

bool has(const std::string& text, const char* words) {
  return text.find(words) != std::string::npos;
}

TEST(DashscopeParse, WhatEncodersDoNotKnowIsNamedWithTheNearest) {
  const auto refused = [](const auto& call) { return call.ok() ? std::string() : call.error().message(); };
  EXPECT_TRUE(has(refused(parse_embedding(R"({"model":"m","input":{"texts":["a"]},"parameters":{"dimensions":4}})")),
                  "did you mean 'dimension'"));
  EXPECT_TRUE(has(refused(parse_embedding_task(R"({"model":"m","input":{"url":"f"},"parameters":{"instrct":"a"}})")),
                  "did you mean 'instruct'"));
  EXPECT_TRUE(
      has(refused(parse_rerank(R"({"model":"m","input":{"query":"q","documents":["a"]},"parameters":{"topn":1}})")),
          "did you mean 'top_n'"));
  EXPECT_TRUE(refused(parse_rerank(R"({"model":"m","input":{"query":"q","documents":[{"image":"a"}]}})"))
                  .starts_with("input.documents[0].image is not supported"));
}

TEST(DashscopeParse, EncodersLeaveOutWhatTheyDoNotKnowWhereThatIsAllowed) {
  const auto task = parse_embedding_task(R"({"model":"m","input":{"url":"f"},)"
                                         R"("parameters":{"dimensions":4,"allow_degraded":true}})");
  ASSERT_TRUE(task.ok()) << task.error().message();
  EXPECT_EQ(task->degraded, std::vector<std::string>{"parameters.dimensions"});
  EXPECT_EQ(task->parameters, R"({"allow_degraded":true})");  // what each text is asked with
  const auto rank = parse_rerank(R"({"model":"m","input":{"query":"q","documents":[{"text":"a","image":"b"}]},)"
                                 R"("allow_degraded":true})");
  ASSERT_TRUE(rank.ok()) << rank.error().message();
  EXPECT_EQ(rank->degraded, std::vector<std::string>{"input.documents[0].image"});
  EXPECT_EQ(rank->documents, std::vector<std::string>{"a"});
}

}  // namespace
}  // namespace studio::api::dashscope
