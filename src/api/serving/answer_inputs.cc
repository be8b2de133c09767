#include "api/serving/answer_inputs.h"

#include <bit>

#include "base/version.h"

namespace studio::api {
namespace {

// Each part with its length before it, so that no two lists of parts have the same bytes.
class Parts {
 public:
  Parts& text(std::string_view text) {
    number(text.size());
    digest_.update(text);
    return *this;
  }
  Parts& number(uint64_t number) {
    char bytes[8];
    for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(number >> (8 * i));
    digest_.update({bytes, sizeof bytes});
    return *this;
  }
  Parts& real(float value) { return number(std::bit_cast<uint32_t>(value)); }
  Parts& limit(const std::optional<int>& limit) { return number(limit ? static_cast<uint64_t>(*limit) + 1 : 0); }
  Parts& ids(const std::vector<engine::TokenId>& ids) {
    number(ids.size());
    for (engine::TokenId id : ids) number(static_cast<uint64_t>(id));
    return *this;
  }
  Sha256Digest finish() { return digest_.finish(); }

 private:
  Sha256 digest_;
};

void add_sampling(Parts& parts, const engine::SamplingParams& sampling) {
  parts.real(sampling.temperature).number(static_cast<uint64_t>(sampling.top_k)).real(sampling.top_p);
  parts.real(sampling.min_p).real(sampling.repetition_penalty).real(sampling.presence_penalty);
  parts.real(sampling.frequency_penalty).number(sampling.logit_bias.size());
  for (const auto& [id, bias] : sampling.logit_bias) parts.number(static_cast<uint64_t>(id)).real(bias);
  parts.number(sampling.seed).number(sampling.logprobs).number(static_cast<uint64_t>(sampling.top_logprobs));
}

}  // namespace

Sha256Digest digest_of_inputs(const ServedModel& model, const inference::GenerationRequest& request,
                              const std::string& operation) {
  const engine::EngineInfo info = model.text->client().status().info;
  Parts parts;
  // Templates, events and numbers of this program are those of its version.
  parts.text(kVersion).text(operation).text(model.name);
  parts.text(info.digest).text(info.numerics_class).text(request.adapter);
  parts.text(request.constraint).number(static_cast<uint64_t>(request.tool_format));
  parts.number(static_cast<uint64_t>(info.context_tokens));  // bounds an answer without a limit of its own
  parts.number(request.prompts.size());
  for (const inference::Prompt& prompt : request.prompts) {
    parts.ids(prompt.ids).number(prompt.is_open_reasoning).number(prompt.may_reason).limit(prompt.thinking_budget);
  }
  parts.number(static_cast<uint64_t>(request.n)).limit(request.max_tokens).limit(request.max_completion_tokens);
  add_sampling(parts, request.sampling);
  parts.number(request.stop.size());
  for (const std::string& stop : request.stop) parts.text(stop);
  return parts.ids(request.stop_ids).number(request.ignore_eos).finish();
}

Sha256Digest digest_of_inputs(const ServedModel& model, const std::vector<engine::EncoderText>& texts,
                              const std::string& operation) {
  const engine::EngineInfo info = model.encoder->client().status().info;
  Parts parts;
  parts.text(kVersion).text(operation).text(model.name).text(info.digest).text(info.numerics_class);
  parts.number(texts.size());
  for (const engine::EncoderText& text : texts) parts.ids(text.ids).number(static_cast<uint64_t>(text.second_from));
  return parts.finish();
}

}  // namespace studio::api
