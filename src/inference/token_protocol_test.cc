#include "inference/token_protocol.h"

#include <gtest/gtest.h>

#include <cmath>

namespace studio::inference {
namespace {

TokenRequest full_request() {
  TokenRequest request;
  request.request_id = "c308ef7f-0824-4c46-96eb-73566f062426#1";
  engine::SequenceRequest& sequence = request.sequence;
  sequence.prompt = {1, 2, 3};
  sequence.resume = {4, 5};
  sequence.stop_ids = {6};
  sequence.max_new_tokens = 7;
  sequence.sampling.temperature = 0.7f;
  sequence.sampling.top_k = 20;
  sequence.sampling.top_p = 0.8f;
  sequence.sampling.min_p = 0.05f;
  sequence.sampling.repetition_penalty = 1.1f;
  sequence.sampling.presence_penalty = -1.5f;
  sequence.sampling.frequency_penalty = 0.3f;
  sequence.sampling.logit_bias = {{9, -100.0f}, {10, 0.1f}};
  sequence.sampling.seed = 0xfedcba9876543210ull;
  sequence.sampling.stream = 3;
  sequence.sampling.logprobs = true;
  sequence.sampling.top_logprobs = 2;
  sequence.prefix_salt = 0xfedcba9876543210;
  sequence.public_tokens = 48;
  sequence.tenant = 0xfedcba9876543211;
  sequence.weight = 7;
  sequence.cache_marks = {1, 3};
  sequence.scores_prompt = true;
  sequence.adapter = std::string(63, 'a') + "0";
  sequence.forced_end = engine::ForcedEnd{.after_tokens = 4, .end_id = 11, .forced = {11, 12}};
  return request;
}

TEST(TokenProtocol, CarriesEveryFieldOfARequestToTheBit) {
  TokenRequest sent = full_request();
  auto got = decode_request(encode_request(sent));
  ASSERT_TRUE(got.ok()) << got.error().message();
  const auto& a = sent.sequence;
  const auto& b = got->sequence;
  EXPECT_EQ(got->request_id, sent.request_id);
  EXPECT_EQ(b.prompt, a.prompt);
  EXPECT_EQ(b.resume, a.resume);
  EXPECT_EQ(b.stop_ids, a.stop_ids);
  EXPECT_EQ(b.max_new_tokens, a.max_new_tokens);
  EXPECT_EQ(b.sampling.temperature, a.sampling.temperature);
  EXPECT_EQ(b.sampling.top_k, a.sampling.top_k);
  EXPECT_EQ(b.sampling.top_p, a.sampling.top_p);
  EXPECT_EQ(b.sampling.min_p, a.sampling.min_p);
  EXPECT_EQ(b.sampling.repetition_penalty, a.sampling.repetition_penalty);
  EXPECT_EQ(b.sampling.presence_penalty, a.sampling.presence_penalty);
  EXPECT_EQ(b.sampling.frequency_penalty, a.sampling.frequency_penalty);
  EXPECT_EQ(b.sampling.logit_bias, a.sampling.logit_bias);
  EXPECT_EQ(b.sampling.seed, a.sampling.seed);
  EXPECT_EQ(b.sampling.stream, a.sampling.stream);
  EXPECT_EQ(b.prefix_salt, a.prefix_salt);
  EXPECT_EQ(b.public_tokens, a.public_tokens);
  EXPECT_EQ(b.tenant, a.tenant);
  EXPECT_EQ(b.weight, a.weight);
  EXPECT_EQ(b.cache_marks, a.cache_marks);
  EXPECT_TRUE(b.scores_prompt);
  EXPECT_EQ(b.adapter, a.adapter);
  EXPECT_TRUE(b.sampling.logprobs);
  EXPECT_EQ(b.sampling.top_logprobs, 2);
  ASSERT_TRUE(b.forced_end.has_value());
  EXPECT_EQ(b.forced_end->after_tokens, 4);
  EXPECT_EQ(b.forced_end->end_id, 11);
  EXPECT_EQ(b.forced_end->forced, a.forced_end->forced);
  EXPECT_EQ(b.deadline, std::chrono::steady_clock::time_point::max());
}

TEST(TokenProtocol, CarriesWhatAPromptsTokensAreWorth) {
  engine::TokenEvent sent;
  sent.first_score = 17;
  sent.scores = {{-0.1f, {{3, -0.1f}, {4, -2.5f}}}, {-7.25f, {}}};
  const auto got = decode_frame(encode_event("r", sent));
  ASSERT_TRUE(got.ok() && got->events.size() == 1);
  const engine::TokenEvent& event = got->events.front();
  EXPECT_EQ(event.id, -1);
  EXPECT_EQ(event.finish, engine::FinishReason::kNone);
  EXPECT_EQ(event.first_score, 17);
  ASSERT_EQ(event.scores.size(), 2u);
  EXPECT_EQ(event.scores[0].logprob, -0.1f);
  ASSERT_EQ(event.scores[0].top_logprobs.size(), 2u);
  EXPECT_EQ(event.scores[0].top_logprobs[1].id, 4);
  EXPECT_EQ(event.scores[1].logprob, -7.25f);
  for (const char* bad :
       {R"({"choices":[{"prompt_position":0,"logprobs":{"token_logprobs":[-1]}}]})",
        R"({"choices":[{"prompt_position":1}]})", R"({"choices":[{"prompt_position":1,"logprobs":[]}]})",
        R"({"choices":[{"prompt_position":1,"logprobs":{"token_logprobs":["x"]}}]})"}) {
    EXPECT_FALSE(decode_frame(bad).ok()) << bad;
  }
}

TEST(TokenProtocol, CarriesWhatIsHeld) {
  engine::TokenEvent sent;
  sent.id = 1;
  sent.usage = {
      .prompt_tokens = 2000, .cached_tokens = 5, .generated_tokens = 1, .held_tokens = 1024, .newly_held_tokens = 16};
  const auto got = decode_frame(encode_event("r", sent));
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got->events.front().usage.held_tokens, 1024);
  EXPECT_EQ(got->events.front().usage.newly_held_tokens, 16);
}

TEST(TokenProtocol, CarriesDeadlinesAsTimeLeft) {
  TokenRequest sent = full_request();
  sent.sequence.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  auto got = decode_request(encode_request(sent));
  ASSERT_TRUE(got.ok());
  auto drift = got->sequence.deadline - sent.sequence.deadline;
  EXPECT_LT(std::chrono::abs(drift), std::chrono::milliseconds(50));
}

TEST(TokenProtocol, RefusesRequestsByTheFieldAtFault) {
  for (const auto& [body, field] : std::vector<std::pair<std::string, std::string>>{
           {R"({"stream":true,"max_tokens":1})", "prompt"},
           {R"({"stream":true,"max_tokens":1,"prompt":[]})", "prompt"},
           {R"({"stream":true,"max_tokens":1,"prompt":"text"})", "prompt"},
           {R"({"stream":true,"max_tokens":1,"prompt":[1.5]})", "prompt"},
           {R"({"stream":true,"max_tokens":1,"prompt":[-1]})", "prompt"},
           {R"({"stream":true,"max_tokens":1,"prompt":[2147483648]})", "prompt"},
           {R"({"stream":true,"prompt":[1]})", "max_tokens"},
           {R"({"stream":true,"prompt":[1],"max_tokens":0})", "max_tokens"},
           {R"({"stream":false,"prompt":[1],"max_tokens":1})", "stream"},
           {R"({"prompt":[1],"max_tokens":1})", "stream"},
           {R"({"stream":true,"prompt":[1],"max_tokens":1,"seed":-1})", "seed"},
           {R"({"stream":true,"prompt":[1],"max_tokens":1,"prefix_salt":"x"})", "prefix_salt"},
           {R"({"stream":true,"prompt":[1],"max_tokens":1,"public_tokens":-1})", "public_tokens"},
           {R"({"stream":true,"prompt":[1],"max_tokens":1,"tenant":-1})", "tenant"},
           {R"({"stream":true,"prompt":[1],"max_tokens":1,"weight":0})", "weight"},
           {R"({"stream":true,"prompt":[1],"max_tokens":1,"weight":101})", "weight"},
           {R"({"stream":true,"prompt":[1],"max_tokens":1,"adapter":"../x"})", "adapter"},
           {R"({"stream":true,"prompt":[1],"max_tokens":1,"adapter":7})", "adapter"},
           {R"({"stream":true,"prompt":[1],"max_tokens":1,"logprobs":21})", "logprobs"},
           {R"({"stream":true,"prompt":[1],"max_tokens":1,"logit_bias":{"a":1}})", "logit_bias"},
           {R"({"stream":true,"prompt":[1],"max_tokens":1,"forced_end":3})", "forced_end"},
           {R"({"stream":true,"prompt":[1],"max_tokens":1,"temperature":"hot"})", "temperature"},
           {R"({"stream":true,"prompt":[1],"max_tokens":1,"temperature":1e39})", "temperature"},
           {R"({"stream":true,"prompt":[1],"max_tokens":1,"logit_bias":{"1":-1e39}})", "logit_bias"},
           {R"({"stream":true,"prompt":[1],"max_tokens":1,"forced_end":{"after_tokens":1}})", "forced_end"},
           {R"({"stream":true,"prompt":[1],"max_tokens":1,"n":2})", "n"},
           {R"([1])", "body"}}) {
    auto got = decode_request(body);
    ASSERT_FALSE(got.ok()) << body;
    EXPECT_EQ(got.error().param(), field) << body;
  }
}

TEST(TokenProtocol, CarriesEvents) {
  engine::TokenEvent sent;
  sent.id = 42;
  sent.index = 0;
  sent.logprob = -0.1234567f;
  sent.top_logprobs = {{42, -0.1234567f}, {7, -3.25f}};
  sent.usage = {.prompt_tokens = 5, .cached_tokens = 2, .generated_tokens = 1};
  auto frame = decode_frame(encode_event("r", sent));
  ASSERT_TRUE(frame.ok());
  ASSERT_EQ(frame->events.size(), 1u);
  const engine::TokenEvent& got = frame->events[0];
  EXPECT_EQ(got.id, 42);
  EXPECT_EQ(got.logprob, sent.logprob);
  ASSERT_EQ(got.top_logprobs.size(), 2u);
  EXPECT_EQ(got.top_logprobs[1].id, 7);
  EXPECT_EQ(got.top_logprobs[1].logprob, -3.25f);
  EXPECT_EQ(got.usage.cached_tokens, 2);
  EXPECT_EQ(got.finish, engine::FinishReason::kNone);
}

TEST(TokenProtocol, CarriesACheckOfTheIdsWhereThereIsOne) {
  engine::TokenEvent sent;
  sent.id = 7;
  EXPECT_EQ(decode_frame(encode_event("r", sent))->events.at(0).check, 0u);
  sent.check = engine::next_check(engine::kFirstCheck, 7);
  EXPECT_EQ(decode_frame(encode_event("r", sent))->events.at(0).check, sent.check);
  EXPECT_NE(sent.check, engine::next_check(engine::kFirstCheck, 8));
  EXPECT_FALSE(decode_frame(R"({"choices":[{"token_ids":[1],"position":0,"check":-1}]})").ok());
}

TEST(TokenProtocol, CarriesEveryEnd) {
  for (auto finish : {engine::FinishReason::kStop, engine::FinishReason::kLength, engine::FinishReason::kCancelled}) {
    engine::TokenEvent sent;
    sent.finish = finish;
    sent.usage = {.prompt_tokens = 5, .cached_tokens = 0, .generated_tokens = 9};
    auto frame = decode_frame(encode_event("r", sent));
    ASSERT_TRUE(frame.ok());
    EXPECT_EQ(frame->events.at(0).id, -1);
    EXPECT_EQ(frame->events.at(0).finish, finish);
    EXPECT_EQ(frame->events.at(0).usage.generated_tokens, 9);
  }
}

TEST(TokenProtocol, CarriesErrorsWithTheirCodeAndNoDetail) {
  engine::TokenEvent sent;
  sent.finish = engine::FinishReason::kError;
  sent.error = Error(Code::kOverloaded, "busy")
                   .with_param("prompt")
                   .with_detail("/secret")
                   .with_retry_after(std::chrono::milliseconds(1500));
  std::string text = encode_event("r", sent);
  EXPECT_EQ(text.find("secret"), std::string::npos);
  auto frame = decode_frame(text);
  ASSERT_TRUE(frame.ok());
  const Error& error = *frame->events.at(0).error;
  EXPECT_EQ(error.code(), Code::kOverloaded);
  EXPECT_EQ(error.message(), "busy");
  EXPECT_EQ(error.param(), "prompt");
  EXPECT_EQ(error.retry_after(), std::chrono::milliseconds(1500));
  EXPECT_EQ(decode_error(503, text).code(), Code::kOverloaded);
}

TEST(TokenProtocol, RefusesFramesThatBreakIt) {
  for (const char* text :
       {"", "1", "{}", R"({"choices":3})", R"({"choices":[1]})", R"({"choices":[{},{}]})",
        R"({"choices":[{"token_ids":[-4]}]})", R"({"choices":[{"token_ids":[1],"position":-1}]})",
        R"({"choices":[{"token_ids":[1],"logprobs":{"token_logprobs":[]}}]})",
        R"({"choices":[{"token_ids":[1],"logprobs":{"token_logprobs":["x"]}}]})",
        R"({"choices":[{"token_ids":[1],"logprobs":{"token_logprobs":[-1e39]}}]})",
        R"({"choices":[{"token_ids":[1],"logprobs":{"token_logprobs":[-1],"top_logprobs":[[[1]]]}}]})",
        R"({"choices":[{"finish_reason":"error"}]})",  // without saying which
        R"({"choices":[{"finish_reason":"tired"}]})", R"({"choices":[{"finish_reason":7}]})",
        R"({"choices":[{"token_ids":[1]}],"usage":{"prompt_tokens":-1}})"}) {
    auto frame = decode_frame(text);
    ASSERT_FALSE(frame.ok()) << text;
    EXPECT_EQ(frame.error().code(), Code::kCorruptData) << text;
  }
}

TEST(TokenProtocol, CarriesInfoAndStats) {
  engine::EngineInfo info;
  info.architecture = "qwen2";
  info.name = "n";
  info.digest = "d";
  info.numerics_class = "c";
  info.kernels = "avx2";
  info.vocab_size = 10;
  info.context_tokens = 20;
  info.weight_bytes = int64_t{1} << 40;
  auto got = decode_info(encode_info(info));
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got->architecture, "qwen2");
  EXPECT_EQ(got->weight_bytes, int64_t{1} << 40);
  EXPECT_EQ(got->name, "n");
  for (const std::string& name : {std::string(kMaxModelNameBytes + 1, 'n'), std::string("\xff\xfe")}) {
    info.name = name;
    auto nameless = decode_info(encode_info(info));
    ASSERT_TRUE(nameless.ok()) << "a file's name for itself does not stop its model";
    EXPECT_EQ(nameless->name, "");
  }
  engine::EngineStats stats{.running = 1, .waiting = 2, .pages_total = 3, .pages_free = 4, .pages_idle = 2};
  stats.cached_tokens = 6;
  stats.prefills = 7;
  stats.whole_prompts = 3;
  stats.pages_restored = 125;
  stats.pages_in_file = 126;
  stats.progress = uint64_t{1} << 40;
  stats.last_token_age_ms = -1;
  stats.drafted_tokens = 12;
  stats.accepted_tokens = 10;
  stats.draft_passes = 11;
  stats.preemptions = 5;
  stats.starvation_bound_steps = 300;
  stats.longest_starved_steps = 8;
  stats.tenants = 3;
  stats.tenant_weights = 9;
  stats.step_seconds.add(engine::kStepSecondsBounds, 0.03);
  stats.constraint_seconds.add(engine::kConstraintSecondsBounds, 3e-6);
  stats.batch_sizes.add(engine::kBatchSizeBounds, 3);
  stats.batch_sizes.add(engine::kBatchSizeBounds, 1000);
  stats.queue_seconds.sum = 1e9 + 0.125;  // more digits than a float holds
  auto back = decode_stats(encode_stats(stats));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->pages_free, 4);
  EXPECT_EQ(back->last_token_age_ms, -1);
  EXPECT_EQ(back->pages_idle, 2);
  EXPECT_EQ(back->cached_tokens, 6U);
  EXPECT_EQ(back->prefills, 7U);
  EXPECT_EQ(back->whole_prompts, 3U);
  EXPECT_EQ(back->pages_restored, 125U);
  EXPECT_EQ(back->pages_in_file, 126);
  EXPECT_EQ(back->drafted_tokens, 12U);
  EXPECT_EQ(back->accepted_tokens, 10U);
  EXPECT_EQ(back->draft_passes, 11U);
  EXPECT_EQ(back->preemptions, 5U);
  EXPECT_EQ(back->starvation_bound_steps, 300U);
  EXPECT_EQ(back->longest_starved_steps, 8U);
  EXPECT_EQ(back->tenants, 3);
  EXPECT_EQ(back->tenant_weights, 9);
  EXPECT_EQ(back->step_seconds.counts, stats.step_seconds.counts);
  EXPECT_EQ(back->constraint_seconds.counts, stats.constraint_seconds.counts);
  EXPECT_EQ(back->batch_sizes.counts, stats.batch_sizes.counts);
  EXPECT_EQ(back->batch_sizes.counts[2], 1U);
  EXPECT_EQ(back->batch_sizes.counts.back(), 1U);
  EXPECT_EQ(back->batch_sizes.sum, 1003);
  EXPECT_EQ(back->queue_seconds.sum, 1e9 + 0.125);
  EXPECT_FALSE(decode_info(R"({"data":[]})").ok());
  EXPECT_FALSE(decode_stats(R"({"running":-1})").ok());
  for (const char* spread : {"1", "{}", R"({"counts":[1],"sum":0})", R"({"counts":[0,0,0,0,0,0,0,0,0,0,0],"sum":-1})",
                             R"({"counts":[0,0,0,0,0,0,0,0,0,0,-1],"sum":1})"}) {
    EXPECT_FALSE(decode_stats(R"({"batch_sizes":)" + std::string(spread) + "}").ok()) << spread;
  }
}

}  // namespace
}  // namespace studio::inference
