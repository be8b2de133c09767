// What a request used, and the door through which it is kept.
//
// Bill before done: the record of a request is durable before its terminal event leaves, and a request id is recorded
// once. The store implements the sink; tests use one in memory.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace studio::inference {

struct UsageRecord {
  std::string request_id;  // unique for ever: the key of the record
  std::string key_id;      // the key that asked; empty where none was needed
  std::string model;       // the served name, not the alias that was asked for
  std::string operation;   // "chat.completions", "completions"
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;      // of the prompt
  int64_t newly_held_tokens = 0;  // of the prompt, that its marks have held from then on
  int64_t completion_tokens = 0;  // over all choices, reasoning included
  int64_t reasoning_tokens = 0;   // of the completion
  std::string outcome;            // "stop", "length", "cancelled", "error"; of several choices the worst
  std::chrono::system_clock::time_point started_at;
  int64_t first_token_ms = -1;  // from the request's arrival; -1: no token was produced
  int64_t total_ms = 0;
};

class UsageSink {
 public:
  virtual ~UsageSink() = default;
  // Returns ok only when the record would survive a power cut. Recording an id twice changes nothing and is ok.
  // Called from any of the server's handler threads; may block for a commit.
  virtual Status record(const UsageRecord& record) = 0;
  // What was recorded under an id, for an answer that is made again: it tells the usage that counts. Nothing where the
  // sink does not keep records.
  virtual Result<std::optional<UsageRecord>> find(const std::string& request_id) {
    (void)request_id;
    return std::optional<UsageRecord>();
  }
};

}  // namespace studio::inference
