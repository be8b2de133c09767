// The vocabulary inside a Hugging Face tokenizer.json (library `tokenizers`, format version 1.0, read 2026-11).
#include <boost/json.hpp>
#include <string>
#include <utility>

#include "base/json.h"
#include "engine/tokenizer/tokenizer.h"

namespace studio::engine {
namespace {

namespace json = boost::json;

constexpr size_t kMaxJsonBytes = 64u << 20;  // real ones are 2 to 33 MB
constexpr int64_t kMaxTokens = 4 << 20;      // as for a GGUF file's arrays
constexpr std::string_view kQwen2Regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

Error bad(const std::string& text) {
  return Error(Code::kCorruptData, "tokenizer.json: " + text);
}

const json::object* object_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr ? value->if_object() : nullptr;
}

std::string_view string_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

bool flag_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

// One pre-tokenizer, or the list inside a Sequence.
Result<SplitPattern> read_split(const json::object& root) {
  const json::object* top = object_at(root, "pre_tokenizer");
  if (top == nullptr) return bad("there is no pre_tokenizer");
  std::vector<const json::object*> steps;
  const json::value* list = top->if_contains("pretokenizers");
  if (string_at(*top, "type") == "Sequence" && list != nullptr && list->is_array()) {
    for (const json::value& step : list->get_array()) {
      if (step.is_object()) steps.push_back(&step.get_object());
    }
  } else {
    steps.push_back(top);
  }
  bool digits = false;
  for (const json::object* step : steps) {
    const std::string_view type = string_at(*step, "type");
    if (type == "Digits" && flag_at(*step, "individual_digits")) {
      digits = true;
    } else if (type == "Split") {
      const json::object* pattern = object_at(*step, "pattern");
      if (pattern != nullptr && string_at(*pattern, "Regex") == kQwen2Regex) return SplitPattern::kQwen2;
      return Error(Code::kUnimplemented, "tokenizer.json splits by a pattern that is not supported");
    } else if (type == "ByteLevel") {
      if (flag_at(*step, "add_prefix_space"))
        return Error(Code::kUnimplemented, "tokenizer.json asks for add_prefix_space");
      if (flag_at(*step, "use_regex")) return digits ? SplitPattern::kSmolLm : SplitPattern::kGpt2;
    }
  }
  return Error(Code::kUnimplemented, "tokenizer.json has a pre_tokenizer that is not supported");
}

Status read_merges(const json::object& model, TokenizerData& data) {
  const json::value* merges = model.if_contains("merges");
  if (merges == nullptr || !merges->is_array()) return bad("model.merges is no list");
  for (const json::value& merge : merges->get_array()) {
    if (merge.is_string()) {
      data.merges.emplace_back(merge.get_string());
    } else if (merge.is_array() && merge.get_array().size() == 2 && merge.get_array()[0].is_string() &&
               merge.get_array()[1].is_string()) {
      data.merges.push_back(std::string(merge.get_array()[0].get_string()) + " " +
                            std::string(merge.get_array()[1].get_string()));
    } else {
      return bad("a merge is neither a text nor a pair");
    }
  }
  return Ok{};
}

Status read_vocabulary(const json::object& model, TokenizerData& data) {
  const json::object* vocabulary = object_at(model, "vocab");
  if (vocabulary == nullptr) return bad("model.vocab is no object");
  for (const auto& [token, id] : *vocabulary) {
    if (!id.is_int64() || id.get_int64() < 0 || id.get_int64() >= kMaxTokens)
      return bad("a token's id is out of range");
    const auto at = static_cast<size_t>(id.get_int64());
    if (data.tokens.size() <= at) data.tokens.resize(at + 1);
    data.tokens[at] = std::string(token);
  }
  return Ok{};
}

Status read_added(const json::object& root, TokenizerData& data) {
  const json::value* added = root.if_contains("added_tokens");
  if (added == nullptr || !added->is_array()) return Ok{};
  for (const json::value& value : added->get_array()) {
    const json::object* token = value.if_object();
    const json::value* id = token != nullptr ? token->if_contains("id") : nullptr;
    if (id == nullptr || !id->is_int64() || id->get_int64() < 0 || id->get_int64() >= kMaxTokens) {
      return bad("an added token has no id");
    }
    for (const char* option : {"lstrip", "rstrip", "single_word", "normalized"}) {
      if (flag_at(*token, option)) {
        return Error(Code::kUnimplemented, std::string("tokenizer.json: an added token asks for ") + option);
      }
    }
    data.added.push_back(
        {static_cast<TokenId>(id->get_int64()), std::string(string_at(*token, "content")), flag_at(*token, "special")});
  }
  return Ok{};
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::from_json(std::string_view text) {
  JsonLimits limits;
  limits.bytes = kMaxJsonBytes;
  STUDIO_TRY(const json::value value, parse_json(text, limits));
  const json::object* root = value.if_object();
  const json::object* model = root != nullptr ? object_at(*root, "model") : nullptr;
  if (model == nullptr) return bad("there is no model");
  if (string_at(*model, "type") != "BPE")
    return Error(Code::kUnimplemented, "tokenizer.json holds another model than BPE");
  if (flag_at(*model, "ignore_merges") || flag_at(*model, "byte_fallback")) {
    return Error(Code::kUnimplemented, "tokenizer.json asks for ignore_merges or byte_fallback");
  }
  TokenizerData data;
  STUDIO_TRY(data.pattern, read_split(*root));
  const json::object* normalizer = object_at(*root, "normalizer");
  if (normalizer != nullptr) {
    if (string_at(*normalizer, "type") != "NFC")
      return Error(Code::kUnimplemented, "tokenizer.json has a normalizer other than NFC");
    data.nfc = true;
  }
  STUDIO_CHECK_OK(read_vocabulary(*model, data));
  STUDIO_CHECK_OK(read_merges(*model, data));
  STUDIO_CHECK_OK(read_added(*root, data));
  return build(std::move(data));
}

}  // namespace studio::engine
