// Answers as Anthropic's clients read them: one message, or its events.
//
// Order of a stream: message_start, then each block's start, deltas and stop (thinking before text, one open at a time,
// numbered from 0), then message_delta with the reason and the whole usage, then message_stop. An error takes the place
// of what is left.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "api/serving/answer_writer.h"

namespace studio::api::anthropic {

struct MessageHead {
  std::string id;     // "msg_<uuid>"
  std::string model;  // the served name
  std::string request_id;
  int64_t prompt_tokens = 0;   // what message_start says; the end says how many of them were cached
  bool tells_thinking = true;  // false: that there was some is told, not what
};

std::string message_id(const std::string& request_id);
std::unique_ptr<AnswerWriter> make_writer(MessageHead head);

}  // namespace studio::api::anthropic
