// How this dialect's answers are told that outlive their connections.
#pragma once

#include "api/dashscope/errors.h"
#include "api/kept/kept_answers.h"

namespace studio::api::dashscope {

inline http::Response kept_refusal(const Error& error, const std::string& request_id) {
  return error_response(error, request_id);
}

// They decide whether the answer is a stream: part of what was asked.
inline constexpr const char* kModeFields[] = {"X-DashScope-SSE", "Accept"};
inline constexpr KeptWording kKeptWording{
    .numbers = EventNumbers::kOwnIds, .fields = kModeFields, .refusal = kept_refusal};

// Of what makes an object, a task or files, the answer has one form; and a task is another thing than an answer.
inline constexpr const char* kObjectFields[] = {"X-DashScope-Async"};
inline constexpr KeptWording kObjectWording{
    .numbers = EventNumbers::kOwnIds, .fields = kObjectFields, .refusal = kept_refusal};

}  // namespace studio::api::dashscope
