// The bodies of embeddings and reranks.
#include <boost/json.hpp>

#include "api/openai/parse.h"
#include "api/openai/parse_common.h"
#include "api/serving/degraded.h"

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
    {"instruct"},
};

Result<EmbeddingsCall> read_embeddings(const boost::json::object& body) {
  EmbeddingsCall call;
  FieldReader reader(body, "", kEmbeddingsRules, &call.ignored);
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

Result<RankCall> read_reranks(const boost::json::object& body) {
  RankCall call;
  FieldReader reader(body, "", kRerankRules, &call.ignored);
  read_model(reader, kListedAt, call.model);
  read_rank_input(reader, call);
  read_top_n(reader, call);
  call.returns_documents = reader.flag("return_documents").value_or(false);
  read_instruct(reader, call.instruct);
  call.may_cut = reader.flag("allow_degraded").value_or(false);
  STUDIO_CHECK_OK(reader.status());
  return call;
}

}  // namespace

Result<EmbeddingsCall> parse_embeddings(std::string_view body) {
  return parse_degradable(body, read_embeddings);
}

Result<RankCall> parse_reranks(std::string_view body) {
  return parse_degradable(body, read_reranks);
}

std::vector<EndpointFields> encoder_fields() {
  return {{"openai", "POST /v1/embeddings", {{"", "", kEmbeddingsRules}}},
          {"openai", "POST /v1/rerank", {{"", "", kRerankRules}, document_fields("documents")}}};
}

}  // namespace studio::api::openai
