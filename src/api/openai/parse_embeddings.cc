// The bodies of embeddings and reranks.
#include <boost/json.hpp>

#include "api/openai/parse.h"
#include "api/openai/parse_common.h"

namespace studio::api::openai {
namespace {

// One line per field; see the README for what each means.
constexpr FieldRule kEmbeddingsRules[] = {
    {"model"},
    {"input"},
    {"encoding_format"},
    {"dimensions"},
    {"numerics"},
    {"allow_degraded"},
    {"user", FieldUse::kNoEffect, "a text"},
};

constexpr FieldRule kRerankRules[] = {
    {"model"},
    {"query"},
    {"documents"},
    {"top_n"},
    {"return_documents"},
    {"allow_degraded"},
    {"user", FieldUse::kNoEffect, "a text"},
    {"instruct", FieldUse::kNotBuilt, R"("")"},
};

}  // namespace

Result<EmbeddingsCall> parse_embeddings(std::string_view body) {
  STUDIO_TRY(boost::json::value json, parse_body(body, kMaxCallBytes));
  EmbeddingsCall call;
  FieldReader reader(json.get_object(), "", kEmbeddingsRules, &call.ignored);
  read_model(reader, kListedAt, call.model);
  read_embed_items(reader, "input", true, call);
  if (const auto format = reader.text("encoding_format")) {
    call.is_base64 = *format == "base64";
    if (!call.is_base64 && *format != "float") {
      reader.fail("encoding_format", "must be \"float\" or \"base64\"; it is " + quoted(*format));
    }
  }
  if (const auto dimensions = reader.integer("dimensions", 1, INT32_MAX))
    call.dimensions = static_cast<int>(*dimensions);
  read_numerics(reader, call);
  call.may_cut = reader.flag("allow_degraded").value_or(false);
  STUDIO_CHECK_OK(reader.status());
  return call;
}

Result<RankCall> parse_reranks(std::string_view body) {
  STUDIO_TRY(boost::json::value json, parse_body(body, kMaxCallBytes));
  RankCall call;
  FieldReader reader(json.get_object(), "", kRerankRules, &call.ignored);
  read_model(reader, kListedAt, call.model);
  read_rank_input(reader, call);
  read_top_n(reader, call);
  call.returns_documents = reader.flag("return_documents").value_or(false);
  call.may_cut = reader.flag("allow_degraded").value_or(false);
  STUDIO_CHECK_OK(reader.status());
  return call;
}

}  // namespace studio::api::openai
