// A response as its asker reads it while it is made: one body, or its events. What is to be kept is kept before
// anything says that it has ended.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/responses/record.h"
#include "api/serving/answer_writer.h"

namespace studio::api::responses {

struct WriterOptions {
  Record record;  // with nothing of its answer yet
  std::string request_id;
  // Makes it durable; empty: it is not kept. Blocks for a commit, which holds up this answer alone: by then all that
  // a stream's reader could wait for is its last events.
  std::function<Status(const Record&)> keep;
  std::function<bool()> is_gone;  // has the asker left?
};

std::unique_ptr<AnswerWriter> make_writer(WriterOptions options);

}  // namespace studio::api::responses
