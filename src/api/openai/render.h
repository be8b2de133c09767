// Neutral answers to the wire: whole bodies here, chunks in stream.h. Pure functions: any thread.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/openai/best_of.h"
#include "api/serving/answer_writer.h"
#include "inference/generation.h"

namespace studio::api::openai {

enum class Endpoint { kChat, kCompletion };

// What all pieces of one answer share.
struct AnswerHead {
  Endpoint endpoint = Endpoint::kChat;
  std::string id;
  int64_t created = 0;  // Unix seconds
  std::string model;    // the served name
  bool include_usage = false;
  bool has_logprobs = false;
  std::optional<BestOf> best_of = {};
};

std::string answer_id(Endpoint endpoint, const std::string& request_id);  // "chatcmpl-<uuid>", "cmpl-<uuid>"

std::string render_answer(const AnswerHead& head, const std::vector<ChoiceAnswer>& choices,
                          const inference::GenerationEnd& end);

const char* finish_reason(inference::Finish finish);  // "stop", "length", "tool_calls"
boost::json::object render_usage(const inference::GenerationUsage& usage);
// {"content":[{token, bytes, logprob, top_logprobs}]}
boost::json::object render_chat_logprobs(const std::vector<inference::TokenLogprob>& logprobs);
// The legacy form: four lists of one length. `offset` counts characters of the answer before these tokens and moves on.
boost::json::object render_completion_logprobs(const std::vector<inference::TokenLogprob>& logprobs, int64_t* offset);

}  // namespace studio::api::openai
