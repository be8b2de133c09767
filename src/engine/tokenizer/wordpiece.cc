#include "engine/tokenizer/wordpiece.h"

#include <algorithm>
#include <utility>

#include "engine/tokenizer/bert_text.h"

namespace studio::engine {
namespace {

constexpr size_t kLeastEdges = 1024;
// Nodes whose number fits beside a byte in 32 bits. A vocabulary has at most as many as bytes, real ones under 300,000;
// 16 million need a file of 64 MB that holds nothing but tokens without a common beginning.
constexpr size_t kMaxNodes = 1 << 24;

}  // namespace

size_t WordPiece::Tree::slot_of(uint32_t key) const {
  const size_t mask = edges_.size() - 1;
  size_t at = (key * 0x9E3779B97F4A7C15u >> 32) & mask;
  while (edges_[at].key != kFree && edges_[at].key != key) at = (at + 1) & mask;
  return at;
}

uint32_t WordPiece::Tree::child(uint32_t node, uint8_t byte) const {
  return edges_.empty() ? kNone : edges_[slot_of(node << 8 | byte)].child;
}

void WordPiece::Tree::grow() {
  std::vector<Edge> old = std::exchange(edges_, std::vector<Edge>(std::max(kLeastEdges, 2 * edges_.size())));
  for (const Edge& edge : old) {
    if (edge.key != kFree) edges_[slot_of(edge.key)] = edge;
  }
}

// A text that is there already keeps its first id; past kMaxNodes nothing is added.
void WordPiece::Tree::add(std::string_view text, TokenId id) {
  uint32_t node = 0;
  for (const char c : text) {
    if (2 * (tokens_.size() + 1) > edges_.size()) grow();
    Edge& edge = edges_[slot_of(node << 8 | static_cast<uint8_t>(c))];
    if (edge.key == kFree) {
      if (tokens_.size() == kMaxNodes - 1) return;
      edge = {node << 8 | static_cast<uint8_t>(c), static_cast<uint32_t>(tokens_.size())};
      tokens_.push_back(-1);
    }
    node = edge.child;
  }
  if (node != 0 && tokens_[node] < 0) tokens_[node] = id;
}

WordPiece::WordPiece(HfWordPiece data) : data_(std::move(data)) {
  for (size_t id = 0; id < data_.tokens.size(); ++id) {
    const std::string_view token = data_.tokens[id];
    starts_.add(token, static_cast<TokenId>(id));
    if (token.starts_with(data_.prefix)) continues_.add(token.substr(data_.prefix.size()), static_cast<TokenId>(id));
  }
}

Result<std::shared_ptr<const WordPiece>> WordPiece::from_json(std::string_view json) {
  STUDIO_TRY(auto data, HfWordPiece::parse(json));
  return std::shared_ptr<const WordPiece>(new WordPiece(std::move(data)));
}

void WordPiece::add_word(std::string_view word, std::vector<TokenId>& ids) const {
  const size_t before = ids.size();
  for (size_t at = 0; at < word.size();) {
    const Tree& tree = at == 0 ? starts_ : continues_;
    TokenId longest = -1;
    size_t end = at;
    uint32_t node = 0;
    for (size_t i = at; i < word.size(); ++i) {
      node = tree.child(node, static_cast<uint8_t>(word[i]));
      if (node == Tree::kNone) break;
      if (tree.token_at(node) >= 0) {
        longest = tree.token_at(node);
        end = i + 1;
      }
    }
    if (longest < 0) {  // the whole word is unknown
      ids.resize(before);
      ids.push_back(data_.unknown);
      return;
    }
    ids.push_back(longest);
    at = end;
  }
}

std::vector<TokenId> WordPiece::encode(std::string_view text) const {
  std::vector<TokenId> ids;
  BertWords words(text, data_.rules);
  std::string_view word;
  size_t characters = 0;
  while (words.next(word, characters)) {
    if (characters > data_.max_word_characters) {
      ids.push_back(data_.unknown);
    } else {
      add_word(word, ids);
    }
  }
  return ids;
}

std::vector<TokenId> WordPiece::encode_for_model(std::string_view text) const {
  std::vector<TokenId> ids = encode(text);
  ids.insert(ids.begin(), data_.before.begin(), data_.before.end());
  ids.insert(ids.end(), data_.after.begin(), data_.after.end());
  return ids;
}

std::string_view WordPiece::token(TokenId id) const {
  return id >= 0 && id < vocab_size() ? std::string_view(data_.tokens[static_cast<size_t>(id)]) : std::string_view();
}

}  // namespace studio::engine
