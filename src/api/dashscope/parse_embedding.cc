// The bodies of text-embedding and text-rerank.
#include <boost/json.hpp>

#include "api/dashscope/parse.h"
#include "api/serving/degraded.h"
#include "base/json.h"

namespace studio::api::dashscope {
namespace {

namespace json = boost::json;

constexpr const char* kListedAt = "GET /v1/models";

constexpr size_t kMaxTaskParameterBytes = 4096;  // they go with each of 100,000 texts; those that there are have 50

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
    {"texts"},
    {"url", FieldUse::kNotBuilt, "", "tasks alone read files (X-DashScope-Async: enable)"},
};
constexpr FieldRule kTaskInputRules[] = {
    {"url"},
    {"texts", FieldUse::kNotBuilt, "", "a task reads a file, input.url"},
};
constexpr FieldRule kEmbeddingRules[] = {
    {"text_type"}, {"dimension"},      {"numerics"}, {"output_type", FieldUse::kNotBuilt, R"("dense")"},
    {"instruct"},  {"allow_degraded"},
};

constexpr FieldRule kRerankInputRules[] = {
    {"query"},
    {"documents"},
};
constexpr FieldRule kRerankRules[] = {
    {"top_n"}, {"return_documents"}, {"instruct"}, {"fps", FieldUse::kNotBuilt, "1 1.0"}, {"allow_degraded"},
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

void read_embedding_parameters(FieldReader& parameters, EmbeddingCall& call) {
  if (const auto type = parameters.text("text_type")) {
    call.is_query = *type == "query";
    if (!call.is_query && *type != "document") {
      parameters.fail("text_type", "must be \"document\" or \"query\"; it is " + quoted(*type));
    }
  }
  read_numerics(parameters, call);
  if (const auto length = parameters.integer("dimension", 1, INT32_MAX)) call.dimensions = static_cast<int>(*length);
  read_instruct(parameters, call.instruct);
  if (call.instruct && !call.is_query) {
    // As the original has it; whoever asks is told.
    call.ignored.emplace_back("parameters.instruct");
    call.instruct.reset();
  }
}

void read_url(FieldReader& input, EmbeddingTask& task) {
  const auto url = input.text("url");
  if (!url || url->empty()) return input.fail("url", "is missing: the id of a file of texts, one a line");
  if (url->find(':') != std::string::npos || url->find('/') != std::string::npos) {
    return input.fail("url",
                      "must be the id of a file that was uploaded here (POST /api/v1/files): this server fetches no "
                      "addresses and has no other store; it is " +
                          quoted(*url));
  }
  task.url = *url;
}

Result<EmbeddingCall> read_embedding(const json::object& body) {
  EmbeddingCall call;
  FieldReader reader(body, "", kFrameRules, &call.ignored);
  read_model(reader, kListedAt, call.model);
  read_part(reader, "input", kEmbeddingInputRules, call.ignored,
            [&](FieldReader& input) { read_embed_items(input, "texts", false, call); });
  read_part(reader, "parameters", kEmbeddingRules, call.ignored,
            [&](FieldReader& parameters) { read_embedding_parameters(parameters, call); });
  STUDIO_TRY(call.may_cut, allows_degraded(body, "parameters"));
  STUDIO_CHECK_OK(reader.status());
  return call;
}

Result<EmbeddingTask> read_embedding_task(const json::object& body) {
  EmbeddingTask task;
  FieldReader reader(body, "", kFrameRules, &task.ignored);
  read_model(reader, kListedAt, task.model);
  read_part(reader, "input", kTaskInputRules, task.ignored, [&](FieldReader& input) { read_url(input, task); });
  read_part(reader, "parameters", kEmbeddingRules, task.ignored,
            [&](FieldReader& parameters) { read_embedding_parameters(parameters, task); });
  STUDIO_TRY(task.may_cut, allows_degraded(body, "parameters"));
  STUDIO_CHECK_OK(reader.status());
  const json::object* parameters = reader.object("parameters");
  task.parameters = parameters ? to_json(*parameters) : "{}";
  if (task.parameters.size() > kMaxTaskParameterBytes) {
    reader.fail("parameters", "may have " + std::to_string(kMaxTaskParameterBytes) + " bytes in a task");
  }
  STUDIO_CHECK_OK(reader.status());
  return task;
}

Result<RankCall> read_rerank(const json::object& body) {
  RankCall call;
  FieldReader reader(body, "", kFrameRules, &call.ignored);
  read_model(reader, kListedAt, call.model);
  read_part(reader, "input", kRerankInputRules, call.ignored,
            [&](FieldReader& input) { read_rank_input(input, call); });
  read_part(reader, "parameters", kRerankRules, call.ignored, [&](FieldReader& parameters) {
    read_top_n(parameters, call);
    call.returns_documents = parameters.flag("return_documents").value_or(false);
    read_instruct(parameters, call.instruct);
  });
  STUDIO_TRY(call.may_cut, allows_degraded(body, "parameters"));
  STUDIO_CHECK_OK(reader.status());
  return call;
}

}  // namespace

Result<EmbeddingCall> parse_embedding(std::string_view body) {
  return parse_degradable(body, read_embedding, "parameters");
}

Result<EmbeddingTask> parse_embedding_task(std::string_view body) {
  return parse_degradable(body, read_embedding_task, "parameters");
}

Result<RankCall> parse_rerank(std::string_view body) {
  return parse_degradable(body, read_rerank, "parameters");
}

std::vector<EndpointFields> encoder_fields() {
  const std::string embedding = "POST /api/v1/services/embeddings/text-embedding/text-embedding";
  return {{"dashscope",
           embedding,
           {{"", "", kFrameRules}, {"input", "", kEmbeddingInputRules}, {"parameters", "", kEmbeddingRules}}},
          {"dashscope",
           embedding + " (X-DashScope-Async: enable)",
           {{"", "", kFrameRules}, {"input", "", kTaskInputRules}, {"parameters", "", kEmbeddingRules}}},
          {"dashscope",
           "POST /api/v1/services/rerank/text-rerank/text-rerank",
           {{"", "", kFrameRules},
            {"input", "", kRerankInputRules},
            document_fields("input.documents"),
            {"parameters", "", kRerankRules}}}};
}

}  // namespace studio::api::dashscope
