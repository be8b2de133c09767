#include "engine/tokenizer/wordpiece.h"

#include <utility>

#include "engine/tokenizer/bert_text.h"

namespace studio::engine {

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
    const TokenTree& tree = at == 0 ? starts_ : continues_;
    TokenId longest = -1;
    size_t end = at;
    uint32_t node = TokenTree::kRoot;
    for (size_t i = at; i < word.size(); ++i) {
      node = tree.child(node, static_cast<uint8_t>(word[i]));
      if (node == TokenTree::kNone) break;
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
