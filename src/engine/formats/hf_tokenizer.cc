#include "engine/formats/hf_tokenizer.h"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "engine/formats/json_at.h"
#include "engine/formats/source_error.h"
#include "engine/formats/tokenizer_json.h"

namespace studio::engine {
namespace {

namespace json = boost::json;
using tokenizer_json::bad, tokenizer_json::kMaxHoles, tokenizer_json::kMaxTokens, tokenizer_json::unsupported;

constexpr std::string_view kQwen2Regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

bool flag_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

// One pre-tokenizer, or the list inside a Sequence.
Result<std::string_view> read_split(const json::object& root) {
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
      if (pattern != nullptr && string_at(*pattern, "Regex") == kQwen2Regex) return std::string_view("qwen2");
      return Error(Code::kUnimplemented, "tokenizer.json splits by a pattern that is not supported");
    } else if (type == "ByteLevel") {
      if (flag_at(*step, "add_prefix_space"))
        return Error(Code::kUnimplemented, "tokenizer.json asks for add_prefix_space");
      // Files from before the option cut by the regex.
      if (step->if_contains("use_regex") == nullptr || flag_at(*step, "use_regex"))
        return std::string_view(digits ? "smollm" : "gpt-2");
    }
  }
  return Error(Code::kUnimplemented, "tokenizer.json has a pre_tokenizer that is not supported");
}

Status read_merges(const json::object& model, HfTokenizer& data) {
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

Status read_vocabulary(const json::object& model, HfTokenizer& data) {
  const json::object* vocabulary = object_at(model, "vocab");
  if (vocabulary == nullptr) return bad("model.vocab is no object");
  const int64_t limit = std::min(kMaxTokens, static_cast<int64_t>(vocabulary->size()) + kMaxHoles);
  for (const auto& [token, id] : *vocabulary) {
    if (!id.is_int64() || id.get_int64() < 0 || id.get_int64() >= limit) {
      return bad("the id of token " + quoted(token) + " is out of range");
    }
    const auto at = static_cast<size_t>(id.get_int64());
    if (data.tokens.size() <= at) data.tokens.resize(at + 1);
    if (!data.tokens[at].empty()) return bad("two tokens have the id " + std::to_string(at));
    if (token.empty()) return bad("a token of model.vocab is empty");
    data.tokens[at] = std::string(token);
  }
  return Ok{};
}

// Each of these would change the ids.
Status refuse_options(const json::object& model) {
  for (const char* option : {"ignore_merges", "byte_fallback", "dropout"}) {
    const json::value* value = model.if_contains(option);
    if (value == nullptr || value->is_null() || (value->is_bool() && !value->get_bool())) continue;
    return unsupported(std::string("model.") + option + " is not supported");
  }
  for (const char* option : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!string_at(model, option).empty()) {
      return unsupported(std::string("model.") + option + " is not supported");
    }
  }
  return Ok{};
}

Status read_added(const json::object& root, HfTokenizer& data) {
  const json::array& added = tokenizer_json::added_tokens(root);
  const int64_t limit = std::min(kMaxTokens, static_cast<int64_t>(data.tokens.size() + added.size()) + kMaxHoles);
  for (const json::value& value : added) {
    STUDIO_TRY(const int64_t id, tokenizer_json::added_id(value, limit));
    const json::object& token = value.get_object();
    for (const char* option : {"lstrip", "rstrip", "single_word", "normalized"}) {
      if (flag_at(token, option)) {
        return unsupported(std::string("an added token asks for ") + option);
      }
    }
    data.added.push_back(
        {static_cast<int32_t>(id), std::string(string_at(token, "content")), flag_at(token, "special")});
  }
  return Ok{};
}

}  // namespace

Result<HfTokenizer> HfTokenizer::parse(std::string_view text) {
  STUDIO_TRY(const auto document, tokenizer_json::Document::parse(text));
  const json::object &root = document.root(), &model = document.model();
  if (document.type() != "BPE") {
    return unsupported("model.type is " + quoted(document.type()) + "; BPE is supported");
  }
  STUDIO_CHECK_OK(refuse_options(model));
  HfTokenizer data;
  STUDIO_TRY(data.split, read_split(root));
  const json::object* normalizer = object_at(root, "normalizer");
  if (normalizer != nullptr) {
    if (string_at(*normalizer, "type") != "NFC") {
      return unsupported("normalizer.type is " + quoted(string_at(*normalizer, "type")) + "; NFC is supported");
    }
    data.nfc = true;
  }
  STUDIO_CHECK_OK(read_vocabulary(model, data));
  STUDIO_CHECK_OK(read_merges(model, data));
  STUDIO_CHECK_OK(read_added(root, data));
  return data;
}

}  // namespace studio::engine
