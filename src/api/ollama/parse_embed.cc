// The bodies of embed and embeddings.
#include <boost/json.hpp>

#include "api/ollama/parse.h"
#include "api/serving/degraded.h"

namespace studio::api::ollama {
namespace {

namespace json = boost::json;

constexpr const char* kListedAt = "GET /api/tags";

constexpr FieldRule kEmbedRules[] = {
    {"model"},
    {"input"},
    {"truncate"},
    {"dimensions"},
    {"options"},
    {"allow_degraded"},
    {"keep_alive", FieldUse::kNoEffect},
};
constexpr FieldRule kOldRules[] = {
    {"model"}, {"prompt"}, {"options"}, {"allow_degraded"}, {"keep_alive", FieldUse::kNoEffect},
};

// How the machine is used, which is its owner's to say, and how tokens are drawn, of which a vector has none.
constexpr FieldRule kOptionRules[] = {
    {"num_ctx"},
    {"allow_degraded"},
    {"numerics"},
    {"num_batch", FieldUse::kNoEffect, "a number"},
    {"num_gpu", FieldUse::kNoEffect, "a number"},
    {"main_gpu", FieldUse::kNoEffect, "a number"},
    {"num_thread", FieldUse::kNoEffect, "a number"},
    {"numa", FieldUse::kNoEffect, "true or false"},
    {"low_vram", FieldUse::kNoEffect, "true or false"},
    {"use_mmap", FieldUse::kNoEffect, "true or false"},
    {"use_mlock", FieldUse::kNoEffect, "true or false"},
    {"temperature", FieldUse::kNoEffect, "a number"},
    {"top_p", FieldUse::kNoEffect, "a number"},
    {"top_k", FieldUse::kNoEffect, "a number"},
    {"min_p", FieldUse::kNoEffect, "a number"},
    {"seed", FieldUse::kNoEffect, "a number"},
    {"num_predict", FieldUse::kNoEffect, "a number"},
    {"stop", FieldUse::kNoEffect},
    {"presence_penalty", FieldUse::kNoEffect, "a number"},
    {"frequency_penalty", FieldUse::kNoEffect, "a number"},
    {"repeat_penalty", FieldUse::kNoEffect, "a number"},
    {"num_keep", FieldUse::kNoEffect, "a number"},
    {"repeat_last_n", FieldUse::kNoEffect, "a number"},
    {"typical_p", FieldUse::kNoEffect, "a number"},
    {"tfs_z", FieldUse::kNoEffect, "a number"},
    {"mirostat", FieldUse::kNoEffect, "a number"},
    {"mirostat_tau", FieldUse::kNoEffect, "a number"},
    {"mirostat_eta", FieldUse::kNoEffect, "a number"},
    {"penalize_newline", FieldUse::kNoEffect, "true or false"},
    {"f16_kv", FieldUse::kNotBuilt},
    {"logits_all", FieldUse::kNotBuilt, "false"},
    {"vocab_only", FieldUse::kNotBuilt, "false"},
    {"embedding_only", FieldUse::kNotBuilt, "true"},
};

void read_options(FieldReader& reader, VectorsCall& call) {
  static const json::object kNone;
  const json::object* object = reader.object("options");
  FieldReader options(object != nullptr ? *object : kNone, "options", kOptionRules, &call.ignored);
  if (const auto context = options.integer("num_ctx", 1, kMaxTokensLimit)) call.num_ctx = static_cast<int>(*context);
  read_numerics(options, call);
  if (!options.ok()) reader.fail(options.status().error());
}

// Nothing, an empty text and an empty list ask for no vector.
bool asks_nothing(const json::value* value) {
  if (value == nullptr) return true;
  return (value->is_string() && value->get_string().empty()) || (value->is_array() && value->get_array().empty());
}

Result<VectorsCall> read_embed(const json::object& body) {
  VectorsCall call;
  FieldReader reader(body, "", kEmbedRules, &call.ignored);
  read_model(reader, kListedAt, call.model);
  if (!asks_nothing(reader.find("input"))) read_embed_items(reader, "input", false, call);
  call.may_cut = reader.flag("truncate").value_or(false);
  if (const auto length = reader.integer("dimensions", 1, INT32_MAX)) call.dimensions = static_cast<int>(*length);
  read_options(reader, call);
  STUDIO_CHECK_OK(reader.status());
  return call;
}

Result<VectorsCall> read_old_embeddings(const json::object& body) {
  VectorsCall call;
  FieldReader reader(body, "", kOldRules, &call.ignored);
  read_model(reader, kListedAt, call.model);
  call.is_list = false;
  auto prompt = reader.text("prompt");
  if (prompt && !prompt->empty()) call.items.emplace_back(std::move(*prompt));
  read_options(reader, call);
  STUDIO_CHECK_OK(reader.status());
  return call;
}

}  // namespace

Result<VectorsCall> parse_embed(std::string_view body) {
  return parse_degradable(body, read_embed, "options");
}

Result<VectorsCall> parse_old_embeddings(std::string_view body) {
  return parse_degradable(body, read_old_embeddings, "options");
}

std::vector<EndpointFields> encoder_fields() {
  return {{"ollama", "POST /api/embed", {{"", "", kEmbedRules}, {"options", "", kOptionRules}}},
          {"ollama", "POST /api/embeddings", {{"", "", kOldRules}, {"options", "", kOptionRules}}}};
}

}  // namespace studio::api::ollama
