// Requests for vectors of texts, once a dialect has read them: their limits, and from texts to ids.
//
// A vector is cut to fewer dimensions only where the model says that it was trained for that; a text that is too long
// for the model is refused with both counts, unless the caller allows to leave out its end.
// Threads: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/serving/encode.h"
#include "api/serving/fields.h"
#include "inference/encoder_model.h"

namespace studio::api {

// Of one request: OpenAI's own limits, in every dialect. The original takes 10 or 25 texts; nobody relies on a refusal.
inline constexpr size_t kMaxEmbedTexts = 2048;
inline constexpr int64_t kMaxEmbedTokens = 300'000;
inline constexpr size_t kMaxInstructBytes = 4096;  // a sentence or two; it goes before every text

using EmbedItem = std::variant<std::string, std::vector<engine::TokenId>>;

struct EmbedCall {
  std::string model;
  std::vector<EmbedItem> items;
  bool is_list = true;  // or the one item stands for itself, and is called by the field's name alone
  std::optional<int> dimensions;
  bool may_cut = false;                 // a text that is too long
  std::optional<std::string> instruct;  // what is asked of the texts, before one that asks; not every model takes it
  std::optional<bool> is_fast;          // where the request names a class of numerics
  std::vector<std::string> ignored, degraded;
};

// A short text that may be missing, into `instruct`; an empty one asks for nothing.
void read_instruct(FieldReader& reader, std::optional<std::string>& instruct);
// A text, a list of texts, and where `takes_ids` a list of token ids or of such lists. Empty texts are refused by
// place.
void read_embed_items(FieldReader& reader, std::string_view name, bool takes_ids, EmbedCall& call);

// The class of numerics, "default" or "fast".
void read_numerics(FieldReader& reader, EmbedCall& call);

// `field` is what the dialect calls the items, `prompt` what goes before each text. Errors name the item.
Result<EncodeInput> prepare_embeddings(const inference::EncoderModel& model, const EmbedCall& call,
                                       const std::string& field, const std::string& prompt = "");

// An instruction that the model has no place for is refused; `field` is what the dialect calls it.
Status check_instruction(const inference::EncoderModel& model, const std::optional<std::string>& instruct,
                         const std::string& field);
// Whether vectors may be so short. Errors: out_of_range naming `field` and what would be right.
Status check_dimensions(const inference::EncoderModel& model, const EmbedCall& call, const std::string& field);
// [texts, dimensions], brought to length 1 again where the vectors had it.
inference::Encoded shortened(inference::Encoded encoded, std::optional<int> dimensions, bool normalises);

}  // namespace studio::api
