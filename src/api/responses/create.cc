// POST /responses: from body to answer.
#include "api/responses/create.h"

#include <boost/json.hpp>

#include "api/openai/errors.h"
#include "api/responses/answers.h"
#include "api/responses/context.h"
#include "api/responses/items.h"
#include "api/responses/parse.h"
#include "api/responses/render.h"
#include "api/responses/writer.h"
#include "api/serving/answer.h"
#include "base/json.h"
#include "http/sse.h"

namespace studio::api::responses {
namespace {

namespace json = boost::json;

CallFields fields_of(const ResponseCall& call) {
  const bool by_effort = !call.echo.at("reasoning").at("effort").is_null();
  return {.prompt = "input",
          .tools = "tools",
          .max_tokens = "max_output_tokens",
          .max_completion_tokens = "max_output_tokens",
          .enable_thinking = by_effort ? "reasoning.effort" : "enable_thinking",
          .thinking_budget = by_effort ? "reasoning.effort" : "thinking_budget"};
}

void refuse_call(const ExchangePtr& exchange, const Refusal& refusal) {
  const char* code = nullptr;
  if (refusal.kind == Refusal::Kind::kTooLong) code = openai::kContextLengthExceeded;
  if (refusal.kind == Refusal::Kind::kThinking) code = openai::kNoThinkingSwitch;
  exchange->respond(openai::error_response(refusal.error, exchange->request().request_id, code));
}

Record record_of(const ResponseCall& call, const ServedModel& model) {
  return {.id = new_response_id(),
          .created_at = now_seconds(),
          .model = model.name,
          .echo = call.echo,
          .is_background = call.is_background,
          .has_logprobs = call.generate.sampling.logprobs,
          .state = call.is_background ? State::kQueued : State::kInProgress};
}

// A request that was read, with what goes before it and what will be generated.
struct Prepared {
  ResponseCall call;
  json::array items;  // all of the prompt's, earlier ones first
  ServedModelPtr model;
  inference::GenerationRequest request;
};

Result<json::array> all_items(const Desk& desk, const std::string& key_id, ResponseCall& call) {
  STUDIO_CHECK_OK(resolve_references(*desk.shelf, key_id, call));
  give_ids(call.input);
  STUDIO_TRY(json::array items, earlier_items(*desk.shelf, key_id, call));
  items.insert(items.end(), call.input.begin(), call.input.end());
  STUDIO_CHECK_OK(check_calls(items));
  return items;
}

// Nothing where it was refused.
std::optional<Prepared> prepare(const Desk& desk, const ExchangePtr& exchange, Result<ResponseCall> call) {
  const auto refused = [&](const Error& error) {
    refuse(exchange, error);
    return std::nullopt;
  };
  if (!call.ok()) return refused(call.error());
  auto model = desk.services.models->find(call->generate.model);
  if (!model.ok()) return refused(model.error());
  auto items = all_items(desk, exchange->request().principal, *call);
  if (!items.ok()) return refused(items.error());
  const inference::ChatPrompt chat = make_prompt(*call, *items);
  const inference::TextModel& text = *(*model)->text;
  auto refusal = check_thinking(text, chat, fields_of(*call));
  if (!refusal) refusal = check_structure(text, chat, call->generate, fields_of(*call));
  if (refusal) {
    refuse_call(exchange, *refusal);
    return std::nullopt;
  }
  auto prompt = text.prepare_chat(chat);
  if (!prompt.ok()) return refused(prompt.error());
  inference::GenerationRequest request = to_generation(desk.services, call->generate, *exchange);
  add_structure(text, chat, call->generate, request);
  request.prompts.push_back(std::move(*prompt));
  request.adapter = (*model)->adapter;
  return Prepared{std::move(*call), std::move(*items), std::move(*model), std::move(request)};
}

void answer_now(const Desk& desk, const ExchangePtr& exchange, Prepared prepared) {
  WriterOptions writer{.record = record_of(prepared.call, *prepared.model),
                       .request_id = exchange->request().request_id,
                       .keep = {},
                       .is_gone = [asker = std::weak_ptr(exchange)] {
                         const auto there = asker.lock();
                         return !there || there->gone();
                       }};
  if (prepared.call.is_stored) {
    writer.keep = [shelf = desk.shelf, key_id = exchange->request().principal, input = std::move(prepared.call.input)](
                      const Record& record) { return shelf->keep(key_id, record, input); };
  }
  AnswerOptions options{.writer = make_writer(std::move(writer)),
                        .operation = "responses",
                        .is_stream = prepared.call.generate.stream,
                        .ignored = prepared.call.generate.ignored};
  answer(exchange, desk.services, prepared.model, std::move(prepared.request), std::move(options));
}

void add_ignored(const ResponseCall& call, http::Response& response) {
  std::string names;
  for (const std::string& name : call.generate.ignored) names += (names.empty() ? "" : ", ") + name;
  if (!names.empty()) response.fields.add("X-Studio-Ignored", names);
}

void answer_later(const Desk& desk, const ExchangePtr& exchange, Prepared prepared) {
  const http::Request& asked = exchange->request();
  if (Status room = desk.background->check_room(asked.principal); !room.ok()) return refuse(exchange, room.error());
  Record record = record_of(prepared.call, *prepared.model);
  const json::object pending =
      Background::pending_of(asked.body, asked.request_id, prepared.call.generate.sampling.seed, prepared.items);
  Status kept = desk.shelf->keep_pending(asked.principal, record, prepared.call.input, pending);
  if (!kept.ok()) return refuse(exchange, kept.error());
  http::Response whole = http::Response::json(200, to_json(response_object(record)));
  const auto running = desk.background->add(asked.principal, std::move(record), std::move(prepared.call.input));
  http::Response head = prepared.call.generate.stream ? http::sse_head() : std::move(whole);
  add_ignored(prepared.call, head);
  if (!prepared.call.generate.stream) return exchange->respond(std::move(head));
  running->attach(exchange, std::move(head), -1);
}

}  // namespace

void create_response(const Desk& desk, const ExchangePtr& exchange) {
  auto prepared = prepare(desk, exchange, parse_response(exchange->request().body));
  if (!prepared) return;
  const bool is_background = prepared->call.is_background;
  const CallFields fields = fields_of(prepared->call);
  if (auto refusal = check_generation(*prepared->model->text, prepared->request, fields)) {
    return refuse_call(exchange, *refusal);
  }
  (is_background ? answer_later : answer_now)(desk, exchange, std::move(*prepared));
}

void count_input_tokens(const Desk& desk, const ExchangePtr& exchange) {
  const auto prepared = prepare(desk, exchange, parse_count(exchange->request().body));
  if (!prepared) return;
  answer_json(exchange,
              {{"object", "response.input_tokens"}, {"input_tokens", prepared->request.prompts.front().ids.size()}});
}

}  // namespace studio::api::responses
