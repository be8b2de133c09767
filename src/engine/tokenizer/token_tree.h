// Tokens by their bytes as a tree, for whoever looks for the longest that stands at a place, or for all of them.
//
// Edges lie in one table, so that a step costs one probe. Filled once; then any thread may read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/tensor/token.h"

namespace studio::engine {

class TokenTree {
 public:
  static constexpr uint32_t kRoot = 0, kNone = 0;  // the root is nobody's child

  TokenTree() : tokens_(1, -1) {}

  // A text that is there already keeps its first id; an empty one, or one past kMaxNodes, is not added.
  void add(std::string_view text, TokenId id);

  // The node that a byte leads to, or kNone.
  uint32_t child(uint32_t node, uint8_t byte) const {
    return edges_.empty() ? kNone : edges_[slot_of(node << 8 | byte)].child;
  }
  TokenId token_at(uint32_t node) const { return tokens_[node]; }  // or -1

 private:
  // Nodes whose number fits beside a byte in 32 bits. A vocabulary has at most as many as bytes, real ones under two
  // million; 16 million need a file of 64 MB that holds nothing but tokens without a common beginning.
  static constexpr size_t kMaxNodes = 1 << 24;
  static constexpr uint32_t kFree = ~uint32_t{0};
  struct Edge {
    uint32_t key = kFree;  // node << 8 | byte
    uint32_t child = kNone;
  };

  size_t slot_of(uint32_t key) const {
    const size_t mask = edges_.size() - 1;
    size_t at = (key * 0x9E3779B97F4A7C15u >> 32) & mask;
    while (edges_[at].key != kFree && edges_[at].key != key) at = (at + 1) & mask;
    return at;
  }
  void grow();

  std::vector<TokenId> tokens_;  // [nodes] or -1
  std::vector<Edge> edges_;      // open addressing, a power of two, at most half full
};

}  // namespace studio::engine
