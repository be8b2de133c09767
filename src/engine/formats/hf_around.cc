#include "engine/formats/hf_around.h"

#include <boost/json.hpp>
#include <string>
#include <utility>

#include "base/json.h"
#include "engine/formats/json_at.h"
#include "engine/formats/source_error.h"
#include "engine/formats/tokenizer_json.h"

namespace studio::engine {
namespace {

namespace json = boost::json;
using tokenizer_json::bad, tokenizer_json::unsupported;

constexpr size_t kMaxDepth = 16;   // real files nest six deep
constexpr size_t kMaxAround = 16;  // ids before or after a text; real files have one each

constexpr std::string_view kOffsets = "ByteLevel";  // says where tokens stand in the text, no more

using Ids = std::vector<int32_t>;
// What stands before the first text of a list, between it and the next, and so on: one entry more than there are texts.
using Gaps = std::vector<Ids>;

Status add_id(const json::value* value, size_t tokens, Ids& to) {
  const int64_t* id = value != nullptr ? value->if_int64() : nullptr;
  if (id == nullptr || *id < 0 || *id >= static_cast<int64_t>(tokens) || to.size() == kMaxAround) {
    return bad("post_processor names too many ids, or one that is not in the vocabulary");
  }
  to.push_back(static_cast<int32_t>(*id));
  return Ok{};
}

// {"type": "BertProcessing", "sep": ["[SEP]", 102], "cls": ["[CLS]", 101]}
Result<HfAround> read_bert_processing(const json::object& processor, size_t tokens) {
  HfAround around;
  for (const auto& [key, to] : {std::pair{"cls", &around.before}, std::pair{"sep", &around.after}}) {
    const json::value* pair = processor.if_contains(key);
    if (pair == nullptr || !pair->is_array() || pair->get_array().size() != 2) {
      return bad(std::string("post_processor.") + key + " is no pair of token and id");
    }
    STUDIO_CHECK_OK(add_id(&pair->get_array()[1], tokens, *to));
  }
  around.between = around.after;
  return around;
}

// A list of special tokens and {"Sequence": ...}, in the order of the ids.
Result<Gaps> read_pieces(const json::object& processor, std::string_view name, size_t tokens) {
  const json::value* list = processor.if_contains(name);
  const json::object* specials = object_at(processor, "special_tokens");
  const auto wrong = [&](const std::string& what) { return bad("post_processor." + std::string(name) + " " + what); };
  if (list == nullptr || !list->is_array() || specials == nullptr) {
    return bad("post_processor has no list `" + std::string(name) + "`, or no special_tokens");
  }
  Gaps gaps(1);
  for (const json::value& item : list->get_array()) {
    const json::object* piece = item.if_object();
    if (piece == nullptr) return wrong("holds what is no object");
    if (piece->if_contains("Sequence") != nullptr) {
      if (gaps.size() > 2) return wrong("has more than two texts");
      gaps.emplace_back();
      continue;
    }
    const json::object* special = object_at(*piece, "SpecialToken");
    const json::object* token = special != nullptr ? object_at(*specials, string_at(*special, "id")) : nullptr;
    const json::value* ids = token != nullptr ? token->if_contains("ids") : nullptr;
    if (ids == nullptr || !ids->is_array()) return wrong("names a token without ids");
    for (const json::value& id : ids->get_array()) STUDIO_CHECK_OK(add_id(&id, tokens, gaps.back()));
  }
  return gaps;
}

Result<HfAround> read_template(const json::object& processor, size_t tokens) {
  STUDIO_TRY(Gaps single, read_pieces(processor, "single", tokens));
  if (single.size() == 1) return bad("post_processor.single leaves out the text");
  if (single.size() > 2) return unsupported("post_processor.single has the text twice");
  HfAround around{.before = std::move(single[0]), .after = std::move(single[1]), .between = {}};
  if (processor.if_contains("pair") == nullptr) return around;
  STUDIO_TRY(Gaps pair, read_pieces(processor, "pair", tokens));
  if (pair.size() == 3 && pair[0] == around.before && pair[2] == around.after) around.between = std::move(pair[1]);
  return around;
}

Result<HfAround> read_processor(const json::object& processor, size_t tokens) {
  const std::string_view type = string_at(processor, "type");
  if (type == "BertProcessing") return read_bert_processing(processor, tokens);
  if (type == "TemplateProcessing") return read_template(processor, tokens);
  if (type == kOffsets) return HfAround{};
  return unsupported("post_processor.type is " + quoted(type) +
                     "; TemplateProcessing and BertProcessing are supported");
}

}  // namespace

Result<HfAround> HfAround::read(const json::object& root, size_t tokens) {
  const json::object* processor = object_at(root, "post_processor");
  if (processor == nullptr) return bad("there is no post_processor");
  const json::value* steps = processor->if_contains("processors");
  if (string_at(*processor, "type") != "Sequence" || steps == nullptr || !steps->is_array()) {
    return read_processor(*processor, tokens);
  }
  const json::object* only = nullptr;
  for (const json::value& step : steps->get_array()) {
    const json::object* object = step.if_object();
    if (object == nullptr) return bad("post_processor.processors holds what is no object");
    if (string_at(*object, "type") == kOffsets) continue;
    if (only != nullptr) return unsupported("post_processor has several steps that put tokens around a text");
    only = object;
  }
  return only != nullptr ? read_processor(*only, tokens) : Result<HfAround>(HfAround{});
}

Result<HfAround> HfAround::parse(std::string_view text, size_t tokens) {
  auto document = parse_json(text, {.depth = kMaxDepth, .bytes = kMaxTokenizerJsonBytes});
  if (!document.ok()) return bad("it is no JSON we accept: " + document.error().message());
  const json::object* root = document->if_object();
  return root != nullptr ? read(*root, tokens) : Result<HfAround>(bad("it is no object"));
}

}  // namespace studio::engine
