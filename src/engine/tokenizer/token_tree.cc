#include "engine/tokenizer/token_tree.h"

#include <algorithm>
#include <utility>

namespace studio::engine {
namespace {

constexpr size_t kLeastEdges = 1024;

}  // namespace

void TokenTree::grow() {
  std::vector<Edge> old = std::exchange(edges_, std::vector<Edge>(std::max(kLeastEdges, 2 * edges_.size())));
  for (const Edge& edge : old) {
    if (edge.key != kFree) edges_[slot_of(edge.key)] = edge;
  }
}

void TokenTree::add(std::string_view text, TokenId id) {
  uint32_t node = kRoot;
  for (const char c : text) {
    if (2 * (tokens_.size() + 1) > edges_.size()) grow();
    const uint32_t key = node << 8 | static_cast<uint8_t>(c);
    Edge& edge = edges_[slot_of(key)];
    if (edge.key == kFree) {
      if (tokens_.size() == kMaxNodes - 1) return;
      edge = {key, static_cast<uint32_t>(tokens_.size())};
      tokens_.push_back(-1);
    }
    node = edge.child;
  }
  if (node != kRoot && tokens_[node] < 0) tokens_[node] = id;
}

}  // namespace studio::engine
