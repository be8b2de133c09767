#include "api/serving/generate.h"

#include "api/serving/prefix_salt.h"

namespace studio::api {

using inference::GenerationRequest;
using inference::TextModel;

GenerationRequest to_generation(const Services& services, const GenerateCall& call, const http::Exchange& exchange) {
  const std::string& key_id = exchange.request().principal;
  GenerationRequest request;
  request.request_id = exchange.request().request_id;
  request.n = call.n;
  request.sampling = call.sampling;
  request.max_tokens = call.max_tokens;
  request.max_completion_tokens = call.max_completion_tokens;
  request.stop = call.stop;
  request.stop_ids = call.stop_ids;
  request.ignore_eos = call.ignore_eos;
  request.deadline = exchange.received_at() + services.answer_limit;
  request.prefix_salt = request.tenant = prefix_salt_of(key_id);
  request.weight = services.weight_of ? services.weight_of(key_id) : 1;
  return request;
}

std::optional<Refusal> check_thinking(const TextModel& model, const inference::ChatPrompt& prompt,
                                      const CallFields& fields) {
  bool wants = prompt.enable_thinking == true || prompt.thinking_budget;
  if (wants && model.thinking() == inference::Thinking::kNone) {
    const char* field = prompt.enable_thinking ? fields.enable_thinking : fields.thinking_budget;
    return Refusal{Error(Code::kInvalidArgument, std::string(field) + " is not for this model: it does not think.")
                       .with_param(field),
                   Refusal::Kind::kThinking};
  }
  if (prompt.enable_thinking == false && model.thinking() == inference::Thinking::kAlways) {
    return Refusal{
        Error(Code::kInvalidArgument, std::string(fields.enable_thinking) + " must be true: this model always thinks.")
            .with_param(fields.enable_thinking),
        Refusal::Kind::kThinking};
  }
  return std::nullopt;
}

std::optional<Refusal> check_generation(const TextModel& model, const GenerationRequest& request,
                                        const CallFields& fields) {
  int vocab = model.tokenizer().vocab_size();
  if (Status valid = engine::validate(request.sampling, vocab); !valid.ok()) return Refusal{valid.error()};
  for (size_t i = 0; i < request.stop_ids.size(); ++i) {
    if (request.stop_ids[i] < vocab) continue;
    std::string field = std::string(fields.stop) + "[" + std::to_string(i) + "]";
    return Refusal{
        Error(Code::kOutOfRange, field + " is outside the model's vocabulary (0 to " + std::to_string(vocab - 1) + ").")
            .with_param(field)};
  }
  auto over = model.overflow(request);
  if (!over) return std::nullopt;
  bool is_of_answer = request.max_tokens.value_or(0) == over->wished_tokens;
  const char* limit = is_of_answer ? fields.max_tokens : fields.max_completion_tokens;
  // Where the prompt alone would fit, the limit is what is too large.
  const char* field = over->prompt_tokens < over->context_tokens ? limit : fields.prompt;
  std::string prompt = std::to_string(over->prompt_tokens), wished = std::to_string(over->wished_tokens);
  return Refusal{
      Error(Code::kInvalidArgument,
            "This model's context holds " + std::to_string(over->context_tokens) + " tokens; the prompt has " + prompt +
                " and " + wished + " more were asked for. Shorten the " + fields.prompt + " or lower " + limit + ".")
          .with_param(field),
      Refusal::Kind::kTooLong};
}

}  // namespace studio::api
