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
  std::erase_if(ends_, [&](TokenId id) { return id < 0 || static_cast<size_t>(id) >= tokens.size(); });
  for (size_t i = 0; i < tokens.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    const bool is_text = !tokens[i].empty() && tokens[i].size() <= kMaxTokenBytes && !is_end(id);
    add_text(is_text ? tokens[i] : std::string_view());
    if (is_text) {
      const auto [slice, chars] = slice_of(tokens[i]);
      if (slice == Slice::kNone) {
        others.push_back(id);
      } else {
        plain[static_cast<size_t>(slice)].emplace_back(id, chars);
      }
    }
  }
  for (size_t i = 0; i < kSliceCount; ++i) add_plain(std::move(plain[i]), plain_[i]);
  add_tree(std::move(others), others_);
}

void TokenTrie::add_text(std::string_view bytes) {
  Text& text = texts_.emplace_back();
  if (bytes.size() <= Text::kMostInside) {
    text.size = static_cast<uint8_t>(bytes.size());
    std::ranges::copy(bytes, text.inside.begin());
    return;
  }
  text.size = Text::kOutside;
  const auto index = static_cast<uint32_t>(long_.size());
  std::memcpy(text.inside.data(), &index, sizeof index);
  long_.push_back({.first = outside_.size(), .size = bytes.size()});
  outside_ += bytes;
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
  std::vector<TokenId> once;
  for (const TokenId id : ids) {
    if (!once.empty() && bytes(once.back()) == bytes(id)) {
      twins_.emplace_back(once.back(), id);
    } else {
      once.push_back(id);
    }
  }
  if (!once.empty()) tree.roots = add_children(once, 0, tree.nodes);
}

uint16_t TokenTrie::add_children(std::span<const TokenId> ids, size_t depth, std::vector<Node>& nodes) const {
  std::vector<std::span<const TokenId>> below;
  const size_t first = nodes.size();
  for (size_t begin = 0, end = 0; begin < ids.size(); begin = end) {
    const char byte = bytes(ids[begin])[depth];
    while (end < ids.size() && bytes(ids[end])[depth] == byte) ++end;
    below.push_back(ids.subspan(begin, end - begin));
    nodes.push_back({.byte = static_cast<uint8_t>(byte)});
  }
  for (size_t i = 0; i < below.size(); ++i) {
    std::span<const TokenId> rest = below[i];
    if (bytes(rest.front()).size() == depth + 1) {
      nodes[first + i].token = rest.front();
      rest = rest.subspan(1);
    }
    if (rest.empty()) continue;
    nodes[first + i].first = static_cast<uint32_t>(nodes.size());
    const uint16_t count = add_children(rest, depth + 1, nodes);
    nodes[first + i].count = count;
  }
  return static_cast<uint16_t>(below.size());
}

void TokenTrie::walk(const Tree& tree, Automaton& automaton, StateId state, TokenMask& mask) const {
  struct Level {
    uint32_t at, end;
    StateId state;
  };
  std::vector<Level> open{{0, tree.roots, state}};
  while (!open.empty()) {
    Level& level = open.back();
    if (level.at == level.end) {
      open.pop_back();
      continue;
    }
    const Node& node = tree.nodes[level.at++];
    const StateId next = automaton.step(level.state, node.byte);
    if (next == Automaton::kDead) continue;
    if (node.token >= 0) mask.allow(node.token);
    if (node.count > 0) open.push_back({node.first, node.first + node.count, next});
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
