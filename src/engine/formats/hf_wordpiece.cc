#include "engine/formats/hf_wordpiece.h"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "base/json.h"
#include "engine/formats/hf_tokenizer.h"
#include "engine/formats/json_at.h"
#include "engine/formats/source_error.h"

namespace studio::engine {
namespace {

namespace json = boost::json;

constexpr size_t kMaxDepth = 16;              // real files nest six deep
constexpr int64_t kMaxTokens = 4 << 20;       // as for a GGUF file's arrays
constexpr int64_t kMaxHoles = 65'536;         // ids without a token
constexpr size_t kMaxTokenBytes = 1024;       // the longest of real vocabularies are under 100
constexpr int64_t kMaxWordCharacters = 1000;  // BERT's own limit is 100
constexpr size_t kMaxAround = 16;             // ids before or after a text; real files have one each

Error bad(const std::string& text) {
  return Error(Code::kCorruptData, "tokenizer.json: " + text);
}

Error unsupported(const std::string& text) {
  return Error(Code::kUnimplemented, "tokenizer.json: " + text);
}

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

Status add_id(const json::value* value, const HfWordPiece& data, std::vector<int32_t>& to) {
  const int64_t* id = value != nullptr ? value->if_int64() : nullptr;
  if (id == nullptr || *id < 0 || *id >= static_cast<int64_t>(data.tokens.size()) || to.size() == kMaxAround) {
    return bad("post_processor names too many ids, or one that is not in the vocabulary");
  }
  to.push_back(static_cast<int32_t>(*id));
  return Ok{};
}

// {"type": "BertProcessing", "sep": ["[SEP]", 102], "cls": ["[CLS]", 101]}
Status read_bert_processing(const json::object& processor, HfWordPiece& data) {
  for (const auto& [key, to] : {std::pair{"cls", &data.before}, std::pair{"sep", &data.after}}) {
    const json::value* pair = processor.if_contains(key);
    if (pair == nullptr || !pair->is_array() || pair->get_array().size() != 2) {
      return bad(std::string("post_processor.") + key + " is no pair of token and id");
    }
    STUDIO_CHECK_OK(add_id(&pair->get_array()[1], data, *to));
  }
  data.between = data.after;
  return Ok{};
}

// What stands before the first text of a list, between it and the next, and so on: one entry more than there are texts.
using Around = std::vector<std::vector<int32_t>>;

// A list of special tokens and {"Sequence": ...}, in the order of the ids.
Result<Around> read_pieces(const json::object& processor, std::string_view name, const HfWordPiece& data) {
  const json::value* list = processor.if_contains(name);
  const json::object* specials = object_at(processor, "special_tokens");
  const auto wrong = [&](const std::string& what) { return bad("post_processor." + std::string(name) + " " + what); };
  if (list == nullptr || !list->is_array() || specials == nullptr) {
    return bad("post_processor has no list `" + std::string(name) + "`, or no special_tokens");
  }
  Around around(1);
  for (const json::value& item : list->get_array()) {
    const json::object* piece = item.if_object();
    if (piece == nullptr) return wrong("holds what is no object");
    if (piece->if_contains("Sequence") != nullptr) {
      if (around.size() > 2) return wrong("has more than two texts");
      around.emplace_back();
      continue;
    }
    const json::object* special = object_at(*piece, "SpecialToken");
    const json::object* token = special != nullptr ? object_at(*specials, string_at(*special, "id")) : nullptr;
    const json::value* ids = token != nullptr ? token->if_contains("ids") : nullptr;
    if (ids == nullptr || !ids->is_array()) return wrong("names a token without ids");
    for (const json::value& id : ids->get_array()) STUDIO_CHECK_OK(add_id(&id, data, around.back()));
  }
  return around;
}

Status read_template(const json::object& processor, HfWordPiece& data) {
  STUDIO_TRY(const Around single, read_pieces(processor, "single", data));
  if (single.size() == 1) return bad("post_processor.single leaves out the text");
  if (single.size() > 2) return unsupported("post_processor.single has the text twice");
  data.before = single[0];
  data.after = single[1];
  if (processor.if_contains("pair") == nullptr) return Ok{};
  STUDIO_TRY(Around pair, read_pieces(processor, "pair", data));
  if (pair.size() == 3 && pair[0] == data.before && pair[2] == data.after) data.between = std::move(pair[1]);
  return Ok{};
}

Status read_around(const json::object& root, HfWordPiece& data) {
  const json::object* processor = object_at(root, "post_processor");
  if (processor == nullptr) return bad("there is no post_processor");
  const std::string_view type = string_at(*processor, "type");
  if (type == "BertProcessing") return read_bert_processing(*processor, data);
  if (type == "TemplateProcessing") return read_template(*processor, data);
  return unsupported("post_processor.type is " + quoted(type) +
                     "; TemplateProcessing and BertProcessing are supported");
}

}  // namespace

Result<HfWordPiece> HfWordPiece::parse(std::string_view text) {
  auto document = parse_json(text, {.depth = kMaxDepth, .bytes = kMaxTokenizerJsonBytes});
  if (!document.ok()) return bad("it is no JSON we accept: " + document.error().message());
  const json::object* root = document->if_object();
  const json::object* model = root != nullptr ? object_at(*root, "model") : nullptr;
  if (model == nullptr) return bad("there is no model");
  const std::string_view type = string_at(*model, "type");
  if (type != "WordPiece") return unsupported("model.type is " + quoted(type) + "; WordPiece is supported here");
  HfWordPiece data;
  STUDIO_CHECK_OK(read_rules(*root, data.rules));
  STUDIO_CHECK_OK(read_model(*model, data));
  STUDIO_CHECK_OK(read_around(*root, data));
  return data;
}

}  // namespace studio::engine
