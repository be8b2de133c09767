#include "api/serving/embed_call.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "api/serving/call_fields.h"

namespace studio::api {
namespace {

namespace json = boost::json;
using engine::TokenId;

constexpr std::string_view kTexts = "must be a text or a list of texts";
constexpr std::string_view kTextsOrIds = "must be a text, a list of texts, a list of token ids or a list of such lists";

std::string place_of(const std::string& field, const EmbedCall& call, size_t index) {
  return call.is_list ? field + "[" + std::to_string(index) + "]" : field;
}

std::optional<std::vector<TokenId>> read_ids(const json::array& items) {
  std::vector<TokenId> ids;
  ids.reserve(items.size());
  for (const json::value& item : items) {
    if (!item.is_int64() || item.get_int64() < 0 || item.get_int64() > INT32_MAX) return std::nullopt;
    ids.push_back(static_cast<TokenId>(item.get_int64()));
  }
  return ids;
}

void read_item(FieldReader& reader, const std::string& place, const json::value& item, bool takes_ids,
               EmbedCall& call) {
  if (item.is_string()) {
    if (item.get_string().empty()) return reader.fail(place, "must not be empty");
    call.items.emplace_back(std::string(item.get_string()));
    return;
  }
  auto ids = takes_ids && item.is_array() ? read_ids(item.get_array()) : std::nullopt;
  if (!ids) {
    return reader.fail(place, (takes_ids ? "must be a text or a list of token ids; it is " : "must be a text; it is ") +
                                  std::string(json_kind(item)));
  }
  if (ids->empty()) return reader.fail(place, "must not be empty");
  call.items.emplace_back(std::move(*ids));
}

std::string listed(const std::vector<int>& lengths) {
  std::string text;
  for (const int length : lengths) text += std::to_string(length) + ", ";
  return text;
}

}  // namespace

void read_embed_items(FieldReader& reader, std::string_view name, bool takes_ids, EmbedCall& call) {
  const json::value* value = reader.find(name);
  if (value == nullptr) return reader.fail(name, "is missing");
  const json::array* list = value->if_array();
  const bool is_one_of_ids = takes_ids && list != nullptr && !list->empty() && list->front().is_number();
  if (list == nullptr || is_one_of_ids) {
    call.is_list = false;
    if (!value->is_string() && !is_one_of_ids) return reader.fail(name, takes_ids ? kTextsOrIds : kTexts);
    return read_item(reader, std::string(name), *value, takes_ids, call);
  }
  if (list->empty()) return reader.fail(name, "must hold at least one text");
  if (list->size() > kMaxEmbedTexts) {
    return reader.fail(
        name, "may hold " + std::to_string(kMaxEmbedTexts) + " texts; it holds " + std::to_string(list->size()));
  }
  for (size_t i = 0; i < list->size() && reader.ok(); ++i) {
    read_item(reader, std::string(name) + "[" + std::to_string(i) + "]", (*list)[i], takes_ids, call);
  }
}

void read_instruct(FieldReader& reader, std::optional<std::string>& instruct) {
  auto text = reader.text("instruct");
  if (!text || text->empty()) return;
  if (text->size() > kMaxInstructBytes) {
    return reader.fail(
        "instruct", "may have " + std::to_string(kMaxInstructBytes) + " bytes; it has " + std::to_string(text->size()));
  }
  instruct = std::move(text);
}

void read_numerics(FieldReader& reader, EmbedCall& call) {
  const auto name = reader.text("numerics");
  if (!name) return;
  call.is_fast = *name == "fast";
  if (!*call.is_fast && *name != "default") {
    reader.fail("numerics", "must be \"default\" or \"fast\"; it is " + quoted(*name));
  }
}

Result<EncodeInput> prepare_embeddings(const inference::EncoderModel& model, const EmbedCall& call,
                                       const std::string& field, const std::string& prompt) {
  using inference::TooLong;
  const TooLong too_long = call.may_cut ? TooLong::kIsCut : TooLong::kIsRefused;
  EncodeInput input;
  input.is_fast = call.is_fast;
  for (size_t i = 0; i < call.items.size(); ++i) {
    const std::string place = place_of(field, call, i);
    const auto* text = std::get_if<std::string>(&call.items[i]);
    auto prepared = text != nullptr ? model.prepare_text(prompt.empty() ? *text : prompt + *text, place, too_long)
                                    : model.prepare_ids(std::get<std::vector<TokenId>>(call.items[i]), place, too_long);
    if (!prepared.ok()) return std::move(prepared).error();
    if (prepared->is_cut) input.cut.push_back(place);
    input.texts.push_back(std::move(prepared->text));
  }
  if (const int64_t tokens = inference::count_tokens(input.texts); tokens > kMaxEmbedTokens) {
    return Error(Code::kInvalidArgument, field + " has " + std::to_string(tokens) +
                                             " tokens in all; one request may have " + std::to_string(kMaxEmbedTokens) +
                                             ". Send the texts in several.")
        .with_param(field);
  }
  return input;
}

Status check_instruction(const inference::EncoderModel& model, const std::optional<std::string>& instruct,
                         const std::string& field) {
  if (!instruct || model.takes_instruction()) return Ok{};
  return Error(Code::kUnimplemented, field + " is not supported by this model, which was not trained to take one.")
      .with_param(field);
}

Status check_dimensions(const inference::EncoderModel& model, const EmbedCall& call, const std::string& field) {
  const engine::EncoderConfig& config = model.config();
  if (!call.dimensions || *call.dimensions == config.hidden) return Ok{};
  if (std::ranges::binary_search(config.shorter, *call.dimensions)) return Ok{};
  const std::string wanted = std::to_string(*call.dimensions), whole = std::to_string(config.hidden);
  if (config.shorter.empty()) {
    return Error(Code::kOutOfRange, field + " must be " + whole +
                                        " for this model, which was not trained to give shorter " + "vectors; it is " +
                                        wanted + ".")
        .with_param(field);
  }
  const int least = config.shorter.front();
  const bool takes_any = config.shorter.size() >= static_cast<size_t>(config.hidden - least);
  return Error(Code::kOutOfRange,
               field + " must be " +
                   (takes_any ? "from " + std::to_string(least) + " to " : "one of " + listed(config.shorter)) + whole +
                   " for this model; it is " + wanted + ".")
      .with_param(field);
}

inference::Encoded shortened(inference::Encoded encoded, std::optional<int> dimensions, bool normalises) {
  if (!dimensions || static_cast<size_t>(*dimensions) >= encoded.width) return encoded;
  const auto width = static_cast<size_t>(*dimensions);
  std::vector<float> values;
  for (size_t begin = 0; begin < encoded.values.size(); begin += encoded.width) {
    double squares = 0;
    for (size_t i = begin; i < begin + width; ++i) {
      squares += static_cast<double>(encoded.values[i]) * static_cast<double>(encoded.values[i]);
    }
    const double length = normalises && squares > 0 ? std::sqrt(squares) : 1;
    for (size_t i = begin; i < begin + width; ++i) {
      values.push_back(static_cast<float>(static_cast<double>(encoded.values[i]) / length));
    }
  }
  encoded.values = std::move(values);
  encoded.width = width;
  return encoded;
}

}  // namespace studio::api
