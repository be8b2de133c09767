#include "engine/constrain/token_trie.h"

#include <algorithm>
#include <bit>

namespace studio::engine::constrain {
namespace {

// A token is a node a byte; what is longer is no text of a language.
constexpr size_t kMaxTokenBytes = 1024;

}  // namespace

size_t TokenMask::count() const {
  size_t count = 0;
  for (const uint64_t word : words_) count += static_cast<size_t>(std::popcount(word));
  return count;
}

TokenTrie::TokenTrie(std::span<const std::string_view> tokens, std::span<const TokenId> ends)
    : ends_(ends.begin(), ends.end()) {
  std::array<std::vector<std::pair<TokenId, int>>, kSliceCount> plain;  // with their characters
  std::vector<TokenId> others;
  offsets_.push_back(0);
  std::erase_if(ends_, [&](TokenId id) { return id < 0 || static_cast<size_t>(id) >= tokens.size(); });
  for (size_t i = 0; i < tokens.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    const bool is_text = !tokens[i].empty() && tokens[i].size() <= kMaxTokenBytes && !is_end(id);
    if (is_text) {
      bytes_ += tokens[i];
      longest_ = std::max(longest_, tokens[i].size());
      const auto [slice, chars] = slice_of(tokens[i]);
      if (slice == Slice::kNone) {
        others.push_back(id);
      } else {
        plain[static_cast<size_t>(slice)].emplace_back(id, chars);
      }
    }
    offsets_.push_back(bytes_.size());
  }
  for (size_t i = 0; i < kSliceCount; ++i) add_plain(std::move(plain[i]), plain_[i]);
  add_tree(std::move(others), others_);
}

void TokenTrie::add_plain(std::vector<std::pair<TokenId, int>> tokens, PlainTokens& plain) {
  std::vector<TokenId> ids;
  for (const auto& [id, chars] : tokens) {
    ids.push_back(id);
    while (plain.up_to.size() <= static_cast<size_t>(chars)) plain.up_to.emplace_back(token_count());
    plain.up_to[static_cast<size_t>(chars)].allow(id);
  }
  for (size_t i = 1; i < plain.up_to.size(); ++i) plain.up_to[i].allow(plain.up_to[i - 1]);
  add_tree(std::move(ids), plain.tree);
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
  // What all text may do, each slice may: it is asked first, and mostly settles the others.
  const Taken of_text = take(automaton, state, Slice::kText, kMaxTextChars);
  for (size_t i = 0; i < kSliceCount; ++i) {
    const PlainTokens& plain = plain_[i];
    if (plain.up_to.empty()) continue;
    const int most_chars = static_cast<int>(plain.up_to.size()) - 1;
    const bool is_settled = of_text.nothing_more || of_text.chars >= most_chars;
    const Taken taken = is_settled ? of_text : take(automaton, state, static_cast<Slice>(i), most_chars);
    const int chars = std::min(taken.chars, most_chars);
    if (chars > 0) mask.allow(plain.up_to[static_cast<size_t>(chars)]);
    if (chars < most_chars && !taken.nothing_more) walk(plain.tree, automaton, state, mask);
  }
  for (const auto& [first, twin] : twins_) {
    if (mask.allows(first)) mask.allow(twin);
  }
  if (automaton.may_end(state)) allow_ends(mask);
  return mask;
}

}  // namespace studio::engine::constrain
