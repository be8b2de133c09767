// One request being answered, in whatever dialect: from its generation's events to the exchange, and its usage to the
// record.
//
// The record is durable before anything says that the answer is complete: the whole body, or a stream's end. A stream's
// status, head and opening leave once the model's side has taken every choice, long before a token
// where there is a queue or a long prompt; the exchange sends heartbeats meanwhile. What is refused before is an HTTP
// error. A client that leaves cancels the generation; what was produced until then is recorded. A client that reads
// slowly gets merged pieces, and holds nobody else up.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/serving/answer_writer.h"
#include "api/serving/services.h"
#include "http/exchange.h"

namespace studio::api {

struct AnswerOptions {
  std::unique_ptr<AnswerWriter> writer;
  const char* operation = "";  // as the record of usage names it: "chat.completions"
  bool is_stream = false;
  std::vector<std::string> ignored;   // for the field X-Studio-Ignored
  std::vector<std::string> degraded;  // for the field X-Studio-Degraded and its like in what is said
};

// Starts the generation and answers the exchange, now or as it goes on. Any thread.
void answer(std::shared_ptr<http::Exchange> exchange, const Services& services, ServedModelPtr model,
            inference::GenerationRequest request, AnswerOptions options);

}  // namespace studio::api
