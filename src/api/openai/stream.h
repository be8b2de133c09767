// One streamed answer as its chunks, each the JSON of one event.
//
// Order: for chat a chunk with the role of each choice at once, then pieces as they come, then each choice's end, then
// the usage if it was asked for; the caller adds [DONE]. Not thread-safe: one per answer.
#pragma once

#include <string>
#include <vector>

#include "api/openai/render.h"

namespace studio::api::openai {

inline constexpr const char* kStreamEnd = "[DONE]";

class ChunkWriter {
 public:
  ChunkWriter(AnswerHead head, size_t choices, bool may_reason)
      : head_(std::move(head)), offsets_(choices, 0), may_reason_(may_reason) {}

  // Of the choice, when the stream begins; empty where the endpoint has none.
  std::string opening(int choice) const;
  // Reasoning, answer and each call go into chunks of their own.
  std::vector<std::string> pieces(const inference::ChoiceDelta& delta);
  std::string silence() const;  // a piece of nothing
  std::string finish(int choice, inference::Finish finish) const;
  std::string usage(const inference::GenerationUsage& usage) const;

 private:
  std::string text_chunk(const inference::ChoiceDelta& delta);
  std::string chunk(boost::json::array choices) const;

  const AnswerHead head_;
  std::vector<int64_t> offsets_;  // characters of each choice so far, for the legacy logprobs
  const bool may_reason_;
};

}  // namespace studio::api::openai
