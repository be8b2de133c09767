#include "api/anthropic/routes.h"

#include <boost/json.hpp>
#include <chrono>

#include "api/anthropic/errors.h"
#include "api/anthropic/parse.h"
#include "api/anthropic/writer.h"
#include "api/serving/answer.h"
#include "api/serving/degraded.h"
#include "api/serving/serve_kept.h"
#include "api/serving/wording.h"
#include "base/json.h"

namespace studio::api::anthropic {
namespace {

namespace json = boost::json;
using ExchangePtr = std::shared_ptr<http::Exchange>;
using Function = void (*)(const Services&, const ExchangePtr&);

constexpr const char* kDoor = "/apps/anthropic/v1";
constexpr const char* kOldDoor = "/api/v2/apps/claude-code-proxy/v1";
constexpr CallFields kFields{.max_completion_tokens = "thinking.budget_tokens",
                             .stop = "stop_sequences",
                             .enable_thinking = "thinking",
                             .thinking_budget = "thinking"};
constexpr CallFields kEffortFields{.max_completion_tokens = kEffortField,
                                   .stop = "stop_sequences",
                                   .enable_thinking = kEffortField,
                                   .thinking_budget = kEffortField};

void refuse(const ExchangePtr& exchange, const Error& error) {
  exchange->respond(error_response(error, exchange->request().request_id));
}

void answer_json(const ExchangePtr& exchange, const json::object& object,
                 const std::vector<std::string>& ignored = {}) {
  http::Response response = http::Response::json(200, to_json(object));
  add_names("X-Studio-Ignored", ignored, response);
  add_request_id(response, exchange->request().request_id);
  exchange->respond(std::move(response));
}

json::object model_object(const ServedModel& model) {
  const std::chrono::system_clock::time_point created{std::chrono::seconds(model.created)};
  return json::object{
      {"type", "model"}, {"id", model.name}, {"display_name", model.name}, {"created_at", utc_time(created)}};
}

const CallFields& fields_of(const ThinkingWish& thinking) {
  return thinking.has_effort ? kEffortFields : kFields;
}

// A model that does not think cannot keep what was no promise; that an effort has no effect is told.
void drop_wish(const ThinkingWish& thinking, inference::ChatPrompt& chat, std::vector<std::string>& ignored) {
  chat.enable_thinking.reset();
  if (!thinking.has_effort) return;
  chat.thinking_budget.reset();
  ignored.emplace_back(kEffortField);
}

// The model that the call names, and its prompt.
struct Prepared {
  ServedModelPtr model;
  inference::Prompt prompt;
};

Result<Prepared> prepare(const Services& services, const std::string& name, const ThinkingWish& thinking,
                         inference::ChatPrompt& chat, const GenerateCall& call, std::vector<std::string>& ignored) {
  STUDIO_TRY(ServedModelPtr model, services.models->find(name, ModelKind::kText));
  if (thinking.is_adaptive && model->text->thinking() == inference::Thinking::kNone) drop_wish(thinking, chat, ignored);
  if (auto refusal = check_thinking(*model->text, chat, fields_of(thinking))) return refusal->error;
  if (auto refusal = check_structure(*model->text, chat, call, kFields)) return refusal->error;
  STUDIO_TRY(inference::Prompt prompt, model->text->prepare_chat(chat));
  return Prepared{std::move(model), std::move(prompt)};
}

// Coding agents look for these beginnings and counts: to ask for less, or to make their conversation shorter.
Error too_long(const inference::TextModel::Overflow& over, const std::string& limit) {
  const std::string prompt = std::to_string(over.prompt_tokens), context = std::to_string(over.context_tokens);
  if (over.prompt_tokens >= over.context_tokens) {
    return Error(Code::kInvalidArgument,
                 "prompt is too long: " + prompt + " tokens > " + context + " maximum. Shorten the messages.");
  }
  return Error(Code::kInvalidArgument, "input length and `max_tokens` exceed context limit: " + prompt + " + " +
                                           std::to_string(over.wished_tokens) + " > " + context +
                                           ". Shorten the messages or lower " + limit + ".");
}

void messages(const Services& services, const ExchangePtr& exchange) {
  auto call = parse_messages(exchange->request().body);
  if (!call.ok()) return refuse(exchange, call.error());
  auto prepared =
      prepare(services, call->generate.model, call->thinking, call->prompt, call->generate, call->generate.ignored);
  if (!prepared.ok()) return refuse(exchange, prepared.error());
  const ServedModelPtr& model = prepared->model;
  inference::GenerationRequest request = to_generation(services, call->generate, *exchange);
  add_structure(*model->text, call->prompt, call->generate, request);
  const auto prompt_tokens = static_cast<int64_t>(prepared->prompt.ids.size());
  request.prompts.push_back(std::move(prepared->prompt));
  request.adapter = model->adapter;
  if (auto refusal = check_generation(*model->text, request, fields_of(call->thinking))) {
    const auto over = refusal->kind == Refusal::Kind::kTooLong ? model->text->overflow(request) : std::nullopt;
    return refuse(exchange, over ? too_long(*over, refusal->error.param()) : refusal->error);
  }
  AnswerOptions options{.writer = make_writer({.id = message_id(exchange->request().request_id),
                                               .model = model->name,
                                               .request_id = exchange->request().request_id,
                                               .prompt_tokens = prompt_tokens,
                                               .tells_thinking = call->thinking.is_told}),
                        .operation = "messages",
                        .is_stream = call->generate.stream,
                        .ignored = call->generate.ignored,
                        .degraded = call->generate.degraded};
  answer(exchange, services, model, std::move(request), std::move(options));
}

http::Response refusal_of(const Error& error, const std::string& request_id) {
  return error_response(error, request_id);
}

constexpr KeptWording kKeptWording{.numbers = EventNumbers::kIdLines, .fields = {}, .refusal = refusal_of};

void kept_messages(const Services& services, const ExchangePtr& exchange) {
  serve_kept(services, exchange, kKeptWording, messages);
}

void count_tokens(const Services& services, const ExchangePtr& exchange) {
  auto call = parse_count(exchange->request().body);
  if (!call.ok()) return refuse(exchange, call.error());
  auto prepared = prepare(services, call->model, call->thinking, call->prompt, {}, call->ignored);
  if (!prepared.ok()) return refuse(exchange, prepared.error());
  answer_json(exchange, {{"input_tokens", prepared->prompt.ids.size()}}, call->ignored);
}

void add(http::Method method, const std::string& path, size_t body_bytes, Function function, const Services& services,
         http::Router& router) {
  router.add(http::Route(method, path, http::AuthClass::kKey, body_bytes,
                         [services, function](ExchangePtr exchange) { function(services, exchange); }));
}

}  // namespace

bool is_spoken(const http::Request& request) {
  for (const std::string_view door :
       {std::string_view("/apps/anthropic/"), std::string_view("/v1/messages"), std::string_view(kOldDoor)}) {
    if (request.path.starts_with(door)) return true;
  }
  return request.fields.find("anthropic-version") != nullptr;
}

void list_models(const Services& services, const ExchangePtr& exchange) {
  json::array models;
  for (const ServedModelPtr& model : services.models->all()) models.push_back(model_object(*model));
  json::object list{{"has_more", false}, {"first_id", nullptr}, {"last_id", nullptr}};
  if (!models.empty()) list["first_id"] = models.front().at("id"), list["last_id"] = models.back().at("id");
  list["data"] = std::move(models);
  answer_json(exchange, list);
}

void show_model(const Services& services, const ExchangePtr& exchange) {
  auto model = services.models->find(exchange->request().path_parameter("id"));
  if (!model.ok()) return refuse(exchange, model.error());
  answer_json(exchange, model_object(**model));
}

void add_routes(const Services& services, http::Router& router) {
  for (const std::string prefix : {kDoor, "/v1", kOldDoor}) {
    add(http::Method::kPost, prefix + "/messages", kMaxCallBytes, kept_messages, services, router);
    add(http::Method::kPost, prefix + "/messages/count_tokens", kMaxCallBytes, count_tokens, services, router);
  }
  // Under /v1 they are api/model_routes.h's.
  add(http::Method::kGet, std::string(kDoor) + "/models", 0, list_models, services, router);
  add(http::Method::kGet, std::string(kDoor) + "/models/{id...}", 0, show_model, services, router);
}

}  // namespace studio::api::anthropic
