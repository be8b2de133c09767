#include "engine/constrain/token_trie.h"

#include <algorithm>
#include <bit>
#include <set>

#include "engine/constrain/code_points.h"

namespace studio::engine::constrain {
namespace {

// A plain token has at most so many characters: nine in ten have. Longer ones are few, and looking further ahead for
// all of them costs more than walking them.
constexpr int kPlainChars = 12;
// A token is a node a byte; what is longer is no text of a language.
constexpr size_t kMaxTokenBytes = 1024;

// Whole characters that a JSON string holds as they are.
bool is_plain(std::string_view token) {
  int chars = 0;
  for (size_t at = 0; at < token.size(); ++chars) {
    const auto c = next_code_point(token, at);
    if (!c || *c < 0x20 || *c == '"' || *c == '\\') return false;
  }
  return chars <= kPlainChars;
}

// Places within a character: what UTF-8 lets follow. kStart is between two.
enum Place : uint8_t { kStart, kOneMore, kTwoMore, kThreeMore, kAfterE0, kAfterED, kAfterF0, kAfterF4, kPlaces };

struct Step {
  uint8_t first, last;
  Place next;
};

std::span<const Step> steps_from(Place place) {
  static constexpr Step kFromStart[] = {{0x20, 0x21, kStart},     {0x23, 0x5B, kStart},   {0x5D, 0x7F, kStart},
                                        {0xC2, 0xDF, kOneMore},   {0xE0, 0xE0, kAfterE0}, {0xE1, 0xEC, kTwoMore},
                                        {0xED, 0xED, kAfterED},   {0xEE, 0xEF, kTwoMore}, {0xF0, 0xF0, kAfterF0},
                                        {0xF1, 0xF3, kThreeMore}, {0xF4, 0xF4, kAfterF4}};
  static constexpr Step kInside[kPlaces] = {{0, 0, kStart},         {0x80, 0xBF, kStart},   {0x80, 0xBF, kOneMore},
                                            {0x80, 0xBF, kTwoMore}, {0xA0, 0xBF, kOneMore}, {0x80, 0x9F, kOneMore},
                                            {0x90, 0xBF, kTwoMore}, {0x80, 0x8F, kTwoMore}};
  if (place == kStart) return kFromStart;
  return {&kInside[place], 1};
}

// Every text of kPlainChars plain characters may follow. States met once are not looked at again: the first time there
// are most characters left.
bool takes_all_plain(Automaton& automaton, StateId state) {
  std::set<std::pair<StateId, Place>> seen;
  std::vector<std::pair<StateId, Place>> level = {{state, kStart}}, next_level;
  for (int chars = 0; chars < kPlainChars && !level.empty(); ++chars) {
    for (size_t i = 0; i < level.size(); ++i) {  // grows by what lies within the same character
      const auto [from, place] = level[i];
      for (const auto& [first, last, next] : steps_from(place)) {
        int last_class = -1;
        for (int byte = first; byte <= last; ++byte) {
          const int byte_class = automaton.program().class_of[static_cast<size_t>(byte)];
          if (byte_class == last_class) continue;
          last_class = byte_class;
          const StateId to = automaton.step(from, static_cast<uint8_t>(byte));
          if (to == Automaton::kDead) return false;
          if (seen.emplace(to, next).second) (next == kStart ? next_level : level).emplace_back(to, next);
        }
      }
    }
    level = std::exchange(next_level, {});
  }
  return true;
}

}  // namespace

size_t TokenMask::count() const {
  size_t count = 0;
  for (const uint64_t word : words_) count += static_cast<size_t>(std::popcount(word));
  return count;
}

TokenTrie::TokenTrie(std::span<const std::string_view> tokens, std::span<const TokenId> ends)
    : plain_mask_(tokens.size()), ends_(ends.begin(), ends.end()) {
  std::vector<TokenId> plain, others;
  offsets_.push_back(0);
  std::erase_if(ends_, [&](TokenId id) { return id < 0 || static_cast<size_t>(id) >= tokens.size(); });
  for (size_t i = 0; i < tokens.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    const bool is_text = !tokens[i].empty() && tokens[i].size() <= kMaxTokenBytes && !is_end(id);
    if (is_text) {
      bytes_ += tokens[i];
      (is_plain(tokens[i]) ? plain : others).push_back(id);
      longest_ = std::max(longest_, tokens[i].size());
    }
    offsets_.push_back(bytes_.size());
  }
  for (const TokenId id : plain) plain_mask_.allow(id);
  add_tree(std::move(plain), plain_);
  add_tree(std::move(others), others_);
}

bool TokenTrie::is_end(TokenId id) const {
  return std::ranges::find(ends_, id) != ends_.end();
}

void TokenTrie::add_tree(std::vector<TokenId> ids, Tree& tree) {
  std::ranges::sort(ids, [&](TokenId a, TokenId b) { return std::pair(bytes(a), a) < std::pair(bytes(b), b); });
  std::vector<uint32_t> path;  // the nodes of the token before
  const auto leave_to = [&](size_t depth) {
    while (path.size() > depth) {
      tree[path.back()].behind = static_cast<uint32_t>(tree.size());
      path.pop_back();
    }
  };
  for (const TokenId id : ids) {
    const std::string_view text = bytes(id);
    size_t common = 0;
    while (common < path.size() && common < text.size() &&
           tree[path[common]].byte == static_cast<uint8_t>(text[common])) {
      ++common;
    }
    if (common == text.size()) {  // sorted: the same bytes again
      twins_.emplace_back(tree[path[common - 1]].token, id);
      continue;
    }
    leave_to(common);
    for (size_t i = common; i < text.size(); ++i) {
      path.push_back(static_cast<uint32_t>(tree.size()));
      tree.push_back(
          {.behind = 0, .token = -1, .depth = static_cast<uint16_t>(i), .byte = static_cast<uint8_t>(text[i])});
    }
    tree.back().token = id;
  }
  leave_to(0);
}

void TokenTrie::walk(const Tree& tree, Automaton& automaton, StateId state, TokenMask& mask) const {
  std::vector<StateId> states(longest_ + 1);
  states[0] = state;
  for (size_t i = 0; i < tree.size();) {
    const Node& node = tree[i];
    const StateId next = automaton.step(states[node.depth], node.byte);
    if (next == Automaton::kDead) {
      i = node.behind;
      continue;
    }
    states[node.depth + 1u] = next;
    if (node.token >= 0) mask.allow(node.token);
    ++i;
  }
}

TokenMask TokenTrie::mask(Automaton& automaton, StateId state) const {
  TokenMask mask(token_count());
  walk(others_, automaton, state, mask);
  if (takes_all_plain(automaton, state)) {
    mask.allow(plain_mask_);
  } else {
    walk(plain_, automaton, state, mask);
  }
  for (const auto& [first, twin] : twins_) {
    if (mask.allows(first)) mask.allow(twin);
  }
  if (automaton.may_end(state)) {
    for (const TokenId end : ends_) mask.allow(end);
  }
  return mask;
}

}  // namespace studio::engine::constrain
