#include "api/responses/record.h"

#include <boost/json.hpp>
#include <chrono>
#include <utility>

#include "api/serving/logprobs.h"
#include "base/ids.h"
#include "base/json.h"

namespace studio::api::responses {
namespace {

namespace json = boost::json;

constexpr std::string_view kResponse = "resp_", kMessage = "msg_", kReasoning = "rs_", kCall = "fc_";
constexpr size_t kUuidBytes = 36;
constexpr const char* kStates[] = {"queued", "in_progress", "completed", "incomplete", "failed", "cancelled"};
constexpr size_t kMaxStoredDepth = 72;         // what a request may hold, and what is put around it
constexpr size_t kMaxStoredBytes = 256 << 20;  // a whole answer at its bound (Recording::kMaxBytes), as JSON

Error damaged() {
  return Error(Code::kInternal, "The stored response cannot be read.");
}

// ["r", TEXT]; ["t", TEXT] or ["t", TEXT, LOGPROBS]; ["c", TEXT] or ["c", TEXT, CALL_ID, NAME]. These letters reach the
// disk: never reuse one.
json::array stored_piece(const Piece& piece) {
  switch (piece.kind) {
    case Piece::Kind::kReasoning:
      return {"r", piece.text};
    case Piece::Kind::kCall:
      return piece.call_id.empty() ? json::array{"c", piece.text}
                                   : json::array{"c", piece.text, piece.call_id, piece.name};
    case Piece::Kind::kText:
      break;
  }
  return piece.logprobs.empty() ? json::array{"t", piece.text} : json::array{"t", piece.text, piece.logprobs};
}

Result<Piece> read_piece(const json::value& value) {
  const json::array* one = value.if_array();
  if (!one || one->size() < 2 || !one->at(0).is_string() || !one->at(1).is_string()) return damaged();
  const std::string_view letter = one->at(0).get_string();
  Piece piece{.text = std::string(one->at(1).get_string())};
  if (letter == "r") piece.kind = Piece::Kind::kReasoning;
  if (letter == "c") piece.kind = Piece::Kind::kCall;
  if (letter == "t" && one->size() > 2 && one->at(2).is_array()) piece.logprobs = one->at(2).get_array();
  if (letter == "c" && one->size() > 3 && one->at(2).is_string() && one->at(3).is_string()) {
    piece.call_id = one->at(2).get_string();
    piece.name = one->at(3).get_string();
  }
  return piece;
}

json::object stored_usage(const inference::GenerationUsage& usage) {
  return {{"prompt", usage.prompt_tokens},
          {"cached", usage.cached_tokens},
          {"completion", usage.completion_tokens},
          {"reasoning", usage.reasoning_tokens}};
}

// Numbers and texts of our own making: what is missing is 0 or "".
int64_t number_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value && value->is_int64() ? value->get_int64() : 0;
}

std::string text_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

bool flag_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value && value->is_bool() && value->get_bool();
}

const json::object* object_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value ? value->if_object() : nullptr;
}

}  // namespace

const char* state_name(State state) {
  return kStates[static_cast<size_t>(state)];
}

bool is_final(State state) {
  return state != State::kQueued && state != State::kInProgress;
}

Failure failure_of(const Error& error) {
  switch (error.code()) {
    case Code::kQuotaExceeded:
      return {"rate_limit_exceeded", error.message()};
    case Code::kInvalidArgument:
    case Code::kOutOfRange:
    case Code::kUnimplemented:
    case Code::kNotFound:
    case Code::kFailedPrecondition:
    case Code::kPayloadTooLarge:
      return {"invalid_prompt", error.message()};
    default:
      return {"server_error", error.message()};
  }
}

std::string response_id_of(std::string_view request_id) {
  return std::string(kResponse) + std::string(request_id);
}

std::string request_id_of(std::string_view response_id) {
  return std::string(response_id.substr(std::min(response_id.size(), kResponse.size())));
}

std::string reasoning_id(std::string_view response_id) {
  return std::string(kReasoning) + std::string(response_id.substr(kResponse.size()));
}

std::string message_id(std::string_view response_id) {
  return std::string(kMessage) + std::string(response_id.substr(kResponse.size()));
}

std::string call_item_id(std::string_view response_id, size_t number) {
  return std::string(kCall) + std::string(response_id.substr(kResponse.size())) + "_" + std::to_string(number);
}

std::string response_of_item(std::string_view item_id) {
  for (std::string_view prefix : {kMessage, kReasoning, kCall}) {
    if (!item_id.starts_with(prefix)) continue;
    return std::string(kResponse) + std::string(item_id.substr(prefix.size(), kUuidBytes));
  }
  return "";
}

void add_delta(const inference::ChoiceDelta& delta, Record& record) {
  std::vector<Piece>& pieces = record.pieces;
  if (!delta.reasoning.empty()) pieces.push_back({.kind = Piece::Kind::kReasoning, .text = delta.reasoning});
  if (record.has_logprobs) {
    for (json::value& logprob : token_logprobs(delta.logprobs)) record.held_logprobs.push_back(std::move(logprob));
  }
  // Tokens without text are half a character, or the beginning of a call: where no text follows they are no part of it.
  const bool has_text_before = !pieces.empty() && pieces.back().kind == Piece::Kind::kText;
  if (!delta.text.empty() || (has_text_before && delta.tool_calls.empty() && !record.held_logprobs.empty())) {
    pieces.push_back({.text = delta.text, .logprobs = std::exchange(record.held_logprobs, {})});
  }
  for (const inference::ToolCallDelta& call : delta.tool_calls) {
    pieces.push_back({.kind = Piece::Kind::kCall, .text = call.arguments, .call_id = call.id, .name = call.name});
    record.held_logprobs.clear();
  }
}

Record as_begun(const Record& record) {
  return {.id = record.id,
          .created_at = record.created_at,
          .model = record.model,
          .echo = record.echo,
          .is_background = record.is_background,
          .has_logprobs = record.has_logprobs,
          .state = record.is_background ? State::kQueued : State::kInProgress};
}

void end_record(const inference::GenerationEnd& end, Record& record) {
  record.state = end.finish.front() == inference::Finish::kLength ? State::kIncomplete : State::kCompleted;
  record.usage = end.usage;
  record.completed_at = now_seconds();
}

void fail_record(Failure failure, State state, Record& record) {
  record.state = state;
  if (state == State::kFailed) record.failure = std::move(failure);
  record.completed_at = now_seconds();
}

std::string to_stored(const Record& record) {
  json::array pieces;
  pieces.reserve(record.pieces.size());
  for (const Piece& piece : record.pieces) pieces.push_back(stored_piece(piece));
  json::object stored{{"model", record.model},
                      {"echo", record.echo},
                      {"background", record.is_background},
                      {"logprobs", record.has_logprobs},
                      {"state", state_name(record.state)},
                      {"pieces", std::move(pieces)},
                      {"usage", stored_usage(record.usage)},
                      {"completed_at", record.completed_at}};
  if (record.failure) stored["failure"] = {{"code", record.failure->code}, {"message", record.failure->message}};
  return to_json(stored);
}

Result<Record> from_stored(std::string_view id, int64_t created_at, std::string_view stored) {
  STUDIO_TRY(const json::value value, parse_json(stored, {.depth = kMaxStoredDepth, .bytes = kMaxStoredBytes}));
  const json::object* object = value.if_object();
  const json::object* echo = object ? object_in(*object, "echo") : nullptr;
  const json::value* pieces = object ? object->if_contains("pieces") : nullptr;
  if (!echo || !pieces || !pieces->is_array()) return damaged();
  Record record{.id = std::string(id),
                .created_at = created_at,
                .model = text_in(*object, "model"),
                .echo = *echo,
                .is_background = flag_in(*object, "background"),
                .has_logprobs = flag_in(*object, "logprobs"),
                .completed_at = number_in(*object, "completed_at")};
  const std::string state = text_in(*object, "state");
  for (size_t i = 0; i < std::size(kStates); ++i) {
    if (state == kStates[i]) record.state = static_cast<State>(i);
  }
  for (const json::value& each : pieces->get_array()) {
    STUDIO_TRY(Piece piece, read_piece(each));
    record.pieces.push_back(std::move(piece));
  }
  if (const json::object* usage = object_in(*object, "usage")) {
    record.usage = {.prompt_tokens = number_in(*usage, "prompt"),
                    .cached_tokens = number_in(*usage, "cached"),
                    .completion_tokens = number_in(*usage, "completion"),
                    .reasoning_tokens = number_in(*usage, "reasoning")};
  }
  if (const json::object* failure = object_in(*object, "failure")) {
    record.failure = Failure{text_in(*failure, "code"), text_in(*failure, "message")};
  }
  return record;
}

int64_t now_seconds() {
  return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
}

}  // namespace studio::api::responses
