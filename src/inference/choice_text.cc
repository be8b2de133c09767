#include "inference/choice_text.h"

#include <algorithm>

namespace studio::inference {

ChoiceText::ChoiceText(ChoiceTextOptions options) : options_(std::move(options)) {
  if (options_.is_open_reasoning) {
    part_ = Part::kReasoning;
    skips_line_ends_ = true;
  }
}

std::optional<Finish> ChoiceText::push(const engine::TokenEvent& event, ChoiceDelta& delta) {
  ++tokens_;
  const auto& hidden = options_.hidden_ids;
  if (std::find(hidden.begin(), hidden.end(), event.id) != hidden.end()) {
    if (part_ == Part::kReasoning) ++reasoning_tokens_;
    return std::nullopt;
  }
  if (part_ == Part::kStart) {
    bool opens = options_.think >= 0 && event.id == options_.think;
    part_ = opens ? Part::kReasoning : Part::kAnswer;
    skips_line_ends_ = opens;
    if (opens) {
      ++reasoning_tokens_;
      return std::nullopt;
    }
  }
  if (part_ == Part::kAnswer) return push_answer(event, delta);
  push_reasoning(event, delta);
  return std::nullopt;
}

void ChoiceText::push_reasoning(const engine::TokenEvent& event, ChoiceDelta& delta) {
  ++reasoning_tokens_;
  if (event.id != options_.end_think) {
    if (options_.tokenizer->is_special(event.id)) return;
    add_reasoning(decoder_.push(options_.tokenizer->token_bytes(event.id)), delta);
    return;
  }
  add_reasoning(decoder_.flush(), delta);
  held_line_ends_.clear();
  part_ = Part::kAnswer;
  skips_line_ends_ = true;
}

void ChoiceText::add_reasoning(std::string_view text, ChoiceDelta& delta) {
  if (skips_line_ends_) {
    text.remove_prefix(std::min(text.find_first_not_of('\n'), text.size()));
    if (text.empty()) return;
    skips_line_ends_ = false;
  }
  size_t last = text.find_last_not_of('\n');
  if (last == std::string_view::npos) {
    held_line_ends_ += text;
    return;
  }
  delta.reasoning += held_line_ends_;
  delta.reasoning += text.substr(0, last + 1);
  held_line_ends_ = text.substr(last + 1);
}

std::optional<Finish> ChoiceText::push_answer(const engine::TokenEvent& event, ChoiceDelta& delta) {
  ++answer_tokens_;
  size_t begin = released_ + held_.size();
  if (!options_.tokenizer->is_special(event.id)) {
    std::string text = decoder_.push(options_.tokenizer->token_bytes(event.id));
    if (skips_line_ends_) text.erase(0, std::min(text.find_first_not_of('\n'), text.size()));
    if (!text.empty()) skips_line_ends_ = false;
    held_ += text;
  }
  if (options_.logprobs) held_logprobs_.push_back({begin, to_logprob(event)});

  if (size_t stop = find_stop(); stop != std::string::npos) {
    release(stop, delta);
    held_.clear();
    held_logprobs_.clear();
    return Finish::kStop;
  }
  if (options_.max_answer_tokens && answer_tokens_ >= *options_.max_answer_tokens) {
    flush(delta);
    return Finish::kLength;
  }
  release(held_.size() - possible_stop_bytes(), delta);
  return std::nullopt;
}

void ChoiceText::flush(ChoiceDelta& delta) {
  std::string rest = decoder_.flush();
  if (part_ == Part::kReasoning) {
    add_reasoning(rest, delta);
    return;
  }
  held_ += rest;
  release(held_.size(), delta);
}

// Lets the first bytes of what is held go, and the logprobs of every token that has a byte among them.
void ChoiceText::release(size_t bytes, ChoiceDelta& delta) {
  delta.text.append(held_, 0, bytes);
  held_.erase(0, bytes);
  released_ += bytes;
  while (!held_logprobs_.empty() && (held_logprobs_.front().begin < released_ || held_.empty())) {
    delta.logprobs.push_back(std::move(held_logprobs_.front().logprob));
    held_logprobs_.pop_front();
  }
}

// The first byte of the earliest stop string in what is held; npos where there is none.
size_t ChoiceText::find_stop() const {
  size_t first = std::string::npos;
  for (const std::string& stop : options_.stop) first = std::min(first, held_.find(stop));
  return first;
}

// How many bytes at the end of what is held begin a stop string.
size_t ChoiceText::possible_stop_bytes() const {
  size_t longest = 0;
  for (const std::string& stop : options_.stop) {
    size_t bytes = std::min(stop.size() - 1, held_.size());
    for (; bytes > longest; --bytes) {
      if (held_.compare(held_.size() - bytes, bytes, stop, 0, bytes) == 0) break;
    }
    longest = std::max(longest, bytes);
  }
  return longest;
}

TokenLogprob ChoiceText::to_logprob(const engine::TokenEvent& event) const {
  TokenLogprob logprob{std::string(options_.tokenizer->token_bytes(event.id)), event.logprob, {}};
  for (const engine::TopLogprob& top : event.top_logprobs) {
    logprob.top.push_back({std::string(options_.tokenizer->token_bytes(top.id)), top.logprob});
  }
  return logprob;
}

}  // namespace studio::inference
