#include "api/ollama/routes.h"

#include <boost/json.hpp>

#include "api/ollama/encoder_routes.h"
#include "api/ollama/find_model.h"
#include "api/ollama/parse.h"
#include "api/ollama/writer.h"
#include "api/serving/answer.h"
#include "api/serving/serve_kept.h"
#include "api/serving/wording.h"
#include "base/json.h"

namespace studio::api::ollama {
namespace {

namespace json = boost::json;
using ExchangePtr = std::shared_ptr<http::Exchange>;
using Function = void (*)(const Services&, const ExchangePtr&);
using inference::Prompt;

// Of the protocol that is spoken: some clients ask before they use what is newer.
constexpr const char* kVersion = "0.9.0";
constexpr CallFields kChatFields{
    .max_tokens = "options.num_predict", .max_completion_tokens = "options.num_predict", .enable_thinking = "think"};
constexpr CallFields kGenerateFields{.prompt = "prompt",
                                     .max_tokens = "options.num_predict",
                                     .max_completion_tokens = "options.num_predict",
                                     .enable_thinking = "think"};

void refuse(const ExchangePtr& exchange, const Error& error) {
  exchange->respond(error_response(error));
}

// A caller who counts on more context than there is would lose the rest of the prompt elsewhere; here it is told.
std::optional<Error> check_context(const GenerateCall& call, const inference::TextModel& model) {
  const int context = model.context_tokens();
  if (!call.num_ctx || context == 0 || *call.num_ctx <= context) return std::nullopt;
  return Error(Code::kOutOfRange, "options.num_ctx must be at most " + std::to_string(context) +
                                      ", the context of this model; it is " + std::to_string(*call.num_ctx) + ".")
      .with_param("options.num_ctx");
}

void start_answer(const Services& services, const ExchangePtr& exchange, const ServedModelPtr& model, Endpoint endpoint,
                  const GenerateCall& call, Prompt prompt, const inference::ChatPrompt& conversation = {}) {
  const CallFields& fields = endpoint == Endpoint::kChat ? kChatFields : kGenerateFields;
  if (auto error = check_context(call, *model->text)) return refuse(exchange, *error);
  inference::GenerationRequest request = to_generation(services, call, *exchange);
  add_structure(*model->text, conversation, call, request);
  if (call.fills_context) {
    request.max_completion_tokens = std::max(1, model->text->context_tokens() - static_cast<int>(prompt.ids.size()));
  }
  request.prompts.push_back(std::move(prompt));
  request.adapter = model->adapter;
  if (auto refusal = check_generation(*model->text, request, fields)) return refuse(exchange, refusal->error);
  AnswerOptions options{
      .writer = make_writer({.endpoint = endpoint, .model = call.model, .has_logprobs = call.sampling.logprobs}),
      .operation = endpoint == Endpoint::kChat ? "api.chat" : "api.generate",
      .is_stream = call.stream,
      .ignored = call.ignored,
      .degraded = call.degraded};
  answer(exchange, services, model, std::move(request), std::move(options));
}

void chat(const Services& services, const ExchangePtr& exchange) {
  auto call = parse_chat(exchange->request().body);
  if (!call.ok()) return refuse(exchange, call.error());
  auto model = find_model(services, call->generate.model, ModelKind::kText);
  if (!model.ok()) return refuse(exchange, model.error());
  if (call->prompt.messages.empty()) {
    return exchange->respond(
        http::Response::json(200, to_json(loaded({.endpoint = Endpoint::kChat, .model = call->generate.model}))));
  }
  const inference::TextModel& text = *(*model)->text;
  if (auto refusal = check_thinking(text, call->prompt, kChatFields)) return refuse(exchange, refusal->error);
  if (auto refusal = check_structure(text, call->prompt, call->generate, kChatFields)) {
    return refuse(exchange, refusal->error);
  }
  auto prompt = text.prepare_chat(call->prompt);
  if (!prompt.ok()) return refuse(exchange, prompt.error());
  start_answer(services, exchange, *model, Endpoint::kChat, call->generate, std::move(*prompt), call->prompt);
}

Result<Prompt> prepare(const inference::TextModel& text, const CompletionCall& call) {
  if (call.is_raw) return text.prepare_text(call.prompt);
  if (call.suffix) return text.prepare_infill(call.prompt, *call.suffix);
  inference::ChatPrompt chat;
  chat.enable_thinking = call.enable_thinking;
  if (call.system) chat.messages.push_back({.role = "system", .content = *call.system, .reasoning_content = {}});
  chat.messages.push_back({.role = "user", .content = call.prompt, .reasoning_content = {}});
  if (auto refusal = check_thinking(text, chat, kGenerateFields)) return refusal->error;
  return text.prepare_chat(chat);
}

void generate(const Services& services, const ExchangePtr& exchange) {
  auto call = parse_completion(exchange->request().body);
  if (!call.ok()) return refuse(exchange, call.error());
  auto model = find_model(services, call->generate.model, ModelKind::kText);
  if (!model.ok()) return refuse(exchange, model.error());
  if (call->prompt.empty() && !call->suffix) {
    return exchange->respond(
        http::Response::json(200, to_json(loaded({.endpoint = Endpoint::kGenerate, .model = call->generate.model}))));
  }
  auto prompt = prepare(*(*model)->text, *call);
  if (!prompt.ok()) return refuse(exchange, prompt.error());
  start_answer(services, exchange, *model, Endpoint::kGenerate, call->generate, std::move(*prompt));
}

http::Response refusal_of(const Error& error, const std::string&) {
  return error_response(error);
}

constexpr KeptWording kKeptWording{.numbers = EventNumbers::kLines, .fields = {}, .refusal = refusal_of};

template <Function make>
void kept(const Services& services, const ExchangePtr& exchange) {
  serve_kept(services, exchange, kKeptWording, make);
}

json::object model_object(const ServedModel& model) {
  const std::chrono::system_clock::time_point created{std::chrono::seconds(model.created)};
  return json::object{{"name", model.name},
                      {"model", model.name},
                      {"modified_at", utc_time(created)},
                      {"details", json::object{{"parent_model", model.base}, {"format", "gguf"}}}};
}

void list_models(const Services& services, const ExchangePtr& exchange) {
  json::array models;
  for (const ServedModelPtr& model : services.models->all()) models.push_back(model_object(*model));
  exchange->respond(http::Response::json(200, to_json(json::object{{"models", std::move(models)}})));
}

json::array capabilities(const ServedModel& model) {
  if (model.encoder) return model.kind() == ModelKind::kVectors ? json::array{"embedding"} : json::array{"rerank"};
  json::array found{"completion"};
  if (model.text->thinking() != inference::Thinking::kNone) found.emplace_back("thinking");
  if (model.text->tool_format() != inference::ToolFormat::kNone) found.emplace_back("tools");
  return found;
}

json::object model_info(const ServedModel& model) {
  json::object info{{"general.context_length", model.context_tokens()}};
  if (model.encoder) {
    info["general.architecture"] = "bert";
    info["bert.context_length"] = model.context_tokens();
    info["bert.embedding_length"] = model.encoder->config().hidden;
  }
  return info;
}

void show_model(const Services& services, const ExchangePtr& exchange) {
  auto name = parse_show(exchange->request().body);
  if (!name.ok()) return refuse(exchange, name.error());
  auto model = find_model(services, *name);
  if (!model.ok()) return refuse(exchange, model.error());
  json::object object = model_object(**model);
  exchange->respond(http::Response::json(200, to_json(json::object{{"modified_at", object.at("modified_at")},
                                                                   {"details", object.at("details")},
                                                                   {"model_info", model_info(**model)},
                                                                   {"capabilities", capabilities(**model)}})));
}

void show_version(const Services&, const ExchangePtr& exchange) {
  exchange->respond(http::Response::json(200, to_json(json::object{{"version", kVersion}})));
}

}  // namespace

bool is_spoken(const http::Request& request) {
  return request.path.starts_with("/api/") && !request.path.starts_with("/api/v");
}

void add_routes(const Services& services, http::Router& router) {
  auto add = [&](http::Method method, const char* path, size_t body_bytes, Function function) {
    router.add(http::Route(method, path, http::AuthClass::kKey, body_bytes,
                           [services, function](ExchangePtr exchange) { function(services, exchange); }));
  };
  add(http::Method::kPost, "/api/chat", kMaxCallBytes, kept<chat>);
  add(http::Method::kPost, "/api/generate", kMaxCallBytes, kept<generate>);
  add(http::Method::kPost, "/api/embed", kMaxCallBytes, kept<embed>);
  add(http::Method::kPost, "/api/embeddings", kMaxCallBytes, kept<old_embeddings>);
  add(http::Method::kGet, "/api/tags", 0, list_models);
  add(http::Method::kGet, "/api/ps", 0, list_models);  // what is served is loaded
  add(http::Method::kPost, "/api/show", kMaxCallBytes, show_model);
  add(http::Method::kGet, "/api/version", 0, show_version);
}

}  // namespace studio::api::ollama
