#include "engine/tokenizer/unigram.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/tokenizer/unicode_classes.h"
#include "engine/tokenizer/utf8.h"

namespace studio::engine {
namespace {

// A word past it is cut: what is kept for each byte must stay small beside the text. No model takes as many tokens as
// such a word has.
constexpr size_t kMaxWordBytes = 64 << 10;
constexpr double kUnknownPenalty = 10;  // SentencePiece's: below the least score
constexpr std::string_view kSpaceMark = "\u2581";
constexpr size_t kMaxReplacement = 64;  // characters that one becomes; Unicode's longest is 18

enum TokenType : int32_t { kNormal = 1, kUserDefined = 4 };  // GGUF's: those that texts are made of

Error bad(std::string_view key, const std::string& what) {
  return Error(Code::kCorruptData, std::string(key) + " " + what);
}

Result<TokenId> read_id(const ModelSource& file, std::string_view key, size_t tokens) {
  STUDIO_TRY(const uint64_t id, file.get_u64(key));
  if (id >= tokens) return bad(key, "is outside the vocabulary");
  return static_cast<TokenId>(id);
}

}  // namespace

struct Unigram::Best {
  double score;
  uint32_t begin;  // of the last token; kNoWay: no way ends here
  TokenId token;
  static constexpr uint32_t kNoWay = ~uint32_t{0};
};

Status Unigram::read_tokens(const ModelSource& file) {
  STUDIO_TRY(const auto tokens, file.get_string_array("tokenizer.ggml.tokens"));
  STUDIO_TRY(const auto scores, file.get_f32_array("tokenizer.ggml.scores"));
  STUDIO_TRY(const auto types, file.get_i32_array("tokenizer.ggml.token_type"));
  if (scores.size() != tokens.size() || types.size() != tokens.size() || tokens.empty()) {
    return bad("tokenizer.ggml.tokens", "is empty, or there are not as many scores and types");
  }
  if (!std::ranges::all_of(scores, [](float score) { return std::isfinite(score); })) {
    return bad("tokenizer.ggml.scores", "holds a value that is not finite");
  }
  for (size_t id = 0; id < tokens.size(); ++id) {
    if (types[id] == kNormal || types[id] == kUserDefined) tree_.add(tokens[id], static_cast<TokenId>(id));
  }
  scores_.assign(scores.begin(), scores.end());
  unknown_score_ = *std::ranges::min_element(scores_) - kUnknownPenalty;
  STUDIO_TRY(unknown_, read_id(file, "tokenizer.ggml.unknown_token_id", tokens.size()));
  STUDIO_TRY(const TokenId bos, read_id(file, "tokenizer.ggml.bos_token_id", tokens.size()));
  STUDIO_TRY(const TokenId eos, read_id(file, "tokenizer.ggml.eos_token_id", tokens.size()));
  before_ = {bos};
  after_ = {eos};
  between_ = {eos, eos};  // as XLM-R has it
  return Ok{};
}

Status Unigram::read_characters(const ModelSource& file) {
  STUDIO_TRY(const auto from, file.get_i32_array(kUnigramFromKey));
  STUDIO_TRY(const auto ends, file.get_i32_array(kUnigramEndsKey));
  STUDIO_TRY(const auto to, file.get_i32_array(kUnigramToKey));
  const auto is_character = [](int32_t code) { return code >= 0 && static_cast<uint32_t>(code) < kCodePoints; };
  if (ends.size() != from.size())
    return bad(kUnigramEndsKey, "has not as many values as " + std::string(kUnigramFromKey));
  if (!std::ranges::all_of(to, is_character)) return bad(kUnigramToKey, "holds what is no character");
  size_t begin = 0;
  for (size_t i = 0; i < from.size(); ++i) {
    if (!is_character(from[i]) || (i > 0 && from[i] <= from[i - 1])) return bad(kUnigramFromKey, "does not ascend");
    const auto end = static_cast<size_t>(std::max(ends[i], 0));
    if (end < begin || end > to.size() || end - begin > kMaxReplacement) {
      return bad(kUnigramEndsKey, "does not ascend within " + std::string(kUnigramToKey));
    }
    from_.push_back(static_cast<uint32_t>(from[i]));
    to_.emplace_back();
    for (; begin < end; ++begin) append_utf8(static_cast<uint32_t>(to[begin]), to_.back());
  }
  return Ok{};
}

Result<std::shared_ptr<const Unigram>> Unigram::from_gguf(const ModelSource& file) {
  STUDIO_TRY(const auto kind, file.get_string("tokenizer.ggml.model"));
  if (kind != "t5") {
    return Error(Code::kUnimplemented, "tokenizer.ggml.model of an encoder is not supported; t5 (a unigram) is");
  }
  auto unigram = std::shared_ptr<Unigram>(new Unigram());
  STUDIO_CHECK_OK(unigram->read_tokens(file));
  STUDIO_CHECK_OK(unigram->read_characters(file));
  return std::shared_ptr<const Unigram>(std::move(unigram));
}

Result<std::shared_ptr<const Unigram>> Unigram::from_json(std::string_view json) {
  STUDIO_TRY(HfUnigram data, HfUnigram::parse(json));
  auto unigram = std::shared_ptr<Unigram>(new Unigram());
  for (size_t id = 0; id < data.tokens.size(); ++id) {
    if (!data.is_control[id]) unigram->tree_.add(data.tokens[id], static_cast<TokenId>(id));
  }
  unigram->unknown_ = data.unknown;
  unigram->unknown_score_ = *std::ranges::min_element(data.scores) - kUnknownPenalty;
  unigram->scores_ = std::move(data.scores);
  unigram->before_ = std::move(data.around.before);
  unigram->after_ = std::move(data.around.after);
  unigram->between_ = std::move(data.around.between);
  STUDIO_TRY(unigram->text_, UnigramText::make(data));
  return std::shared_ptr<const Unigram>(std::move(unigram));
}

void Unigram::append_character(uint32_t code_point, std::string& out) const {
  const auto found = std::ranges::lower_bound(from_, code_point);
  if (found == from_.end() || *found != code_point) return append_utf8(code_point, out);
  out += to_[static_cast<size_t>(found - from_.begin())];
}

// best[i] is the best way to cut the first i bytes; of equal ones the first that is found, from the left and shortest.
void Unigram::add_word(std::string_view word, std::vector<Best>& best, std::vector<TokenId>& ids) const {
  best.assign(word.size() + 1, Best{0, Best::kNoWay, -1});
  best[0].begin = 0;
  const auto relax = [&](size_t begin, size_t end, double score, TokenId token) {
    if (best[end].begin != Best::kNoWay && score <= best[end].score) return;
    best[end] = {score, static_cast<uint32_t>(begin), token};
  };
  for (size_t begin = 0; begin < word.size(); ++begin) {
    if (best[begin].begin == Best::kNoWay) continue;  // inside a character
    const size_t after = begin + static_cast<size_t>(decode_utf8(word, begin).bytes);
    bool is_spelled = false;
    uint32_t node = TokenTree::kRoot;
    for (size_t end = begin; end < word.size();) {
      node = tree_.child(node, static_cast<uint8_t>(word[end++]));
      if (node == TokenTree::kNone) break;
      const TokenId token = tree_.token_at(node);
      if (token < 0) continue;
      is_spelled = is_spelled || end == after;
      relax(begin, end, best[begin].score + scores_[static_cast<size_t>(token)], token);
    }
    if (!is_spelled) relax(begin, after, best[begin].score + unknown_score_, unknown_);
  }
  const size_t first = ids.size();
  for (size_t end = word.size(); end > 0; end = best[end].begin) {
    const bool goes_on = best[end].token == unknown_ && ids.size() > first && ids.back() == unknown_;
    if (!goes_on) ids.push_back(best[end].token);
  }
  std::reverse(ids.begin() + static_cast<ptrdiff_t>(first), ids.end());
}

std::vector<TokenId> Unigram::encode(std::string_view text) const {
  if (!text_) return encode_by_table(text);
  std::vector<TokenId> ids;
  std::vector<Best> best;
  text_->for_words(text, [&](std::string_view word) {
    while (word.size() > kMaxWordBytes) {
      size_t end = kMaxWordBytes;
      // Behind a whole character. Text is UTF-8 where it comes in; what is not is cut where the limit is.
      while (end > 0 && (static_cast<uint8_t>(word[end]) & 0xC0) == 0x80) --end;
      if (end == 0) end = kMaxWordBytes;
      add_word(word.substr(0, end), best, ids);
      word.remove_prefix(end);
    }
    add_word(word, best, ids);
  });
  return ids;
}

std::vector<TokenId> Unigram::encode_by_table(std::string_view text) const {
  std::vector<TokenId> ids;
  std::vector<Best> best;
  std::string word(kSpaceMark), replaced;
  const auto finish = [&] {
    if (word.size() > kSpaceMark.size()) add_word(word, best, ids);
    word = kSpaceMark;
  };
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = decode_utf8(text, at);
    at += static_cast<size_t>(point.bytes);
    replaced.clear();
    append_character(point.value, replaced);
    for (size_t i = 0; i < replaced.size();) {
      const CodePoint part = decode_utf8(replaced, i);
      if ((char_class(part.value) & kIsSpace) != 0 || word.size() > kMaxWordBytes) finish();
      if ((char_class(part.value) & kIsSpace) == 0) word.append(replaced, i, static_cast<size_t>(part.bytes));
      i += static_cast<size_t>(part.bytes);
    }
  }
  finish();
  return ids;
}

std::vector<TokenId> Unigram::encode_for_model(std::string_view text) const {
  std::vector<TokenId> ids = encode(text);
  ids.insert(ids.begin(), before_.begin(), before_.end());
  ids.insert(ids.end(), after_.begin(), after_.end());
  return ids;
}

}  // namespace studio::engine
