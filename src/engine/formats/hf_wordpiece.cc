#include "engine/formats/hf_wordpiece.h"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "engine/formats/hf_around.h"
#include "engine/formats/json_at.h"
#include "engine/formats/source_error.h"
#include "engine/formats/tokenizer_json.h"

namespace studio::engine {
namespace {

namespace json = boost::json;
using tokenizer_json::bad, tokenizer_json::kMaxHoles, tokenizer_json::kMaxTokenBytes, tokenizer_json::kMaxTokens,
    tokenizer_json::unsupported;

constexpr int64_t kMaxWordCharacters = 1000;  // BERT's own limit is 100

// A flag of BertNormalizer; null counts as `otherwise`.
Result<bool> flag(const json::object& object, std::string_view key, bool otherwise) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return otherwise;
  if (!value->is_bool()) return bad("normalizer." + std::string(key) + " is neither true nor false");
  return value->get_bool();
}

Status read_rules(const json::object& root, BertTextRules& rules) {
  const json::object* normalizer = object_at(root, "normalizer");
  if (normalizer == nullptr || string_at(*normalizer, "type") != "BertNormalizer") {
    return unsupported("a normalizer other than BertNormalizer is not supported for WordPiece");
  }
  const json::object* split = object_at(root, "pre_tokenizer");
  if (split == nullptr || string_at(*split, "type") != "BertPreTokenizer") {
    return unsupported("a pre_tokenizer other than BertPreTokenizer is not supported for WordPiece");
  }
  STUDIO_TRY(rules.cleans, flag(*normalizer, "clean_text", true));
  STUDIO_TRY(rules.sets_chinese_apart, flag(*normalizer, "handle_chinese_chars", true));
  STUDIO_TRY(rules.lowers, flag(*normalizer, "lowercase", true));
  STUDIO_TRY(rules.strips_accents, flag(*normalizer, "strip_accents", rules.lowers));
  return Ok{};
}

Status read_vocabulary(const json::object& model, HfWordPiece& data) {
  const json::object* vocabulary = object_at(model, "vocab");
  if (vocabulary == nullptr) return bad("model.vocab is no object");
  const int64_t limit = std::min(kMaxTokens, static_cast<int64_t>(vocabulary->size()) + kMaxHoles);
  for (const auto& [token, id] : *vocabulary) {
    if (!id.is_int64() || id.get_int64() < 0 || id.get_int64() >= limit) {
      return bad("the id of token " + quoted(token) + " is out of range");
    }
    if (token.empty() || token.size() > kMaxTokenBytes) {
      return bad("the token " + quoted(token) + " is empty or over " + std::to_string(kMaxTokenBytes) + " bytes long");
    }
    const auto at = static_cast<size_t>(id.get_int64());
    if (data.tokens.size() <= at) data.tokens.resize(at + 1);
    if (!data.tokens[at].empty()) return bad("two tokens have the id " + std::to_string(at));
    data.tokens[at] = std::string(token);
  }
  return Ok{};
}

Status read_model(const json::object& model, HfWordPiece& data) {
  const json::value* prefix = model.if_contains("continuing_subword_prefix");
  data.prefix = prefix == nullptr ? "##" : std::string(string_at(model, "continuing_subword_prefix"));
  if (data.prefix.empty() || data.prefix.size() > kMaxTokenBytes) {
    return unsupported("model.continuing_subword_prefix is empty, too long or no text");
  }
  if (const json::value* most = model.if_contains("max_input_chars_per_word")) {
    if (!most->is_int64() || most->get_int64() < 1 || most->get_int64() > kMaxWordCharacters) {
      return bad("model.max_input_chars_per_word is no whole number from 1 to " + std::to_string(kMaxWordCharacters));
    }
    data.max_word_characters = static_cast<size_t>(most->get_int64());
  }
  STUDIO_CHECK_OK(read_vocabulary(model, data));
  const std::string_view unknown = string_at(model, "unk_token");
  const auto found = std::ranges::find(data.tokens, unknown);
  if (unknown.empty() || found == data.tokens.end()) {
    return bad("model.unk_token " + quoted(unknown) + " is not in the vocabulary");
  }
  data.unknown = static_cast<int32_t>(found - data.tokens.begin());
  return Ok{};
}

}  // namespace

Result<HfWordPiece> HfWordPiece::parse(std::string_view text) {
  STUDIO_TRY(const auto document, tokenizer_json::Document::parse(text));
  if (document.type() != "WordPiece") {
    return unsupported("model.type is " + quoted(document.type()) + "; WordPiece is supported here");
  }
  HfWordPiece data;
  STUDIO_CHECK_OK(read_rules(document.root(), data.rules));
  STUDIO_CHECK_OK(read_model(document.model(), data));
  STUDIO_TRY(HfAround around, HfAround::read(document.root(), data.tokens.size()));
  data.before = std::move(around.before);
  data.after = std::move(around.after);
  data.between = std::move(around.between);
  return data;
}

}  // namespace studio::engine
