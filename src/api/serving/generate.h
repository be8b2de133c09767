// What requests to generate have in common, once a dialect has read them: from its call to the neutral request, and
// what a model refuses of it.
// Threads: any.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/serving/services.h"
#include "engine/sampling/params.h"
#include "http/exchange.h"
#include "inference/generation.h"
#include "inference/text_model.h"

namespace studio::api {

struct GenerateCall {
  std::string model;
  bool stream = false;
  int n = 1;
  engine::SamplingParams sampling;
  bool has_seed = false;                     // otherwise it is drawn by to_generation()
  std::optional<int> max_tokens;             // of the answer, reasoning not counted
  std::optional<int> max_completion_tokens;  // of both
  std::vector<std::string> stop;
  std::vector<engine::TokenId> stop_ids;
  bool ignore_eos = false;
  // What the answer is held to (engine/constrain/spec.h), empty: nothing; and the field that asked for it.
  std::string constraint, constraint_field;
  bool is_json_mode = false;          // any object: the prompt must speak of JSON
  std::vector<std::string> ignored;   // fields accepted without effect, for X-Studio-Ignored
  std::vector<std::string> degraded;  // fields that could not be honoured and were left out, as the caller allowed
};

// How a dialect names the fields that a refusal is about.
struct CallFields {
  const char* prompt = "messages";
  const char* tools = "tools";
  const char* max_tokens = "max_tokens";
  const char* max_completion_tokens = "max_completion_tokens";
  const char* stop = "stop";
  const char* enable_thinking = "enable_thinking";
  const char* thinking_budget = "thinking_budget";
};

struct Refusal {
  enum class Kind {
    kOther,
    kTooLong,   // the prompt, or it and what was asked for, pass the model's context
    kThinking,  // the model has no such switch
  };
  Error error;
  Kind kind = Kind::kOther;
};

// Without prompts and adapter. A seed that the call lacks is drawn from the request's id, which is random: the same
// request made anew under its id has the same one. Its deadline is the server's: a stream that takes longer is cut with
// an error instead of holding its pages for ever.
inference::GenerationRequest to_generation(const Services& services, const GenerateCall& call,
                                           const http::Exchange& exchange);

std::optional<Refusal> check_thinking(const inference::TextModel& model, const inference::ChatPrompt& prompt,
                                      const CallFields& fields);
// Tools and the form of the answer, for a model and a conversation.
std::optional<Refusal> check_structure(const inference::TextModel& model, const inference::ChatPrompt& prompt,
                                       const GenerateCall& call, const CallFields& fields);
// What check_structure() found right, into the request.
void add_structure(const inference::TextModel& model, const inference::ChatPrompt& prompt, const GenerateCall& call,
                   inference::GenerationRequest& request);

std::optional<Refusal> check_generation(const inference::TextModel& model, const inference::GenerationRequest& request,
                                        const CallFields& fields);

}  // namespace studio::api
