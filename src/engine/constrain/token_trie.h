// A vocabulary by its tokens' bytes: which tokens may follow is found by walking an automaton over a tree of them.
//
// The tree lies in one array, the children of a node side by side: what may not follow is passed over in the order of
// memory, of which hardly any is in a cache when a mask is asked for. Most tokens are plain text; they are trees of
// their own by the characters they are made of (token_slices.h), whose masks are kept by length: a state that takes all
// of a slice, or all up to a length, or none, does not walk its tree. Immutable: share one between all constraints and
// threads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/constrain/automaton.h"
#include "engine/constrain/token_slices.h"
#include "engine/tensor/token.h"

namespace studio::engine::constrain {

// One bit a token: set where it may come next.
class TokenMask {
 public:
  explicit TokenMask(size_t token_count = 0) : words_((token_count + 63) / 64), token_count_(token_count) {}

  bool allows(TokenId id) const { return (words_[static_cast<size_t>(id) / 64] >> (id % 64) & 1) != 0; }
  void allow(TokenId id) { words_[static_cast<size_t>(id) / 64] |= uint64_t{1} << (id % 64); }
  void allow(const TokenMask& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  }
  void keep(const TokenMask& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] &= other.words_[i];
  }
  size_t count() const;
  size_t token_count() const { return token_count_; }
  // Bit i % 64 of word i / 64 is token i.
  std::span<const uint64_t> words() const { return words_; }

 private:
  std::vector<uint64_t> words_;
  size_t token_count_;
};

class TokenTrie {
 public:
  // tokens [V]: what each adds to a text; empty for those that never may (control tokens, padding). `ends`: the tokens
  // that end an answer, which may come where the text may end. Nothing of the views is kept.
  TokenTrie(std::span<const std::string_view> tokens, std::span<const TokenId> ends);

  size_t token_count() const { return texts_.size(); }
  std::string_view bytes(TokenId id) const {
    const Text& text = texts_[static_cast<size_t>(id)];
    if (text.size <= Text::kMostInside) return {text.inside.data(), text.size};
    const Long& text_outside = long_[text.index()];
    return {outside_.data() + text_outside.first, text_outside.size};
  }
  bool is_end(TokenId id) const;
  void allow_ends(TokenMask& mask) const {
    for (const TokenId end : ends_) mask.allow(end);
  }

  // All tokens that may follow in that state, ends included.
  TokenMask mask(Automaton& automaton, StateId state) const;

 private:
  struct Node {
    uint32_t first = 0;  // of its children
    TokenId token = -1;  // whose bytes end here
    uint16_t count = 0;  // of its children
    uint8_t byte = 0;
  };
  // Of a token: a look at it is one line of memory, but for those of a hundred that are longer.
  struct Text {
    static constexpr uint8_t kMostInside = 15, kOutside = 0xFF;
    uint8_t size = 0;  // kOutside: index() tells which of the long ones
    std::array<char, kMostInside> inside{};

    uint32_t index() const {
      uint32_t index = 0;
      std::memcpy(&index, inside.data(), sizeof index);
      return index;
    }
  };
  struct Long {
    size_t first = 0, size = 0;  // of outside_
  };
  struct Tree {
    std::vector<Node> nodes;
    uint16_t roots = 0;  // the first so many of them begin a token
  };
  struct PlainTokens {
    Tree tree;
    std::vector<TokenMask> up_to;  // [characters]: the tokens that have no more
  };

  void add_text(std::string_view bytes);
  void add_plain(std::vector<std::pair<TokenId, int>> tokens, PlainTokens& plain);
  void add_tree(std::vector<TokenId> ids, Tree& tree);
  // `ids`: in the order of their bytes, all with the same `depth` first ones and more. The nodes behind those.
  uint16_t add_children(std::span<const TokenId> ids, size_t depth, std::vector<Node>& nodes) const;
  void walk(const Tree& tree, Automaton& automaton, StateId state, TokenMask& mask) const;

  std::vector<Text> texts_;  // [V]
  std::vector<Long> long_;
  std::string outside_;
  std::array<PlainTokens, kSliceCount> plain_;  // [slice]
  Tree others_;
  std::vector<std::pair<TokenId, TokenId>> twins_;  // of the same bytes; the first of them is in a tree
  std::vector<TokenId> ends_;
};

}  // namespace studio::engine::constrain
