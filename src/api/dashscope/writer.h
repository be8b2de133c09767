// Answers as DashScope's clients read them: one frame, or numbered events that each hold a frame.
//
// A frame is {output, usage, request_id}. Of a stream each holds what is new of one choice, or all of it so far, and
// what was used up to then; the last one has every choice's reason and the whole usage. Field names of events have no
// space behind the colon: clients know an error by exactly that.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "api/dashscope/wire.h"
#include "api/serving/answer_writer.h"

namespace studio::api::dashscope {

struct AnswerHead {
  std::string request_id;
  ResultFormat format = ResultFormat::kMessage;
  bool is_multimodal = false;  // content is a list of parts
  bool is_incremental = false;
  bool has_logprobs = false;
  size_t choices = 1;
  int64_t prompt_tokens = 0;
};

std::unique_ptr<AnswerWriter> make_writer(AnswerHead head);

}  // namespace studio::api::dashscope
