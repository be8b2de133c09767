// Answers as Ollama's clients read them: one object, or a line of JSON for each piece and a last one with the counts.
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <string>

#include "api/serving/answer_writer.h"
#include "base/result.h"

namespace studio::api::ollama {

enum class Endpoint { kChat, kGenerate };

struct AnswerHead {
  Endpoint endpoint = Endpoint::kChat;
  std::string model;  // as the caller spelled it
  bool has_logprobs = false;
};

std::unique_ptr<AnswerWriter> make_writer(AnswerHead head);

// The answer to a request that names a model and asks it nothing, which loads it.
boost::json::object loaded(const AnswerHead& head);

int http_status(Code code);
// {"error":"..."}
http::Response error_response(const Error& error);
// The server's own answers (404, 405, 413, ...), whose status is decided already.
http::Response error_response(int status, const Error& error);

}  // namespace studio::api::ollama
