#include "api/openai/routes.h"

#include <boost/json.hpp>

#include "api/openai/encoder_routes.h"
#include "api/openai/errors.h"
#include "api/openai/kept_wording.h"
#include "api/openai/parse.h"
#include "api/openai/test_model.h"
#include "api/openai/writer.h"
#include "api/serving/answer.h"
#include "api/serving/degraded.h"
#include "api/serving/serve_kept.h"
#include "base/json.h"

namespace studio::api::openai {
namespace {

using inference::GenerationRequest;
using inference::Prompt;
using inference::TextModel;
using ExchangePtr = std::shared_ptr<http::Exchange>;

namespace json = boost::json;

constexpr CallFields kChatFields;
constexpr CallFields kEffortFields{.enable_thinking = "reasoning_effort", .thinking_budget = "reasoning_effort"};
constexpr CallFields kCompletionFields{.prompt = "prompt"};

const char* code_of(Refusal::Kind kind) {
  switch (kind) {
    case Refusal::Kind::kTooLong:
      return kContextLengthExceeded;
    case Refusal::Kind::kThinking:
      return kNoThinkingSwitch;
    case Refusal::Kind::kOther:
      break;
  }
  return nullptr;
}

void refuse(const ExchangePtr& exchange, const Refusal& refusal) {
  exchange->respond(error_response(refusal.error, exchange->request().request_id, code_of(refusal.kind)));
}

json::object model_object(const ServedModel& model) {
  json::object object{
      {"id", model.name}, {"object", "model"}, {"created", model.created}, {"owned_by", "model-studio"}};
  if (!model.base.empty()) object["parent"] = model.base;
  return object;
}

void start_answer(const Services& services, const ExchangePtr& exchange, const ServedModelPtr& model, AnswerHead head,
                  const GenerateCall& call, GenerationRequest request) {
  request.adapter = model->adapter;
  const bool is_chat = head.endpoint == Endpoint::kChat;
  if (auto refusal = check_generation(*model->text, request, is_chat ? kChatFields : kCompletionFields)) {
    return refuse(exchange, *refusal);
  }
  head.id = answer_id(head.endpoint, exchange->request().request_id);
  head.created = std::chrono::system_clock::to_time_t(exchange->request().arrived_at);
  head.model = model->name;
  head.include_usage = call.include_usage;
  head.has_logprobs = call.sampling.logprobs;
  const size_t choices = request.prompts.size() * static_cast<size_t>(request.n);
  AnswerOptions options{.writer = make_writer(std::move(head), choices, request.prompts.front().may_reason,
                                              exchange->request().request_id),
                        .operation = is_chat ? "chat.completions" : "completions",
                        .is_stream = call.stream,
                        .ignored = call.ignored,
                        .degraded = call.degraded};
  answer(exchange, services, model, std::move(request), std::move(options));
}

void chat_completions(const Services& services, const ExchangePtr& exchange) {
  auto call = parse_chat(exchange->request().body);
  if (!call.ok()) return refuse(exchange, {call.error()});
  auto model = services.models->find(call->generate.model, ModelKind::kText);
  if (!model.ok()) return refuse(exchange, {model.error()});
  if (auto refusal = check_thinking(*(*model)->text, call->prompt, call->has_effort ? kEffortFields : kChatFields)) {
    return refuse(exchange, *refusal);
  }
  if (auto refusal = check_structure(*(*model)->text, call->prompt, call->generate, kChatFields)) {
    return refuse(exchange, *refusal);
  }
  auto prompt = (*model)->text->prepare_chat(call->prompt);
  if (!prompt.ok()) return refuse(exchange, {prompt.error()});
  GenerationRequest request = to_generation(services, call->generate, *exchange);
  add_structure(*(*model)->text, call->prompt, call->generate, request);
  request.prompts.push_back(std::move(*prompt));
  start_answer(services, exchange, *model, {.endpoint = Endpoint::kChat}, call->generate, std::move(request));
}

Result<std::vector<Prompt>> prepare_completion(const TextModel& model, const CompletionCall& call) {
  std::vector<Prompt> prompts;
  for (const auto& wanted : call.prompts) {
    if (const auto* text = std::get_if<std::string>(&wanted)) {
      if (call.suffix) {
        STUDIO_TRY(Prompt prompt, model.prepare_infill(*text, *call.suffix));
        prompts.push_back(std::move(prompt));
      } else {
        prompts.push_back(model.prepare_text(*text));
      }
      if (call.echoes) prompts.back().echo = *text;
    } else {
      STUDIO_TRY(Prompt prompt, model.prepare_ids(std::get<std::vector<engine::TokenId>>(wanted)));
      if (call.echoes) prompt.echo = model.tokenizer().decode(prompt.ids, false);
      prompts.push_back(std::move(prompt));
    }
  }
  return prompts;
}

void completions(const Services& services, const ExchangePtr& exchange) {
  auto call = parse_completion(exchange->request().body);
  if (!call.ok()) return refuse(exchange, {call.error()});
  auto model = services.models->find(call->generate.model, ModelKind::kText);
  if (!model.ok()) return refuse(exchange, {model.error()});
  auto prompts = prepare_completion(*(*model)->text, *call);
  if (!prompts.ok()) return refuse(exchange, {prompts.error()});
  GenerationRequest request = to_generation(services, call->generate, *exchange);
  request.prompts = std::move(*prompts);
  request.echoes = call->echoes;
  AnswerHead head{.endpoint = Endpoint::kCompletion};
  if (call->best_of) {
    head.best_of = BestOf{static_cast<size_t>(*call->best_of), static_cast<size_t>(call->generate.n)};
    request.n = *call->best_of;
    request.sampling.logprobs = true;  // by which the best are found, whether or not they are told
  }
  start_answer(services, exchange, *model, std::move(head), call->generate, std::move(request));
}

// With what the model wants around a text, as it computes it. Its vocabulary has no texts of single tokens.
void tokenize_for_encoder(const ExchangePtr& exchange, const ServedModel& model, const TokenizeCall& call) {
  if (!call.text) {
    return refuse(exchange, {Error(Code::kInvalidArgument, "messages is not for this model: it reads texts; say text.")
                                 .with_param("messages")});
  }
  const std::vector<engine::TokenId> ids = model.encoder->text_ids(*call.text);
  exchange->respond(http::Response::json(200, to_json(json::object{{"model", model.name},
                                                                   {"count", ids.size()},
                                                                   {"max_model_len", model.context_tokens()},
                                                                   {"tokens", json::array(ids.begin(), ids.end())},
                                                                   {"token_strings", nullptr}})));
}

void tokenize(const Services& services, const ExchangePtr& exchange) {
  auto call = parse_tokenize(exchange->request().body);
  if (!call.ok()) return refuse(exchange, {call.error()});
  auto model = services.models->find(call->model);
  if (!model.ok()) return refuse(exchange, {model.error()});
  if ((*model)->encoder) return tokenize_for_encoder(exchange, **model, *call);
  const TextModel& text = *(*model)->text;
  std::vector<engine::TokenId> ids;
  if (call->text) {
    ids = text.tokenizer().encode(*call->text);
  } else {
    if (auto refusal = check_thinking(text, *call->prompt, call->has_effort ? kEffortFields : kChatFields)) {
      return refuse(exchange, *refusal);
    }
    auto prompt = text.prepare_chat(*call->prompt);
    if (!prompt.ok()) return refuse(exchange, {prompt.error()});
    ids = std::move(prompt->ids);
  }
  json::array id_list, tokens;
  for (engine::TokenId id : ids) {
    id_list.emplace_back(id);
    tokens.emplace_back(text.tokenizer().decode(std::span(&id, 1), false));
  }
  http::Response response = http::Response::json(200, to_json(json::object{{"model", (*model)->name},
                                                                           {"count", ids.size()},
                                                                           {"max_model_len", text.context_tokens()},
                                                                           {"tokens", std::move(id_list)},
                                                                           {"token_strings", std::move(tokens)}}));
  add_names("X-Studio-Ignored", call->ignored, response);
  exchange->respond(std::move(response));
}

}  // namespace

void list_models(const Services& services, const ExchangePtr& exchange) {
  json::array models;
  for (const ServedModelPtr& model : services.models->all()) models.push_back(model_object(*model));
  exchange->respond(http::Response::json(200, to_json(json::object{{"object", "list"}, {"data", std::move(models)}})));
}

void show_model(const Services& services, const ExchangePtr& exchange) {
  auto model = services.models->find(exchange->request().path_parameter("id"));
  if (!model.ok()) return refuse(exchange, {model.error()});
  exchange->respond(http::Response::json(200, to_json(model_object(**model))));
}

Handler handler_of_line(std::string_view url) {
  if (url == "/v1/chat/completions") return chat_completions;
  if (url == "/v1/completions") return completions;
  if (url == "/v1/embeddings") return embeddings;
  if (url == kTestUrl) return answer_test;
  return nullptr;
}

namespace {

using Function = void (*)(const Services&, const ExchangePtr&);

void add_route(http::Method method, const std::string& path, http::AuthClass auth, size_t body_bytes,
               const Services& services, Function function, http::Router& router) {
  router.add(http::Route(method, path, auth, body_bytes,
                         [services, function](ExchangePtr exchange) { function(services, exchange); }));
}

template <Function make>
void kept(const Services& services, const ExchangePtr& exchange) {
  serve_kept(services, exchange, kKeptWording, make);
}

void add_posts(const std::string& prefix, http::AuthClass auth, const Services& services, http::Router& router) {
  auto add = [&](const char* path, Function function) {
    add_route(http::Method::kPost, prefix + path, auth, kMaxCallBytes, services, function, router);
  };
  add("/chat/completions", kept<chat_completions>);
  add("/completions", kept<completions>);
  add("/tokenize", tokenize);
  add("/embeddings", kept<embeddings>);
  add("/reranks", kept<reranks>);
}

}  // namespace

void add_routes_at(const std::string& prefix, http::AuthClass auth, const Services& services, http::Router& router) {
  add_route(http::Method::kGet, prefix + "/models", auth, 0, services, list_models, router);
  add_route(http::Method::kGet, prefix + "/models/{id...}", auth, 0, services, show_model, router);
  add_posts(prefix, auth, services, router);
}

void add_routes(const Services& services, http::Router& router) {
  add_posts("/v1", http::AuthClass::kKey, services, router);
  add_routes_at("/compatible-mode/v1", http::AuthClass::kKey, services, router);
  // The original's own door for it, and the name that other servers' clients ask for.
  for (const char* path : {"/compatible-api/v1/reranks", "/v1/rerank"}) {
    add_route(http::Method::kPost, path, http::AuthClass::kKey, kMaxCallBytes, services, kept<reranks>, router);
  }
}

}  // namespace studio::api::openai
