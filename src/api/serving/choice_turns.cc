#include "api/serving/choice_turns.h"

#include <utility>

namespace studio::api {

void ChoiceTurns::end_turn(int choice, bool is_last) {
  Choice& ended = of(choice);
  ended.is_over |= is_last;
  ended.open.delta.choice = choice;
  Turn turn = std::exchange(ended.open, {});
  if (turn.tokens > 0 || !turn.delta.is_empty()) ended.waiting.push_back(std::move(turn));
}

std::optional<ChoiceTurns::Turn> ChoiceTurns::next() {
  for (size_t passed = 0; passed < choices_.size(); ++passed) {
    Choice& choice = choices_[at_];
    if (choice.waiting.empty() && !choice.is_over) return std::nullopt;
    at_ = (at_ + 1) % choices_.size();
    if (choice.waiting.empty()) continue;
    Turn turn = std::move(choice.waiting.front());
    choice.waiting.pop_front();
    return turn;
  }
  return std::nullopt;
}

}  // namespace studio::api
