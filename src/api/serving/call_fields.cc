#include "api/serving/call_fields.h"

#include <boost/json/value.hpp>

#include "base/json.h"

namespace studio::api {
namespace {

namespace json = boost::json;

void add_stop(FieldReader& reader, const std::string& place, const json::value& item, StopKinds kinds,
              GenerateCall& call) {
  if (const json::string* text = item.if_string()) {
    if (text->empty() || text->size() > inference::kMaxStopBytes) {
      return reader.fail(place, "must hold 1 to " + std::to_string(inference::kMaxStopBytes) + " bytes");
    }
    call.stop.emplace_back(*text);
  } else if (kinds == StopKinds::kTextsOrIds && item.is_int64() && item.get_int64() >= 0 &&
             item.get_int64() <= INT32_MAX) {
    call.stop_ids.push_back(static_cast<engine::TokenId>(item.get_int64()));
  } else {
    const char* wanted = kinds == StopKinds::kTexts ? "must be a text; it is " : "must be a text or a token id; it is ";
    reader.fail(place, wanted + std::string(json_kind(item)));
  }
}

}  // namespace

void read_model(FieldReader& reader, const char* listed_at, std::string& model) {
  auto name = reader.text("model");
  if (!name || name->empty()) {
    return reader.fail("model", "is missing (" + std::string(listed_at) + " lists the models)");
  }
  if (name->size() > kMaxModelNameBytes) return reader.fail("model", "is too long to be a model's name");
  model = std::move(*name);
}

void read_sampling(FieldReader& reader, const SamplingFields& fields, GenerateCall& call) {
  engine::SamplingParams& sampling = call.sampling;
  auto number = [&](std::string_view name, Range range, float fallback) {
    auto value = reader.number(name, range);
    return value ? static_cast<float>(*value) : fallback;
  };
  sampling.temperature = number("temperature", {.min = 0, .max = 2, .excludes_max = true}, kDefaultTemperature);
  sampling.top_p = number("top_p", {.min = 0, .max = 1, .excludes_min = true}, kDefaultTopP);
  sampling.min_p = number("min_p", {.min = 0, .max = 1}, 0);
  sampling.presence_penalty = number("presence_penalty", {.min = -2, .max = 2}, 0);
  sampling.frequency_penalty = number("frequency_penalty", {.min = -2, .max = 2}, 0);
  sampling.repetition_penalty =
      number(fields.repetition_penalty, {.min = 0, .max = 100, .excludes_min = true}, kDefaultRepetitionPenalty);
  const int64_t top_k = reader.integer("top_k", fields.least_top_k, INT32_MAX).value_or(kDefaultTopK);
  sampling.top_k = top_k < 0 ? 0 : static_cast<int>(top_k);
  auto seed = reader.integer("seed", fields.least_seed, INT64_MAX);
  call.has_seed = seed.has_value();
  if (seed) sampling.seed = static_cast<uint64_t>(*seed);
}

void read_stop(FieldReader& reader, std::string_view name, StopKinds kinds, GenerateCall& call) {
  const json::value* value = reader.find(name);
  if (!value) return;
  if (value->is_string()) return add_stop(reader, std::string(name), *value, kinds, call);
  const json::array* items = value->if_array();
  if (!items) {
    const char* wanted = kinds == StopKinds::kTexts ? "must be a text or a list of texts; it is "
                                                    : "must be a text, a list of texts or a list of token ids; it is ";
    return reader.fail(name, wanted + std::string(json_kind(*value)));
  }
  if (items->size() > inference::kMaxStopStrings) {
    return reader.fail(name, "may hold " + std::to_string(inference::kMaxStopStrings) + " entries; it holds " +
                                 std::to_string(items->size()));
  }
  for (size_t i = 0; i < items->size(); ++i) {
    const json::array* wrapped = kinds == StopKinds::kTextsOrIds ? (*items)[i].if_array() : nullptr;
    const bool is_wrapped = wrapped && wrapped->size() == 1 && wrapped->front().is_int64();
    add_stop(reader, std::string(name) + "[" + std::to_string(i) + "]", is_wrapped ? wrapped->front() : (*items)[i],
             kinds, call);
  }
  if (!call.stop.empty() && !call.stop_ids.empty()) reader.fail(name, "must hold texts or token ids, not both");
}

void read_logprobs(FieldReader& reader, engine::SamplingParams& sampling) {
  sampling.logprobs = reader.flag("logprobs").value_or(false);
  if (auto top = reader.integer("top_logprobs", 0, engine::kMaxTopLogprobs)) {
    sampling.top_logprobs = static_cast<int>(*top);
    if (*top > 0 && !sampling.logprobs) reader.fail("top_logprobs", "is only allowed with logprobs: true");
  }
}

std::string quoted(std::string_view text) {
  return to_json(json::value(excerpt(text)));
}

}  // namespace studio::api
