#include "api/openai/routes.h"

#include <boost/json.hpp>

#include "api/openai/answer.h"
#include "api/openai/errors.h"
#include "api/openai/parse.h"
#include "api/serving/prefix_salt.h"
#include "base/json.h"

namespace studio::api::openai {
namespace {

using inference::GenerationRequest;
using inference::Prompt;
using inference::TextModel;
using ExchangePtr = std::shared_ptr<http::Exchange>;

namespace json = boost::json;

// An Error with the code of the wire where the table's is too coarse.
struct Refusal {
  Error error;
  const char* code = nullptr;
};

void refuse(const ExchangePtr& exchange, const Refusal& refusal) {
  exchange->respond(error_response(refusal.error, exchange->request().request_id, refusal.code));
}

json::object model_object(const ServedModel& model) {
  json::object object{
      {"id", model.name}, {"object", "model"}, {"created", model.created}, {"owned_by", "model-studio"}};
  if (!model.base.empty()) object["parent"] = model.base;
  return object;
}

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

std::optional<Refusal> check_thinking(const TextModel& model, const inference::ChatPrompt& prompt) {
  bool wants = prompt.enable_thinking == true || prompt.thinking_budget;
  if (wants && model.thinking() == inference::Thinking::kNone) {
    const char* field = prompt.enable_thinking ? "enable_thinking" : "thinking_budget";
    return Refusal{Error(Code::kInvalidArgument, std::string(field) + " is not for this model: it does not think.")
                       .with_param(field),
                   kNoThinkingSwitch};
  }
  if (prompt.enable_thinking == false && model.thinking() == inference::Thinking::kAlways) {
    return Refusal{Error(Code::kInvalidArgument, "enable_thinking must be true: this model always thinks.")
                       .with_param("enable_thinking"),
                   kNoThinkingSwitch};
  }
  return std::nullopt;
}

std::optional<Refusal> check_generation(const TextModel& model, const GenerationRequest& request, Endpoint endpoint) {
  int vocab = model.tokenizer().vocab_size();
  if (Status valid = engine::validate(request.sampling, vocab); !valid.ok()) return Refusal{valid.error()};
  for (size_t i = 0; i < request.stop_ids.size(); ++i) {
    if (request.stop_ids[i] < vocab) continue;
    std::string field = "stop[" + std::to_string(i) + "]";
    return Refusal{
        Error(Code::kOutOfRange, field + " is outside the model's vocabulary (0 to " + std::to_string(vocab - 1) + ").")
            .with_param(field)};
  }
  auto over = model.overflow(request);
  if (!over) return std::nullopt;
  const char* limit = request.max_tokens.value_or(0) == over->wished_tokens ? "max_tokens" : "max_completion_tokens";
  const char* field = endpoint == Endpoint::kChat ? "messages" : "prompt";
  if (over->prompt_tokens < over->context_tokens) field = limit;  // the prompt alone would fit
  std::string prompt = std::to_string(over->prompt_tokens), wished = std::to_string(over->wished_tokens);
  return Refusal{
      Error(Code::kInvalidArgument,
            "This model's context holds " + std::to_string(over->context_tokens) + " tokens; the prompt has " + prompt +
                " and " + wished + " more were asked for. Shorten the " +
                (endpoint == Endpoint::kChat ? "messages" : "prompt") + " or lower " + limit + ".")
          .with_param(field),
      kContextLengthExceeded};
}

GenerationRequest to_generation(const Services& services, const GenerateCall& call, const ExchangePtr& exchange) {
  const std::string& key_id = exchange->request().principal;
  GenerationRequest request;
  request.request_id = exchange->request().request_id;
  request.n = call.n;
  request.sampling = call.sampling;
  request.max_tokens = call.max_tokens;
  request.max_completion_tokens = call.max_completion_tokens;
  request.stop = call.stop;
  request.stop_ids = call.stop_ids;
  request.ignore_eos = call.ignore_eos;
  // A stream that takes longer is cut with an error instead of holding its pages for ever.
  request.deadline = exchange->received_at() + services.answer_limit;
  request.prefix_salt = request.tenant = prefix_salt_of(key_id);
  request.weight = services.weight_of ? services.weight_of(key_id) : 1;
  return request;
}

void start_answer(const Services& services, const ExchangePtr& exchange, const ServedModelPtr& model, Endpoint endpoint,
                  const GenerateCall& call, std::vector<Prompt> prompts) {
  GenerationRequest request = to_generation(services, call, exchange);
  request.prompts = std::move(prompts);
  request.adapter = model->adapter;
  if (auto refusal = check_generation(*model->text, request, endpoint)) return refuse(exchange, *refusal);
  AnswerOptions options;
  options.head = {.endpoint = endpoint,
                  .id = new_answer_id(endpoint),
                  .created = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()),
                  .model = model->name,
                  .include_usage = call.include_usage,
                  .has_logprobs = call.sampling.logprobs};
  options.is_stream = call.stream;
  options.may_reason = request.prompts.front().may_reason;
  options.ignored = call.ignored;
  answer(exchange, services, model, std::move(request), std::move(options));
}

void chat_completions(const Services& services, const ExchangePtr& exchange) {
  auto call = parse_chat(exchange->request().body);
  if (!call.ok()) return refuse(exchange, {call.error()});
  auto model = services.models->find(call->generate.model);
  if (!model.ok()) return refuse(exchange, {model.error()});
  if (auto refusal = check_thinking(*(*model)->text, call->prompt)) return refuse(exchange, *refusal);
  auto prompt = (*model)->text->prepare_chat(call->prompt);
  if (!prompt.ok()) return refuse(exchange, {prompt.error()});
  start_answer(services, exchange, *model, Endpoint::kChat, call->generate, {std::move(*prompt)});
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
    } else {
      STUDIO_TRY(Prompt prompt, model.prepare_ids(std::get<std::vector<engine::TokenId>>(wanted)));
      prompts.push_back(std::move(prompt));
    }
  }
  return prompts;
}

void completions(const Services& services, const ExchangePtr& exchange) {
  auto call = parse_completion(exchange->request().body);
  if (!call.ok()) return refuse(exchange, {call.error()});
  auto model = services.models->find(call->generate.model);
  if (!model.ok()) return refuse(exchange, {model.error()});
  auto prompts = prepare_completion(*(*model)->text, *call);
  if (!prompts.ok()) return refuse(exchange, {prompts.error()});
  start_answer(services, exchange, *model, Endpoint::kCompletion, call->generate, std::move(*prompts));
}

void tokenize(const Services& services, const ExchangePtr& exchange) {
  auto call = parse_tokenize(exchange->request().body);
  if (!call.ok()) return refuse(exchange, {call.error()});
  auto model = services.models->find(call->model);
  if (!model.ok()) return refuse(exchange, {model.error()});
  const TextModel& text = *(*model)->text;
  std::vector<engine::TokenId> ids;
  if (call->text) {
    ids = text.tokenizer().encode(*call->text);
  } else {
    if (auto refusal = check_thinking(text, *call->prompt)) return refuse(exchange, *refusal);
    auto prompt = text.prepare_chat(*call->prompt);
    if (!prompt.ok()) return refuse(exchange, {prompt.error()});
    ids = std::move(prompt->ids);
  }
  json::array id_list, tokens;
  for (engine::TokenId id : ids) {
    id_list.emplace_back(id);
    tokens.emplace_back(text.tokenizer().decode(std::span(&id, 1), false));
  }
  exchange->respond(http::Response::json(200, to_json(json::object{{"model", (*model)->name},
                                                                   {"count", ids.size()},
                                                                   {"max_model_len", text.context_tokens()},
                                                                   {"tokens", std::move(id_list)},
                                                                   {"token_strings", std::move(tokens)}})));
}

}  // namespace

void add_routes_at(const std::string& prefix, http::AuthClass auth, const Services& services, http::Router& router) {
  using http::Method, http::Route;
  using Function = void (*)(const Services&, const ExchangePtr&);
  auto add = [&](Method method, const std::string& path, size_t body_bytes, Function function) {
    router.add(Route(method, prefix + path, auth, body_bytes,
                     [services, function](ExchangePtr exchange) { function(services, exchange); }));
  };
  add(Method::kGet, "/models", 0, list_models);
  add(Method::kGet, "/models/{id...}", 0, show_model);
  add(Method::kPost, "/chat/completions", kMaxBodyBytes, chat_completions);
  add(Method::kPost, "/completions", kMaxBodyBytes, completions);
  add(Method::kPost, "/tokenize", kMaxBodyBytes, tokenize);
}

void add_routes(const Services& services, http::Router& router) {
  for (const char* prefix : {"/v1", "/compatible-mode/v1"}) {
    add_routes_at(prefix, http::AuthClass::kKey, services, router);
  }
}

}  // namespace studio::api::openai
