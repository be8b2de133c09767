// Every run of tokens that occurs in a text, found in the time it takes to read it: the online suffix automaton.
//
// A state is a set of runs that end at the same places of the text; the longest has `length` tokens, and the link goes
// to the state of the longest suffix that ends at more places. States are at most twice, edges three times the tokens.
// Several texts stand behind each other with a border between them, which no run crosses.
// Source: Blumer et al., "The smallest automaton recognizing the subwords of a text" (1985). Added: `end`, one place
// where a state's runs end, of late where that costs nothing.
// Room: about 100 bytes a token, taken as texts grow. Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/tensor/token.h"

namespace studio::engine {

class SuffixAutomaton {
 public:
  static constexpr TokenId kBorder = -1;  // in text(), behind each text but the last

  // A run of `length` tokens that occurs; length 0: the empty one.
  struct Match {
    int32_t state = 0;
    int32_t length = 0;
  };

  SuffixAutomaton();

  void append(TokenId token);  // the current text goes on
  void end_text();             // what comes next is another text

  // The longest suffix of the current text that occurs before it, overlaps allowed.
  Match longest_repeat() const;
  // The longest suffix of (what matched, token) that occurs. Matches stay valid while texts grow.
  Match advance(Match match, TokenId token) const;
  // text()[end_of(m)] is what followed the run once: a place of late, not always the last. Less than the text's end
  // for longest_repeat().
  int32_t end_of(Match match) const;

  std::span<const TokenId> text() const { return text_; }  // all of them
  size_t bytes() const;

 private:
  struct State {
    int32_t length = 0;
    int32_t link = -1;
    int32_t end = 0;
    int32_t first_edge = -1;
  };
  struct Edge {
    int32_t from;
    TokenId token;
    int32_t to;
    int32_t next;  // of the same state
  };

  int32_t find_edge(int32_t state, TokenId token) const;  // -1: none
  void add_edge(int32_t state, TokenId token, int32_t to);
  void grow_table();
  size_t slot_of(int32_t state, TokenId token) const;
  int32_t add_state(int32_t length, int32_t end);
  // The target of `edge`, split off if it holds longer runs than those that come over this edge.
  int32_t split_target(int32_t edge);
  int32_t normal(Match match) const;  // the state that holds the run now
  void note_end();

  std::vector<TokenId> text_;
  std::vector<State> states_;  // [0] is the empty run
  std::vector<Edge> edges_;
  std::vector<int32_t> table_;  // open addressing: edge + 1, or 0; a power of two, at most half full
  int32_t last_ = 0;            // of the current text, all of it
  bool last_is_known_ = false;  // an earlier text begins with the current one
};

}  // namespace studio::engine
