// The order of a stream's events where it may not depend on when tokens came: each choice in turn says what its next
// token completed, the first token of all choices before the second of any; one that has ended is passed over. So the
// n-th event is a function of the tokens alone.
// One per answer; not thread-safe.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "inference/generation.h"

namespace studio::api {

class ChoiceTurns {
 public:
  struct Turn {
    int tokens = 0;  // 0 or 1: an end may come without one
    inference::ChoiceDelta delta;
  };

  explicit ChoiceTurns(size_t choices) : choices_(choices) {}

  // What comes of one choice, in its order.
  void add_token(int choice) { ++of(choice).open.tokens; }
  void add_piece(const inference::ChoiceDelta& delta) { of(delta.choice).open.delta = delta; }  // one a turn at most
  void end_turn(int choice, bool is_last);

  // What may be said next; nothing where it is the turn of a choice that has not come so far.
  std::optional<Turn> next();

 private:
  struct Choice {
    Turn open;
    std::deque<Turn> waiting;
    bool is_over = false;
  };
  Choice& of(int choice) { return choices_[static_cast<size_t>(choice)]; }

  std::vector<Choice> choices_;
  size_t at_ = 0;  // whose turn it is
};

}  // namespace studio::api
