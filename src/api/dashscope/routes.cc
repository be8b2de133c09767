#include "api/dashscope/routes.h"

#include <boost/json.hpp>

#include "api/dashscope/encoder_routes.h"
#include "api/dashscope/errors.h"
#include "api/dashscope/kept_wording.h"
#include "api/dashscope/parse.h"
#include "api/dashscope/task_wire.h"
#include "api/dashscope/writer.h"
#include "api/serving/answer.h"
#include "api/serving/degraded.h"
#include "api/serving/serve_kept.h"
#include "base/json.h"

namespace studio::api::dashscope {
namespace {

namespace json = boost::json;
using ExchangePtr = std::shared_ptr<http::Exchange>;
using Function = void (*)(const Services&, const ExchangePtr&);
using inference::Thinking;

constexpr const char* kText = "/api/v1/services/aigc/text-generation/generation";
constexpr const char* kMultimodal = "/api/v1/services/aigc/multimodal-generation/generation";
constexpr const char* kRerank = "/api/v1/services/rerank/text-rerank/text-rerank";
constexpr const char* kTokenizer = "/api/v1/tokenizer";
constexpr CallFields kFields{.prompt = "input",
                             .tools = "parameters.tools",
                             .max_tokens = "parameters.max_tokens",
                             .max_completion_tokens = "parameters.thinking_budget",
                             .stop = "parameters.stop",
                             .enable_thinking = "parameters.enable_thinking",
                             .thinking_budget = "parameters.thinking_budget"};

CallFields thinking_fields(bool has_effort) {
  CallFields fields = kFields;
  if (has_effort) fields.enable_thinking = fields.thinking_budget = "parameters.reasoning_effort";
  return fields;
}

void refuse(const ExchangePtr& exchange, const Error& error, const char* code = nullptr) {
  exchange->respond(error_response(error, exchange->request().request_id, code));
}

void refuse(const ExchangePtr& exchange, const Refusal& refusal) {
  refuse(exchange, refusal.error, refusal.kind == Refusal::Kind::kThinking ? kNoThinkingSwitch : nullptr);
}

bool is_enabled(const http::Request& request, std::string_view field) {
  const std::string* value = request.fields.find(field);
  return value && http::equal_ignoring_case(http::trim_blanks(*value), "enable");
}

bool wants_stream(const http::Request& request) {
  if (is_enabled(request, "x-dashscope-sse")) return true;
  const std::string* accept = request.fields.find("accept");
  return accept && accept->find("text/event-stream") != std::string::npos;
}

}  // namespace

bool wants_task(const http::Request& request) {
  return is_enabled(request, "x-dashscope-async");
}

// None is passed over in silence.
std::optional<Error> check_head(const http::Request& request, bool takes_tasks) {
  if (!takes_tasks && wants_task(request)) {
    return Error(Code::kPermissionDenied, "X-DashScope-Async: this model answers at once alone; leave the field out.");
  }
  if (request.fields.find("x-dashscope-workspace")) {
    return Error(Code::kPermissionDenied, "X-DashScope-WorkSpace: this server has no workspaces; leave the field out.");
  }
  for (const char* name : {"X-DashScope-DataInspection", "X-DashScope-Plugin", "X-DashScope-EncryptionKey"}) {
    const std::string* value = request.fields.find(name);
    if (!value || http::equal_ignoring_case(http::trim_blanks(*value), "disable")) continue;
    return Error(Code::kUnimplemented, std::string(name) + " is not supported by this version; leave it out.");
  }
  return std::nullopt;
}

namespace {

void generation(const Services& services, const ExchangePtr& exchange, bool is_multimodal) {
  const http::Request& http_request = exchange->request();
  if (auto error = check_head(http_request)) return refuse(exchange, *error);
  auto call = parse_generation(http_request.body);
  if (!call.ok()) return refuse(exchange, call.error());
  auto model = services.models->find(call->generate.model, ModelKind::kText);
  if (!model.ok()) return refuse(exchange, model.error());
  const inference::TextModel& text = *(*model)->text;
  if (auto refusal = check_thinking(text, call->prompt, thinking_fields(call->has_effort)))
    return refuse(exchange, *refusal);
  if (auto refusal = check_structure(text, call->prompt, call->generate, kFields)) return refuse(exchange, *refusal);
  auto prompt = text.prepare_chat(call->prompt);
  if (!prompt.ok()) return refuse(exchange, prompt.error());

  // Text alone is the form of older models, which do not think.
  const bool has_logprobs = call->generate.sampling.logprobs;
  const bool is_text = text.thinking() == Thinking::kNone && !is_multimodal && call->generate.n == 1 && !has_logprobs &&
                       !call->prompt.tools.is_used();
  AnswerHead head{.request_id = http_request.request_id,
                  .format = call->result_format.value_or(is_text ? ResultFormat::kText : ResultFormat::kMessage),
                  .is_multimodal = is_multimodal,
                  .is_incremental = call->is_incremental,
                  .has_logprobs = has_logprobs,
                  .choices = static_cast<size_t>(call->generate.n),
                  .prompt_tokens = static_cast<int64_t>(prompt->ids.size())};
  inference::GenerationRequest request = to_generation(services, call->generate, *exchange);
  add_structure(text, call->prompt, call->generate, request);
  request.prompts.push_back(std::move(*prompt));
  request.adapter = (*model)->adapter;
  if (auto refusal = check_generation(text, request, kFields)) return refuse(exchange, *refusal);
  AnswerOptions options{.writer = make_writer(std::move(head)),
                        .operation = is_multimodal ? "multimodal-generation" : "text-generation",
                        .is_stream = wants_stream(http_request),
                        .ignored = call->generate.ignored,
                        .degraded = call->generate.degraded};
  answer(exchange, services, *model, std::move(request), std::move(options));
}

template <bool is_multimodal>
void kept_generation(const Services& services, const ExchangePtr& exchange) {
  serve_kept(services, exchange, kKeptWording,
             [](const Services& own, const ExchangePtr& kept) { generation(own, kept, is_multimodal); });
}

template <Function make>
void kept(const Services& services, const ExchangePtr& exchange) {
  serve_kept(services, exchange, kKeptWording, make);
}

void tokenizer(const Services& services, const ExchangePtr& exchange) {
  auto call = parse_tokenizer(exchange->request().body);
  if (!call.ok()) return refuse(exchange, call.error());
  auto model = services.models->find(call->model, ModelKind::kText);
  if (!model.ok()) return refuse(exchange, model.error());
  const inference::TextModel& text = *(*model)->text;
  std::vector<engine::TokenId> ids;
  if (call->text) {
    ids = text.tokenizer().encode(*call->text);
  } else {
    auto prompt = text.prepare_chat(call->prompt);
    if (!prompt.ok()) return refuse(exchange, prompt.error());
    ids = std::move(prompt->ids);
  }
  json::array id_list, tokens;
  for (engine::TokenId id : ids) {
    id_list.emplace_back(id);
    tokens.emplace_back(text.tokenizer().decode(std::span(&id, 1), false));
  }
  http::Response response = http::Response::json(
      200,
      to_json(json::object{{"output", json::object{{"token_ids", std::move(id_list)}, {"tokens", std::move(tokens)}}},
                           {"usage", json::object{{"input_tokens", ids.size()}}},
                           {"request_id", exchange->request().request_id}}));
  add_names("X-Studio-Ignored", call->ignored, response);
  exchange->respond(std::move(response));
}

}  // namespace

bool is_spoken(const http::Request& request) {
  return request.path.starts_with("/api/v1/");
}

void add_routes(const Services& services, const TaskDesk& desk, http::Router& router) {
  auto add = [&](const char* path, Function function) {
    router.add(http::Route(http::Method::kPost, path, http::AuthClass::kKey, kMaxCallBytes,
                           [services, function](ExchangePtr exchange) { function(services, exchange); }));
  };
  add(kText, kept_generation<false>);
  add(kMultimodal, kept_generation<true>);
  add(kTokenizer, tokenizer);
  add(kRerank, kept<text_rerank>);
  router.add(http::Route(http::Method::kPost, kEmbeddingPath, http::AuthClass::kKey, kMaxCallBytes,
                         [services, desk](ExchangePtr exchange) {
                           const bool is_task = desk.tasks && wants_task(exchange->request());
                           is_task ? create_task(services, desk, exchange) : kept<text_embedding>(services, exchange);
                         }));
  if (desk.tasks) add_task_routes(services, desk, router);
}

}  // namespace studio::api::dashscope
