// One answer in a dialect's words: a stream's events in their order, or one body. A dialect implements it, answer.h
// drives it: it decides what leaves when, the writer how that is said.
// Not thread-safe: one per answer, called under the answer's lock.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "http/message.h"
#include "inference/generation.h"

namespace studio::api {

// One choice, all of it.
struct ChoiceAnswer {
  std::string reasoning, text;
  std::vector<inference::ToolCall> tool_calls = {};  // behind the text
  std::vector<inference::TokenLogprob> logprobs;
};

// How an answer ended, and how long that took from the request's head on.
struct AnswerEnd {
  inference::GenerationEnd generation;
  std::chrono::nanoseconds until_first_token{0};  // all of it where no token came
  std::chrono::nanoseconds total{0};
};

class AnswerWriter {
 public:
  virtual ~AnswerWriter() = default;

  // Whether its bodies and events say by themselves what was left out of the request (degraded.h).
  virtual bool names_degraded() const { return false; }

  // A stream: its head, what is sent in silences, and bytes as they go out. Of these `opening` comes first and once,
  // then pieces, then `ending` or `failure`, once. Any of them may be empty.
  virtual http::Response stream_head() const = 0;
  // A token of the choice came, before the piece it may complete: for a dialect that counts in every event.
  virtual void note_token(int choice) { (void)choice; }
  virtual std::string heartbeat() const = 0;
  // The same as an event that says nothing, for a stream whose events have ids: clients stumble over comments there.
  virtual std::string event_heartbeat() const { return heartbeat(); }
  virtual std::string opening() = 0;
  virtual std::string pieces(const inference::ChoiceDelta& delta) = 0;
  virtual std::string ending(const AnswerEnd& end) = 0;
  virtual std::string failure(const Error& error) = 0;

  // One body, or what refuses before anything was said.
  virtual http::Response whole(const std::vector<ChoiceAnswer>& choices, const AnswerEnd& end) = 0;
  virtual http::Response refusal(const Error& error) = 0;
};

}  // namespace studio::api
