// The bodies of text-embedding and text-rerank.
#include <boost/json.hpp>

#include "api/dashscope/parse.h"

namespace studio::api::dashscope {
namespace {

namespace json = boost::json;

constexpr const char* kListedAt = "GET /v1/models";

constexpr FieldRule kFrameRules[] = {
    {"model"},
    {"input"},
    {"parameters"},
    {"allow_degraded"},
    {"task", FieldUse::kNoEffect, "a text"},  // what older SDKs repeat of the path, as the next two
    {"task_group", FieldUse::kNoEffect, "a text"},
    {"function", FieldUse::kNoEffect, "a text"},
    {"resources", FieldUse::kNotBuilt, "{} []"},
};

constexpr FieldRule kEmbeddingInputRules[] = {
    {"texts"}, {"url", FieldUse::kNotBuilt},  // of a file, for the asynchronous kind
};
constexpr FieldRule kEmbeddingRules[] = {
    {"text_type"},
    {"dimension"},
    {"numerics"},
    {"output_type", FieldUse::kNotBuilt, R"("dense")"},
    {"instruct", FieldUse::kNotBuilt, R"("")"},
};

constexpr FieldRule kRerankInputRules[] = {
    {"query"},
    {"documents"},
};
constexpr FieldRule kRerankRules[] = {
    {"top_n"},
    {"return_documents"},
    {"instruct", FieldUse::kNotBuilt, R"("")"},
    {"fps", FieldUse::kNotBuilt, "1 1.0"},
};

// The object of a request's field, against its table; read() is called with its reader. A missing one is empty.
template <typename Read>
void read_part(FieldReader& reader, std::string_view name, std::span<const FieldRule> rules,
               std::vector<std::string>& ignored, Read read) {
  static const json::object kNone;
  const json::object* object = reader.object(name);
  FieldReader part(object != nullptr ? *object : kNone, std::string(name), rules, &ignored);
  read(part);
  if (!part.ok()) reader.fail(part.status().error());
}

}  // namespace

Result<EmbeddingCall> parse_embedding(std::string_view body) {
  STUDIO_TRY(json::value value, parse_body(body, kMaxCallBytes));
  EmbeddingCall call;
  FieldReader reader(value.get_object(), "", kFrameRules, &call.ignored);
  read_model(reader, kListedAt, call.model);
  read_part(reader, "input", kEmbeddingInputRules, call.ignored,
            [&](FieldReader& input) { read_embed_items(input, "texts", false, call); });
  read_part(reader, "parameters", kEmbeddingRules, call.ignored, [&](FieldReader& parameters) {
    if (const auto type = parameters.text("text_type")) {
      call.is_query = *type == "query";
      if (!call.is_query && *type != "document") {
        parameters.fail("text_type", "must be \"document\" or \"query\"; it is " + quoted(*type));
      }
    }
    read_numerics(parameters, call);
    if (const auto length = parameters.integer("dimension", 1, INT32_MAX)) call.dimensions = static_cast<int>(*length);
  });
  call.may_cut = reader.flag("allow_degraded").value_or(false);
  STUDIO_CHECK_OK(reader.status());
  return call;
}

Result<RankCall> parse_rerank(std::string_view body) {
  STUDIO_TRY(json::value value, parse_body(body, kMaxCallBytes));
  RankCall call;
  FieldReader reader(value.get_object(), "", kFrameRules, &call.ignored);
  read_model(reader, kListedAt, call.model);
  read_part(reader, "input", kRerankInputRules, call.ignored,
            [&](FieldReader& input) { read_rank_input(input, call); });
  read_part(reader, "parameters", kRerankRules, call.ignored, [&](FieldReader& parameters) {
    read_top_n(parameters, call);
    call.returns_documents = parameters.flag("return_documents").value_or(false);
  });
  call.may_cut = reader.flag("allow_degraded").value_or(false);
  STUDIO_CHECK_OK(reader.status());
  return call;
}

}  // namespace studio::api::dashscope
