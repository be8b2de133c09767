#include "engine/speculation/suffix_automaton.h"

namespace studio::engine {
namespace {

constexpr size_t kFirstSlots = 256;
// Suffixes of the text whose `end` follows it: the longer ones, of which a match is likely to be one.
constexpr int kNotedSuffixes = 16;

}  // namespace

SuffixAutomaton::SuffixAutomaton() : states_(1), table_(kFirstSlots) {}

size_t SuffixAutomaton::slot_of(int32_t state, TokenId token) const {
  const uint64_t key = static_cast<uint64_t>(static_cast<uint32_t>(state)) << 32 | static_cast<uint32_t>(token);
  const uint64_t mixed = (key ^ key >> 29) * 0x9E3779B97F4A7C15;  // 2^64 / golden ratio: Fibonacci hashing
  return static_cast<size_t>(mixed >> 32) & (table_.size() - 1);
}

int32_t SuffixAutomaton::find_edge(int32_t state, TokenId token) const {
  for (size_t slot = slot_of(state, token); table_[slot] != 0; slot = (slot + 1) & (table_.size() - 1)) {
    const Edge& edge = edges_[static_cast<size_t>(table_[slot] - 1)];
    if (edge.from == state && edge.token == token) return table_[slot] - 1;
  }
  return -1;
}

void SuffixAutomaton::add_edge(int32_t state, TokenId token, int32_t to) {
  State& from = states_[static_cast<size_t>(state)];
  edges_.push_back({state, token, to, from.first_edge});
  from.first_edge = static_cast<int32_t>(edges_.size()) - 1;
  if (2 * edges_.size() > table_.size()) return grow_table();
  size_t slot = slot_of(state, token);
  while (table_[slot] != 0) slot = (slot + 1) & (table_.size() - 1);
  table_[slot] = from.first_edge + 1;
}

void SuffixAutomaton::grow_table() {
  table_.assign(2 * table_.size(), 0);
  for (size_t i = 0; i < edges_.size(); ++i) {
    size_t slot = slot_of(edges_[i].from, edges_[i].token);
    while (table_[slot] != 0) slot = (slot + 1) & (table_.size() - 1);
    table_[slot] = static_cast<int32_t>(i) + 1;
  }
}

int32_t SuffixAutomaton::add_state(int32_t length, int32_t end) {
  states_.push_back({length, 0, end, -1});
  return static_cast<int32_t>(states_.size()) - 1;
}

int32_t SuffixAutomaton::split_target(int32_t edge) {
  const int32_t from = edges_[static_cast<size_t>(edge)].from, to = edges_[static_cast<size_t>(edge)].to;
  const TokenId token = edges_[static_cast<size_t>(edge)].token;
  const int32_t length = states_[static_cast<size_t>(from)].length + 1;
  if (states_[static_cast<size_t>(to)].length == length) return to;
  const int32_t part = add_state(length, states_[static_cast<size_t>(to)].end);
  states_[static_cast<size_t>(part)].link = states_[static_cast<size_t>(to)].link;
  states_[static_cast<size_t>(to)].link = part;
  for (int32_t e = states_[static_cast<size_t>(to)].first_edge; e >= 0; e = edges_[static_cast<size_t>(e)].next) {
    add_edge(part, edges_[static_cast<size_t>(e)].token, edges_[static_cast<size_t>(e)].to);
  }
  for (int32_t s = from; s >= 0; s = states_[static_cast<size_t>(s)].link) {
    const int32_t e = find_edge(s, token);
    if (e < 0 || edges_[static_cast<size_t>(e)].to != to) break;
    edges_[static_cast<size_t>(e)].to = part;
  }
  return part;
}

// The current text's suffixes end here. Told before the next token, so that until then they are found where they ended
// before.
void SuffixAutomaton::note_end() {
  const auto end = static_cast<int32_t>(text_.size());
  int32_t state = last_;
  for (int i = 0; i < kNotedSuffixes && state > 0; ++i, state = states_[static_cast<size_t>(state)].link) {
    states_[static_cast<size_t>(state)].end = end;
  }
}

void SuffixAutomaton::append(TokenId token) {
  note_end();
  text_.push_back(token);
  if (const int32_t edge = find_edge(last_, token); edge >= 0) {  // an earlier text began with this one
    last_ = split_target(edge);
    last_is_known_ = true;
    return;
  }
  const int32_t added = add_state(states_[static_cast<size_t>(last_)].length + 1, static_cast<int32_t>(text_.size()));
  int32_t state = last_, edge = -1;
  for (; state >= 0 && (edge = find_edge(state, token)) < 0; state = states_[static_cast<size_t>(state)].link) {
    add_edge(state, token, added);
  }
  const int32_t link = state < 0 ? 0 : split_target(edge);
  states_[static_cast<size_t>(added)].link = link;
  last_ = added;
  last_is_known_ = false;
}

void SuffixAutomaton::end_text() {
  note_end();
  text_.push_back(kBorder);
  last_ = 0;
  last_is_known_ = false;
}

SuffixAutomaton::Match SuffixAutomaton::longest_repeat() const {
  if (last_ == 0) return {};
  const int32_t state = last_is_known_ ? last_ : states_[static_cast<size_t>(last_)].link;
  return {state, states_[static_cast<size_t>(state)].length};
}

int32_t SuffixAutomaton::normal(Match match) const {
  int32_t state = match.state;
  while (state > 0) {
    const int32_t link = states_[static_cast<size_t>(state)].link;
    if (match.length > states_[static_cast<size_t>(link)].length) break;
    state = link;
  }
  return state;
}

SuffixAutomaton::Match SuffixAutomaton::advance(Match match, TokenId token) const {
  int32_t state = normal(match), length = match.length, edge = -1;
  while ((edge = find_edge(state, token)) < 0) {
    if (state == 0) return {};
    state = states_[static_cast<size_t>(state)].link;
    length = states_[static_cast<size_t>(state)].length;
  }
  const Match longer{edges_[static_cast<size_t>(edge)].to, length + 1};
  return {normal(longer), longer.length};
}

int32_t SuffixAutomaton::end_of(Match match) const {
  return states_[static_cast<size_t>(normal(match))].end;
}

size_t SuffixAutomaton::bytes() const {
  return text_.capacity() * sizeof(TokenId) + states_.capacity() * sizeof(State) + edges_.capacity() * sizeof(Edge) +
         table_.capacity() * sizeof(int32_t);
}

}  // namespace studio::engine
