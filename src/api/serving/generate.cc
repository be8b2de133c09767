#include "api/serving/generate.h"

#include <algorithm>
#include <cctype>
#include <cstring>

#include "api/serving/held_tools.h"
#include "api/serving/prefix_salt.h"
#include "base/digest.h"

namespace studio::api {

using inference::GenerationRequest;
using inference::TextModel;

namespace {

// Whatever its letters' case.
bool mentions(std::string_view text, std::string_view word) {
  auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  return !std::ranges::search(text, word, same).empty();
}

uint64_t seed_of(const std::string& request_id) {
  const Sha256Digest digest = sha256("seed of " + request_id);
  uint64_t seed = 0;
  std::memcpy(&seed, digest.data(), sizeof seed);
  return seed;
}

std::optional<Refusal> check_tools(const TextModel& model, inference::ToolSet set, const GenerateCall& call,
                                   const CallFields& fields) {
  if (!set.is_used()) return std::nullopt;
  const Status held = hold_tools(set, model.tool_format(), call.constraint, fields.tools);
  return held.ok() ? std::nullopt : std::optional(Refusal{held.error()});
}

}  // namespace

GenerationRequest to_generation(const Services& services, const GenerateCall& call, const http::Exchange& exchange) {
  const std::string& key_id = exchange.request().principal;
  GenerationRequest request;
  request.request_id = exchange.request().request_id;
  request.n = call.n;
  request.sampling = call.sampling;
  if (!call.has_seed) request.sampling.seed = seed_of(request.request_id);
  request.max_tokens = call.max_tokens;
  request.max_completion_tokens = call.max_completion_tokens;
  request.stop = call.stop;
  request.stop_ids = call.stop_ids;
  request.ignore_eos = call.ignore_eos;
  request.deadline = exchange.received_at() + services.answer_limit;
  request.prefix_salt = request.tenant = prefix_salt_of(key_id);
  // A tenant of its own: a key's batches do not take the turns of its calls.
  if (services.is_background) request.tenant = prefix_salt_of(key_id + "/background");
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

std::optional<Refusal> check_structure(const TextModel& model, const inference::ChatPrompt& prompt,
                                       const GenerateCall& call, const CallFields& fields) {
  auto refused = [](const std::string& field, const std::string& why) {
    return Refusal{Error(Code::kInvalidArgument, field + " " + why).with_param(field)};
  };
  if (!prompt.tools.tools.empty() && model.tool_format() == inference::ToolFormat::kNone) {
    return refused(fields.tools, "is not for this model: it was not taught to call functions.");
  }
  if (call.constraint.empty() && !prompt.tools.is_used()) return std::nullopt;
  const std::string field = call.constraint.empty() ? fields.tools : call.constraint_field;
  if (prompt.is_partial)
    return refused(field, "is not allowed where the last message is the assistant's, to be continued.");
  if (call.ignore_eos) return refused("ignore_eos", "is not allowed with " + field + ".");
  if (auto refusal = check_tools(model, prompt.tools, call, fields)) return refusal;
  if (!call.is_json_mode) return std::nullopt;
  const bool speaks_of_json = std::ranges::any_of(
      prompt.messages, [](const inference::Message& message) { return mentions(message.content, "json"); });
  if (speaks_of_json) return std::nullopt;
  return refused(fields.prompt, "must contain the word 'json' where " + field +
                                    " asks for JSON: a model that is not told so would write blanks for ever.");
}

void add_structure(const TextModel& model, const inference::ChatPrompt& prompt, const GenerateCall& call,
                   GenerationRequest& request) {
  request.constraint = call.constraint;
  if (!prompt.tools.is_used()) return;
  request.tool_format = model.tool_format();
  auto tools = std::make_shared<inference::ToolSet>(prompt.tools);
  // Found right before; a call that was kept by an earlier version, whoever computes it will refuse.
  static_cast<void>(hold_tools(*tools, model.tool_format(), call.constraint, {}));
  request.constraint = inference::tools_spec(*tools, model.tool_format(), call.constraint);
  request.tools = std::move(tools);
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
  // It begins as the original's does: clients look for that, to shorten their conversation by themselves.
  return Refusal{Error(Code::kInvalidArgument, "This model's maximum context length is " +
                                                   std::to_string(over->context_tokens) + " tokens; the prompt has " +
                                                   prompt + " and " + wished + " more were asked for. Shorten the " +
                                                   fields.prompt + " or lower " + limit + ".")
                     .with_param(field),
                 Refusal::Kind::kTooLong};
}

}  // namespace studio::api
