// POST /responses: from body to answer.
#include "api/responses/create.h"

#include <boost/json.hpp>

#include "api/openai/errors.h"
#include "api/openai/kept_wording.h"
#include "api/responses/answers.h"
#include "api/responses/context.h"
#include "api/responses/events.h"
#include "api/responses/items.h"
#include "api/responses/parse.h"
#include "api/responses/render.h"
#include "api/responses/writer.h"
#include "api/serving/answer.h"
#include "api/serving/answer_inputs.h"
#include "api/serving/degraded.h"
#include "api/serving/serve_kept.h"
#include "base/json.h"
#include "http/sse.h"

namespace studio::api::responses {
namespace {

namespace json = boost::json;

constexpr const char* kOperation = "responses";  // in the record of usage

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

Record record_of(const ResponseCall& call, const ServedModel& model, const http::Request& asked) {
  return {.id = response_id_of(asked.request_id),
          .created_at = std::chrono::system_clock::to_time_t(asked.arrived_at),
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
  auto model = desk.services.models->find(call->generate.model, ModelKind::kText);
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
  WriterOptions writer{.record = record_of(prepared.call, *prepared.model, exchange->request()),
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
                        .operation = kOperation,
                        .is_stream = prepared.call.generate.stream,
                        .ignored = prepared.call.generate.ignored,
                        .degraded = prepared.call.generate.degraded};
  answer(exchange, desk.services, prepared.model, std::move(prepared.request), std::move(options));
}

void add_marks(const GenerateCall& call, http::Response& response) {
  add_names("X-Studio-Ignored", call.ignored, response);
  add_names("X-Studio-Degraded", call.degraded, response);
}

// Of one in the background what its request asks to be kept is known before its id is told.
Status admit(const Desk& desk, const http::Request& asked, const Prepared& prepared) {
  if (!desk.services.kept) return Ok{};
  const auto run = desk.services.kept->admit(
      asked.request_id, [&] { return digest_of_inputs(*prepared.model, prepared.request, kOperation); });
  return run.ok() ? Status(Ok{}) : Status(run.error());
}

// A comment, where its reader stands them.
std::string heartbeat_for(const Desk& desk, const http::Request& asked) {
  return is_made_again(desk.services.kept, asked) ? kKeepAlive : std::string(http::kSseHeartbeat);
}

void answer_later(const Desk& desk, const ExchangePtr& exchange, Prepared prepared) {
  const http::Request& asked = exchange->request();
  if (Status room = desk.background->check_room(asked.principal); !room.ok()) return refuse(exchange, room.error());
  Record record = record_of(prepared.call, *prepared.model, asked);
  const json::object pending =
      Background::pending_of(asked.body, asked.request_id, prepared.call.generate.sampling.seed, prepared.items);
  if (Status admitted = admit(desk, asked, prepared); !admitted.ok()) return refuse(exchange, admitted.error());
  Status kept = desk.shelf->keep_pending(asked.principal, record, prepared.call.input, pending);
  if (!kept.ok()) {
    withdraw_object(desk.services.kept, asked);
    return refuse(exchange, kept.error());
  }
  http::Response whole = http::Response::json(200, to_json(response_object(record)));
  const auto running = desk.background->add(asked.principal, std::move(record), std::move(prepared.call.input));
  http::Response head = prepared.call.generate.stream ? http::sse_head() : std::move(whole);
  add_marks(prepared.call.generate, head);
  if (!prepared.call.generate.stream) return exchange->respond(std::move(head));
  running->attach(exchange, std::move(head), -1, heartbeat_for(desk, asked));
}

// One that was begun before, by the same request: what was told then is told again. What is on the shelf is not made
// anew: the conversation that it went on from has gone on.
void tell_again(const Desk& desk, const ExchangePtr& exchange, const GenerateCall& call, const Kept& kept) {
  http::Response response = http::sse_head();
  if (!call.stream) {
    const Record& told = kept.record.is_background ? as_begun(kept.record) : kept.record;
    response = http::Response::json(200, to_json(response_object(told)));
  }
  add_marks(call, response);
  if (!call.stream) return exchange->respond(std::move(response));
  if (const auto running = desk.background->find(kept.record.id)) {
    return running->attach(exchange, std::move(response), -1, kKeepAlive);
  }
  if (!is_final(kept.record.state)) return refuse_for_now(exchange);
  exchange->begin(std::move(response), kKeepAlive);
  exchange->write(replay(kept.record, -1));
  exchange->finish();
}

void make_response(const Desk& desk, const ExchangePtr& exchange, Result<ResponseCall> call) {
  auto prepared = prepare(desk, exchange, std::move(call));
  if (!prepared) return;
  if (prepared->call.is_stored) {
    const Status room = desk.shelf->check_room(exchange->request().principal, prepared->call.conversation_id);
    if (!room.ok()) return refuse(exchange, room.error());
  }
  const bool is_background = prepared->call.is_background;
  const CallFields fields = fields_of(prepared->call);
  if (auto refusal = check_generation(*prepared->model->text, prepared->request, fields)) {
    return refuse_call(exchange, *refusal);
  }
  (is_background ? answer_later : answer_now)(desk, exchange, std::move(*prepared));
}

void find_or_make(const Desk& desk, const ExchangePtr& exchange) {
  const http::Request& asked = exchange->request();
  auto call = parse_response(asked.body);
  if (call.ok() && is_made_again(desk.services.kept, asked)) {
    const auto kept = desk.shelf->find(asked.principal, response_id_of(asked.request_id));
    if (kept.ok()) return tell_again(desk, exchange, call->generate, *kept);
    if (kept.error().code() != Code::kNotFound) return refuse(exchange, kept.error());
  }
  make_response(desk, exchange, std::move(call));
}

}  // namespace

void create_response(const Desk& desk, const ExchangePtr& exchange) {
  if (!desk.services.kept) return find_or_make(desk, exchange);
  desk.services.kept->serve(exchange, openai::kKeptWording, [&](const ExchangePtr& kept) { find_or_make(desk, kept); });
}

void count_input_tokens(const Desk& desk, const ExchangePtr& exchange) {
  const auto prepared = prepare(desk, exchange, parse_count(exchange->request().body));
  if (!prepared) return;
  json::object counted{{"object", "response.input_tokens"},
                       {"input_tokens", prepared->request.prompts.front().ids.size()}};
  const GenerateCall& call = prepared->call.generate;
  if (!call.degraded.empty()) counted["degraded"] = degraded_object(call.degraded);
  http::Response response = http::Response::json(200, to_json(counted));
  add_marks(call, response);
  exchange->respond(std::move(response));
}

}  // namespace studio::api::responses
