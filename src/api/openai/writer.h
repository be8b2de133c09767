// Answers as OpenAI's clients read them: what the neutral answer (api/serving/answer.h) is driven with.
#pragma once

#include <memory>
#include <string>

#include "api/openai/render.h"
#include "api/serving/answer_writer.h"

namespace studio::api::openai {

// `choices` of one answer; `may_reason`: a choice opens with room for its reasoning.
std::unique_ptr<AnswerWriter> make_writer(AnswerHead head, size_t choices, bool may_reason, std::string request_id);

}  // namespace studio::api::openai
