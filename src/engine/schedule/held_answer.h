// A sequence's answer held to its constraint: a function of the produced ids, as all of a sequence is.
//
// Reasoning comes first where the model reasons, and is free but for one thing: it may not end the answer. Behind it,
// or from the first token on, only what the constraint allows is drawn. Copy it to look ahead.
// Threads: one at a time; what sequences share lies behind the mutex of their SharedMatchers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/constrain/shared_matchers.h"
#include "engine/sampling/sampler.h"
#include "engine/schedule/engine.h"

namespace studio::engine {

class HeldAnswer final : public TokenFilter {
 public:
  explicit HeldAnswer(const AnswerConstraint& constraint);

  bool allows(TokenId id) override;
  std::span<const uint64_t> mask() override;

  // The next produced token.
  void accept(TokenId id);
  // Nothing may follow.
  bool is_complete() const { return is_complete_; }
  // Seconds that it took to answer since this was asked last; of copies too, since they were made.
  double take_spent() { return std::exchange(spent_seconds_, 0); }
  // Tokens that are likely to come next, as their text must, but for white space; none where there is a choice. What is
  // left of a guess that came true so far is the next one. Good until the next call.
  std::span<const TokenId> likely();

  // The constraint leaves a choice.
  bool is_open() const { return !is_free(part_) && likely_come_ == likely_.count && !may_guess_; }

  struct Ahead {
    size_t fitting = 0;               // so many of the ids may come, one after the other
    constrain::TextCuts::Cut likely;  // what is likely behind those
  };
  // Changes nothing. What is likely is told where one of them does not fit, and behind them all where that is wished.
  Ahead look_ahead(std::span<const TokenId> ids, bool goes_on_behind) const;

 private:
  enum class Part : uint8_t { kStart, kReasoning, kAnswer };

  bool begins_reasoning(Part part, TokenId id) const {
    return part == Part::kStart && id == begin_reasoning_ && id >= 0;
  }
  constrain::TextCuts::Cut guess(const constrain::Matcher& matcher, const constrain::JsonLayout& layout) const;
  bool is_free(Part part) const { return part == Part::kReasoning || (part == Part::kStart && begin_reasoning_ >= 0); }

  std::shared_ptr<constrain::SharedMatchers> shared_;
  TokenId begin_reasoning_, end_reasoning_;
  Part part_;
  std::optional<constrain::Matcher> matcher_;
  constrain::JsonLayout layout_;
  std::shared_ptr<const constrain::TokenMask> mask_;  // that was given last
  std::vector<uint64_t> start_mask_;                  // the same with the token that begins reasoning
  constrain::TextCuts::Cut likely_;                   // that were guessed last
  size_t likely_come_ = 0;                            // of them, since then
  bool is_complete_ = false;
  bool may_guess_ = true;  // there may be a guess: told while the state is at hand
  double spent_seconds_ = 0;
};

}  // namespace studio::engine
