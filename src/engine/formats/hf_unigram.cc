#include "engine/formats/hf_unigram.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <optional>
#include <utility>

#include "engine/formats/json_at.h"
#include "engine/formats/source_error.h"
#include "engine/formats/tokenizer_json.h"

namespace studio::engine {
namespace {

namespace json = boost::json;
using tokenizer_json::bad, tokenizer_json::kMaxTokenBytes, tokenizer_json::kMaxTokens, tokenizer_json::unsupported;

constexpr size_t kMaxSteps = 16;               // of a normalizer; real files have one to three
constexpr size_t kMaxTableBytes = 16 << 20;    // real tables have 240 kB
constexpr size_t kMaxReplacementBytes = 1024;  // of a step's texts
constexpr std::string_view kMark = "\u2581";
constexpr std::string_view kSpaces = " {2,}";

bool flag(const json::object& object, std::string_view key, bool otherwise) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_bool() ? value->get_bool() : otherwise;
}

// The six bits of a letter of base64; nothing for any other.
std::optional<uint32_t> bits_of(char letter) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const size_t at = kLetters.find(letter);
  return at == std::string_view::npos ? std::nullopt : std::optional(static_cast<uint32_t>(at));
}

Result<std::string> from_base64(std::string_view text) {
  if (text.size() > kMaxTableBytes) return bad("normalizer.precompiled_charsmap is too long");
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string bytes;
  uint32_t held = 0;
  int bits = 0;
  for (const char letter : text) {
    const auto six = bits_of(letter);
    if (!six) return bad("normalizer.precompiled_charsmap is no base64");
    held = held << 6 | *six;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(held >> bits & 0xFF);
  }
  return bytes;
}

Result<HfTextStep> read_replace(const json::object& step) {
  const json::object* pattern = object_at(step, "pattern");
  if (pattern == nullptr) return bad("a Replace of the normalizer has no pattern");
  HfTextStep read{.kind = HfTextStep::Kind::kReplace, .bytes = {}, .from = {}, .to = {}};
  read.to = std::string(string_at(step, "content"));
  read.from = std::string(string_at(*pattern, "String"));
  if (pattern->if_contains("Regex") != nullptr) {
    if (string_at(*pattern, "Regex") != kSpaces) {
      return unsupported("normalizer.pattern " + quoted(string_at(*pattern, "Regex")) + " is not supported");
    }
    read.kind = HfTextStep::Kind::kReplaceSpaces;
  } else if (read.from.empty()) {
    return bad("a Replace of the normalizer has an empty pattern");
  }
  if (read.from.size() > kMaxReplacementBytes || read.to.size() > kMaxReplacementBytes) {
    return bad("a Replace of the normalizer is too long");
  }
  return read;
}

Result<HfTextStep> read_step(const json::object& step) {
  const std::string_view type = string_at(step, "type");
  if (type == "Precompiled") {
    STUDIO_TRY(auto bytes, from_base64(string_at(step, "precompiled_charsmap")));
    return HfTextStep{.kind = HfTextStep::Kind::kCharacters, .bytes = std::move(bytes), .from = {}, .to = {}};
  }
  if (type == "Strip") {
    return HfTextStep{.kind = HfTextStep::Kind::kStrip,
                      .bytes = {},
                      .from = {},
                      .to = {},
                      .strips_left = flag(step, "strip_left", true),
                      .strips_right = flag(step, "strip_right", true)};
  }
  if (type == "Replace") return read_replace(step);
  return unsupported("normalizer.type is " + quoted(type) + "; Precompiled, Strip and Replace are supported");
}

// One step, or those inside a Sequence. Nothing: text is taken as it is.
Status read_normalizer(const json::object& root, HfUnigram& data) {
  const json::object* normalizer = object_at(root, "normalizer");
  if (normalizer == nullptr) return Ok{};
  const json::value* list = normalizer->if_contains("normalizers");
  if (string_at(*normalizer, "type") != "Sequence" || list == nullptr || !list->is_array()) {
    STUDIO_TRY(auto step, read_step(*normalizer));
    data.steps.push_back(std::move(step));
    return Ok{};
  }
  if (list->get_array().size() > kMaxSteps) return bad("the normalizer has too many steps");
  for (const json::value& item : list->get_array()) {
    if (!item.is_object()) return bad("the normalizer holds what is no object");
    STUDIO_TRY(auto step, read_step(item.get_object()));
    data.steps.push_back(std::move(step));
  }
  return Ok{};
}

Status read_metaspace(const json::object& step, HfUnigram& data) {
  if (string_at(step, "replacement") != kMark) {
    return unsupported("pre_tokenizer.replacement other than U+2581 is not supported");
  }
  data.splits_at_mark = flag(step, "split", true);
  data.marks_beginning = flag(step, "add_prefix_space", true);
  if (step.if_contains("prepend_scheme") == nullptr) return Ok{};
  const std::string_view scheme = string_at(step, "prepend_scheme");
  data.marks_beginning = scheme != "never";
  // Of a whole text the first word is the text itself.
  const bool is_known = scheme == "always" || scheme == "never" || (scheme == "first" && !data.splits_at_space);
  if (is_known) return Ok{};
  return unsupported("pre_tokenizer.prepend_scheme " + quoted(scheme) + " is not supported; always is");
}

// Metaspace, alone or after WhitespaceSplit.
Status read_split(const json::object& root, HfUnigram& data) {
  const json::object* top = object_at(root, "pre_tokenizer");
  if (top == nullptr) return bad("there is no pre_tokenizer");
  std::vector<const json::object*> steps;
  const json::value* list = top->if_contains("pretokenizers");
  if (string_at(*top, "type") == "Sequence" && list != nullptr && list->is_array()) {
    for (const json::value& step : list->get_array()) {
      if (!step.is_object()) return bad("the pre_tokenizer holds what is no object");
      steps.push_back(&step.get_object());
    }
  } else {
    steps.push_back(top);
  }
  data.splits_at_space = steps.size() == 2 && string_at(*steps[0], "type") == "WhitespaceSplit";
  const size_t last = data.splits_at_space ? 1 : 0;
  if (steps.size() != last + 1 || string_at(*steps[last], "type") != "Metaspace") {
    return unsupported("a pre_tokenizer other than Metaspace, alone or after WhitespaceSplit, is not supported");
  }
  return read_metaspace(*steps[last], data);
}

// A score as its file means it: SentencePiece's are of 32 bits, and decimals are read to the last bit but one. Sums of
// exact ones are exact, so that cuts that are equally good are seen to be so.
double exact(double read) {
  if (std::abs(read) > 1e30) return read;
  const auto nearest = static_cast<double>(static_cast<float>(read));
  return std::abs(read - nearest) <= std::abs(read) * 0x1p-50 ? nearest : read;
}

// [["<s>", 0.0], ["\u2581the", -3.5], ...]
Status read_vocabulary(const json::object& model, HfUnigram& data) {
  const json::value* list = model.if_contains("vocab");
  if (list == nullptr || !list->is_array() || list->get_array().empty() ||
      list->get_array().size() > size_t{kMaxTokens}) {
    return bad("model.vocab is no list of tokens, or too long");
  }
  for (const json::value& item : list->get_array()) {
    const json::array* pair = item.if_array();
    if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_string() || !(*pair)[1].is_number()) {
      return bad("model.vocab holds what is no pair of token and score");
    }
    const std::string_view token = (*pair)[0].get_string();
    const double score = exact((*pair)[1].to_number<double>());
    if (token.size() > kMaxTokenBytes || !std::isfinite(score)) {
      return bad("the token " + quoted(token) + " is over " + std::to_string(kMaxTokenBytes) +
                 " bytes long, or its score is not finite");
    }
    data.tokens.emplace_back(token);
    data.scores.push_back(score);
  }
  return Ok{};
}

Status read_model(const json::object& model, HfUnigram& data) {
  if (flag(model, "byte_fallback", false)) return unsupported("model.byte_fallback is not supported for Unigram");
  STUDIO_CHECK_OK(read_vocabulary(model, data));
  const json::value* unknown = model.if_contains("unk_id");
  const int64_t* id = unknown != nullptr ? unknown->if_int64() : nullptr;
  if (id == nullptr || *id < 0 || *id >= static_cast<int64_t>(data.tokens.size())) {
    return bad("model.unk_id is no id of the vocabulary");
  }
  data.unknown = static_cast<int32_t>(*id);
  return Ok{};
}

// Tokens that stand for no text: [CLS] typed by a caller is five characters. Gives one more than the largest id.
Result<size_t> read_added(const json::object& root, HfUnigram& data) {
  data.is_control.assign(data.tokens.size(), false);
  data.is_control[static_cast<size_t>(data.unknown)] = true;
  size_t ids = data.tokens.size();
  for (const json::value& item : tokenizer_json::added_tokens(root)) {
    STUDIO_TRY(const int64_t id, tokenizer_json::added_id(item, kMaxTokens));
    const json::object& token = item.get_object();
    if (!flag(token, "special", false)) {
      return unsupported("the added token " + quoted(string_at(token, "content")) + ", which is not special");
    }
    const auto at = static_cast<size_t>(id);
    if (at < data.tokens.size()) data.is_control[at] = true;
    ids = std::max(ids, at + 1);
  }
  return ids;
}

}  // namespace

Result<HfUnigram> HfUnigram::parse(std::string_view text) {
  STUDIO_TRY(const auto document, tokenizer_json::Document::parse(text));
  if (document.type() != "Unigram") {
    return unsupported("model.type is " + quoted(document.type()) + "; Unigram is supported here");
  }
  HfUnigram data;
  STUDIO_CHECK_OK(read_normalizer(document.root(), data));
  STUDIO_CHECK_OK(read_split(document.root(), data));
  STUDIO_CHECK_OK(read_model(document.model(), data));
  STUDIO_TRY(const size_t ids, read_added(document.root(), data));
  STUDIO_TRY(data.around, HfAround::read(document.root(), ids));
  return data;
}

bool is_unigram_json(std::string_view text) {
  const auto document = tokenizer_json::Document::parse(text);
  return document.ok() && document->type() == "Unigram";
}

}  // namespace studio::engine
