// One choice's tokens to text: characters whole, reasoning apart from the answer, stop strings kept out.
//
// Reasoning is what stands between the control tokens <think> and </think>, told by their ids, never by their letters;
// line ends beside the two tokens belong to neither part. Text that may become a stop string is held back until it is
// one or cannot be; the earliest match counts. A function of the ids alone: a stream taken up after a lost worker
// gives the same pieces. One per choice; not thread-safe.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "engine/schedule/engine.h"
#include "engine/tokenizer/stream_decoder.h"
#include "engine/tokenizer/tokenizer.h"
#include "inference/generation.h"

namespace studio::inference {

struct ChoiceTextOptions {
  const engine::Tokenizer* tokenizer = nullptr;
  std::vector<std::string> stop;
  std::vector<engine::TokenId> hidden_ids;     // stop ids: they end the answer and have no text
  engine::TokenId think = -1, end_think = -1;  // -1: reasoning is not split
  bool is_open_reasoning = false;              // the prompt ends inside <think>
  std::optional<int> max_answer_tokens;
  bool logprobs = false;
};

class ChoiceText {
 public:
  explicit ChoiceText(ChoiceTextOptions options);

  // Takes a produced token and adds what became certain to the delta. A finish means that the choice ends here,
  // whatever the model would go on with; the rest of the text is out then.
  std::optional<Finish> push(const engine::TokenEvent& event, ChoiceDelta& delta);
  // The model has ended: all that is held goes out.
  void flush(ChoiceDelta& delta);

  int tokens() const { return tokens_; }
  int reasoning_tokens() const { return reasoning_tokens_; }

 private:
  enum class Part { kStart, kReasoning, kAnswer };
  struct HeldLogprob {
    size_t begin;  // byte of the answer at which the token's text starts
    TokenLogprob logprob;
  };

  void push_reasoning(const engine::TokenEvent& event, ChoiceDelta& delta);
  void add_reasoning(std::string_view text, ChoiceDelta& delta);
  std::optional<Finish> push_answer(const engine::TokenEvent& event, ChoiceDelta& delta);
  void release(size_t bytes, ChoiceDelta& delta);
  size_t find_stop() const;
  size_t possible_stop_bytes() const;
  TokenLogprob to_logprob(const engine::TokenEvent& event) const;

  const ChoiceTextOptions options_;
  Part part_ = Part::kStart;
  engine::StreamDecoder decoder_;
  int tokens_ = 0, reasoning_tokens_ = 0, answer_tokens_ = 0;
  bool skips_line_ends_ = false;  // right after <think> or </think>
  std::string held_line_ends_;    // of the reasoning: dropped if </think> follows
  std::string held_;              // of the answer
  size_t released_ = 0;           // bytes of the answer that are out
  std::deque<HeldLogprob> held_logprobs_;
};

}  // namespace studio::inference
