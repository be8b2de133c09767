#include "api/serving/answer_inputs.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

namespace studio::api {
namespace {

class StillClient final : public inference::ModelClient {
 public:
  Result<std::unique_ptr<inference::TokenStream>> generate(inference::TokenRequest, engine::TokenSink) override {
    return Error(Code::kUnavailable, "still");
  }
  inference::ModelStatus status() const override {
    inference::ModelStatus status;
    status.info = info;
    return status;
  }
  engine::EngineInfo info;
};

TEST(AnswerInputs, ChangeWithWhateverTheTokensFollowFrom) {
  auto client = std::make_shared<StillClient>();
  auto text = inference::TextModel::open(STUDIO_SOURCE_DIR "/catalogue/builtin/tiny-qwen3.gguf", client, "");
  ASSERT_TRUE(text.ok());
  ServedModel model{.name = "m", .aliases = {}, .text = *text};
  inference::GenerationRequest request;
  request.request_id = "r";
  request.prompts.push_back(model.text->prepare_text("x"));
  std::string operation = "completions";
  std::set<Sha256Digest> seen;
  const auto digest = [&] { return digest_of_inputs(model, request, operation); };
  seen.insert(digest());

  request.request_id = "other", request.deadline = {}, request.prefix_salt = 3, request.tenant = 4, request.weight = 5;
  EXPECT_TRUE(seen.contains(digest())) << "who asks and when is not among them";

  engine::SamplingParams& sampling = request.sampling;
  const std::function<void()> changes[] = {
      [&] { client->info.digest = "d"; },
      [&] { client->info.numerics_class = "c"; },
      [&] { client->info.context_tokens = 9; },
      [&] { model.name = "n"; },
      [&] { operation = "chat.completions"; },
      [&] { request.adapter = "a"; },
      [&] { request.constraint = "{}"; },
      [&] { request.tool_format = inference::ToolFormat::kHermes; },
      [&] { request.prompts.front().ids.push_back(1); },
      [&] { request.prompts.front().is_open_reasoning = true; },
      [&] { request.prompts.front().may_reason = true; },
      [&] { request.prompts.front().thinking_budget = 0; },
      [&] { request.prompts.push_back(request.prompts.front()); },
      [&] { request.n = 2; },
      [&] { request.max_tokens = 7; },
      [&] { request.max_tokens.reset(), request.max_completion_tokens = 7; },
      [&] { request.stop = {"ab", "c"}; },
      [&] { request.stop = {"a", "bc"}; },
      [&] { request.stop_ids = {5}; },
      [&] { request.ignore_eos = true; },
      [&] { sampling.temperature = 0.5f; },
      [&] { sampling.top_k = 3; },
      [&] { sampling.top_p = 0.5f; },
      [&] { sampling.min_p = 0.5f; },
      [&] { sampling.repetition_penalty = 1.5f; },
      [&] { sampling.presence_penalty = 0.5f; },
      [&] { sampling.presence_penalty = 0, sampling.frequency_penalty = 0.5f; },
      [&] { sampling.logit_bias = {{1, 2.0f}}; },
      [&] { sampling.seed = 8; },
      [&] { sampling.logprobs = true; },
      [&] { sampling.top_logprobs = 2; },
  };
  for (const auto& change : changes) {
    change();
    EXPECT_TRUE(seen.insert(digest()).second) << "change " << seen.size() << " is not seen";
  }
}

}  // namespace
}  // namespace studio::api
