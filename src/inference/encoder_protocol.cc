#include "inference/encoder_protocol.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <limits>
#include <utility>

#include "base/json.h"
#include "inference/token_protocol.h"
#include "inference/vector_text.h"

namespace studio::inference {
namespace {

namespace json = boost::json;
using engine::EncoderText;
using engine::TokenId;

constexpr size_t kMaxWidth = 8192;  // as encoders have it
constexpr size_t kMaxNumericsName = 64;

Error bad(std::string_view field, std::string_view what) {
  return Error(Code::kInvalidArgument, std::string(field) + " " + std::string(what)).with_param(std::string(field));
}

Error corrupt(std::string_view what) {
  return Error(Code::kCorruptData, "The model's worker sent an answer that breaks the token protocol.")
      .with_detail(std::string(what));
}

Result<json::object> parse_object(std::string_view text, size_t limit_bytes) {
  STUDIO_TRY(json::value value, parse_json(text, {.depth = 4, .bytes = limit_bytes}));
  if (!value.is_object()) return bad("body", "must be a JSON object");
  return std::move(value.get_object());
}

// A number from 0 to `most`; nothing where it is none.
std::optional<int64_t> whole(const json::value* value, int64_t most) {
  const int64_t* number = value != nullptr ? value->if_int64() : nullptr;
  if (number == nullptr || *number < 0 || *number > most) return std::nullopt;
  return *number;
}

Status read_texts(const json::object& body, std::vector<EncoderText>& texts) {
  const json::value* input = body.if_contains("input");
  if (input == nullptr || !input->is_array() || input->get_array().empty()) {
    return bad("input", "must be a list of lists of token ids");
  }
  if (input->get_array().size() > engine::kMaxEncoderTexts) return bad("input", "has too many texts");
  for (const json::value& item : input->get_array()) {
    const json::array* ids = item.if_array();
    if (ids == nullptr || ids->empty()) return bad("input", "must be a list of lists of token ids");
    EncoderText& text = texts.emplace_back();
    text.ids.reserve(ids->size());
    for (const json::value& id : *ids) {
      const auto number = whole(&id, std::numeric_limits<TokenId>::max());
      if (!number) return bad("input", "holds what is no token id");
      text.ids.push_back(static_cast<TokenId>(*number));
    }
  }
  return Ok{};
}

Status read_seconds(const json::object& body, std::vector<EncoderText>& texts) {
  const json::value* seconds = body.if_contains("second_from");
  if (seconds == nullptr) return Ok{};
  const json::array* list = seconds->if_array();
  if (list == nullptr || list->size() != texts.size()) return bad("second_from", "must have a number for each text");
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto from = whole(&(*list)[i], static_cast<int64_t>(texts[i].ids.size()) - 1);
    if (!from) return bad("second_from", "must lie within its text");
    texts[i].second_from = static_cast<int>(*from);
  }
  return Ok{};
}

Status read_vector(const json::value& item, size_t index, Encoded& encoded) {
  const json::object* entry = item.if_object();
  const json::value* at = entry != nullptr ? entry->if_contains("index") : nullptr;
  const json::value* vector = entry != nullptr ? entry->if_contains("embedding") : nullptr;
  if (!whole(at, static_cast<int64_t>(index)) || at->get_int64() != static_cast<int64_t>(index))
    return corrupt("index");
  if (vector == nullptr || !vector->is_string()) return corrupt("embedding");
  auto values = from_base64(vector->get_string(), kMaxWidth);
  if (!values.ok() || values->empty()) return corrupt("embedding");
  if (index == 0) encoded.width = values->size();
  if (values->size() != encoded.width) return corrupt("vectors of different lengths");
  if (!std::ranges::all_of(*values, [](float value) { return std::isfinite(value); })) return corrupt("not finite");
  encoded.values.insert(encoded.values.end(), values->begin(), values->end());
  return Ok{};
}

}  // namespace

std::string encode_encode_request(const EncodeRequest& request) {
  json::array input, seconds;
  bool has_pairs = false;
  for (const EncoderText& text : request.texts) {
    input.emplace_back(json::array(text.ids.begin(), text.ids.end()));
    seconds.emplace_back(text.second_from);
    has_pairs = has_pairs || text.second_from > 0;
  }
  json::object body = {{"request_id", request.request_id}, {"input", std::move(input)}, {"encoding_format", "base64"}};
  if (has_pairs) body["second_from"] = std::move(seconds);
  if (request.is_fast) body["numerics"] = "fast";
  if (request.deadline != std::chrono::steady_clock::time_point::max()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(request.deadline - std::chrono::steady_clock::now());
    body["deadline_ms"] = std::max<int64_t>(0, left.count());
  }
  return to_json(body);
}

Result<EncodeRequest> decode_encode_request(std::string_view text) {
  STUDIO_TRY(const json::object body, parse_object(text, kMaxProtocolBytes));
  static constexpr std::array<std::string_view, 7> kKnown = {"request_id",  "input", "encoding_format", "second_from",
                                                             "deadline_ms", "model", "numerics"};
  for (const auto& entry : body) {
    if (std::ranges::find(kKnown, std::string_view(entry.key())) != kKnown.end()) continue;
    return bad(entry.key(), "is not a field of the token protocol");
  }
  EncodeRequest request;
  if (const json::value* id = body.if_contains("request_id")) {
    if (!id->is_string() || id->get_string().size() > kMaxRequestIdBytes) {
      return bad("request_id", "must be a short string");
    }
    request.request_id = std::string(id->get_string());
  }
  const json::value* format = body.if_contains("encoding_format");
  if (format == nullptr || *format != "base64") return bad("encoding_format", "must be base64");
  STUDIO_CHECK_OK(read_texts(body, request.texts));
  STUDIO_CHECK_OK(read_seconds(body, request.texts));
  if (const json::value* numerics = body.if_contains("numerics")) {
    request.is_fast = *numerics == "fast";
    if (!request.is_fast && *numerics != "default") return bad("numerics", "must be default or fast");
  }
  if (const json::value* left = body.if_contains("deadline_ms")) {
    const auto ms = whole(left, int64_t{1} << 40);
    if (!ms) return bad("deadline_ms", "is out of range");
    request.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(*ms);
  }
  return request;
}

std::string encode_encoded(const Encoded& encoded) {
  json::array data;
  for (size_t i = 0; (i + 1) * encoded.width <= encoded.values.size(); ++i) {
    data.emplace_back(
        json::object{{"object", "embedding"},
                     {"index", i},
                     {"embedding", to_base64(std::span(encoded.values).subspan(i * encoded.width, encoded.width))}});
  }
  return to_json(
      json::object{{"object", "list"},
                   {"data", std::move(data)},
                   {"numerics_class", encoded.numerics_class},
                   {"usage", {{"prompt_tokens", encoded.prompt_tokens}, {"total_tokens", encoded.prompt_tokens}}}});
}

Result<Encoded> decode_encoded(std::string_view text, size_t texts) {
  auto parsed = parse_object(text, kMaxEncodedBytes);
  if (!parsed.ok()) return corrupt(parsed.error().message());
  const json::value* data = parsed->if_contains("data");
  if (data == nullptr || !data->is_array() || data->get_array().size() != texts) return corrupt("data");
  Encoded encoded;
  for (size_t i = 0; i < texts; ++i) STUDIO_CHECK_OK(read_vector(data->get_array()[i], i, encoded));
  const json::value* usage = parsed->if_contains("usage");
  const json::value* tokens =
      usage != nullptr && usage->is_object() ? usage->get_object().if_contains("prompt_tokens") : nullptr;
  const auto count = whole(tokens, std::numeric_limits<int64_t>::max());
  if (!count) return corrupt("usage");
  encoded.prompt_tokens = *count;
  if (const json::value* name = parsed->if_contains("numerics_class")) {
    if (!name->is_string() || name->get_string().size() > kMaxNumericsName) return corrupt("numerics_class");
    encoded.numerics_class = std::string(name->get_string());
  }
  return encoded;
}

}  // namespace studio::inference
