// Fields that requests to generate have in common, whatever a dialect calls them: one reading, one set of limits and
// messages. A field that a dialect's table lacks is refused by its table before any of these looks for it.
#pragma once

#include <boost/json/array.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/serving/fields.h"
#include "api/serving/generate.h"

namespace studio::api {

// Limits of one request, checked before any work is done.
inline constexpr size_t kMaxCallBytes = 8 << 20;  // of a body: a context of a million tokens in eight-byte words
inline constexpr size_t kMaxMessages = 4096;      // longer than any conversation that fits a context
inline constexpr size_t kMaxContentParts = 1024;  // of one message
inline constexpr size_t kMaxModelNameBytes = 256;
inline constexpr int64_t kMaxTokensLimit = 1 << 20;  // the longest context in public use

// What Qwen's hosted models do where a request says nothing, in every dialect.
inline constexpr float kDefaultTemperature = 0.7f;
inline constexpr float kDefaultTopP = 0.8f;
inline constexpr int kDefaultTopK = 20;
inline constexpr float kDefaultRepetitionPenalty = 1.05f;

// `listed_at` is where the dialect lists its models.
void read_model(FieldReader& reader, const char* listed_at, std::string& model);

struct SamplingFields {
  std::string_view repetition_penalty = "repetition_penalty";
  int64_t least_top_k = 0;  // -1 is how some spell "all", which 0 is too
  int64_t least_seed = INT64_MIN;
};
// temperature, top_p, top_k, min_p, the penalties, seed.
void read_sampling(FieldReader& reader, const SamplingFields& fields, GenerateCall& call);

enum class StopKinds { kTexts, kTextsOrIds };
// One stop or a list of them; of ids also as lists of one, as the original takes them.
void read_stop(FieldReader& reader, std::string_view name, StopKinds kinds, GenerateCall& call);

// logprobs and top_logprobs, a flag and a number.
void read_logprobs(FieldReader& reader, engine::SamplingParams& sampling);

// Each object of the list with its place ("messages[2]"), until one fails. `what` says what each must be.
template <typename Read>
void read_objects(FieldReader& reader, std::string_view name, const boost::json::array& items, size_t most,
                  std::string_view what, Read read) {
  if (items.size() > most) {
    return reader.fail(name, "may hold " + std::to_string(most) + " entries; it holds " + std::to_string(items.size()));
  }
  for (size_t i = 0; i < items.size() && reader.ok(); ++i) {
    const std::string place = std::string(name) + "[" + std::to_string(i) + "]";
    const boost::json::object* object = items[i].if_object();
    if (!object) {
      return reader.fail(place, "must be " + std::string(what) + "; it is " + std::string(json_kind(items[i])));
    }
    read(*object, place, i);
  }
}

// A stranger's word in quotes, as an error shows it.
std::string quoted(std::string_view text);

}  // namespace studio::api
