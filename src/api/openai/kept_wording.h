// How answers of OpenAI's interfaces are told that outlive their connections.
#pragma once

#include "api/kept/kept_answers.h"
#include "api/openai/errors.h"

namespace studio::api::openai {

inline http::Response kept_refusal(const Error& error, const std::string& request_id) {
  return error_response(error, request_id);
}

inline constexpr KeptWording kKeptWording{.numbers = EventNumbers::kIdLines, .fields = {}, .refusal = kept_refusal};

}  // namespace studio::api::openai
