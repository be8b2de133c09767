#include "inference/token_protocol.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/json.h"
#include "engine/constrain/spec.h"
#include "engine/templates/unicode.h"

namespace studio::inference {
namespace {

namespace json = boost::json;
using engine::FinishReason;
using engine::TokenEvent;
using engine::TokenId;

// ---- encoding

// The shortest decimal that reads back as this float: the same bits reach the sampler at the other end.
json::value number(float value) {
  std::array<char, 32> text;
  auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  double exact = 0;
  std::from_chars(text.data(), end, exact);
  return exact;
}

json::array ids(const std::vector<TokenId>& list) {
  return json::array(list.begin(), list.end());
}

constexpr std::array<std::pair<FinishReason, std::string_view>, 4> kFinishNames = {
    {{FinishReason::kStop, "stop"},
     {FinishReason::kLength, "length"},
     {FinishReason::kCancelled, "cancelled"},
     {FinishReason::kError, "error"}}};

json::value finish_name(FinishReason finish) {
  for (const auto& [reason, name] : kFinishNames) {
    if (reason == finish) return json::string(name);
  }
  return nullptr;
}

json::object usage(const engine::Usage& used) {
  json::object details{{"cached_tokens", used.cached_tokens}};
  if (used.held_tokens > 0) details["held_tokens"] = used.held_tokens;
  if (used.newly_held_tokens > 0) details["newly_held_tokens"] = used.newly_held_tokens;
  return {{"prompt_tokens", used.prompt_tokens},
          {"completion_tokens", used.generated_tokens},
          {"total_tokens", int64_t{used.prompt_tokens} + used.generated_tokens},
          {"prompt_tokens_details", std::move(details)}};
}

json::array top_of(const std::vector<engine::TopLogprob>& entries) {
  json::array top;
  for (const engine::TopLogprob& entry : entries) top.push_back(json::array{entry.id, number(entry.logprob)});
  return top;
}

// Of a piece of the prompt.
json::object score_choice(const TokenEvent& event) {
  json::array own, tops;
  for (const engine::TokenScore& score : event.scores) {
    own.push_back(number(score.logprob));
    tops.push_back(top_of(score.top_logprobs));
  }
  return {{"index", 0},
          {"text", ""},
          {"finish_reason", nullptr},
          {"prompt_position", event.first_score},
          {"logprobs", {{"token_logprobs", std::move(own)}, {"top_logprobs", std::move(tops)}}}};
}

json::object error_object(const Error& error) {
  json::object body = {
      {"message", error.message()}, {"type", code_name(error.code())}, {"code", code_name(error.code())}};
  if (error.param().empty()) {
    body["param"] = nullptr;
  } else {
    body["param"] = error.param();
  }
  if (error.retry_after()) body["retry_after_ms"] = error.retry_after()->count();
  return body;
}

template <size_t N>
json::object histogram(const BucketCounts<N>& spread) {
  return {{"counts", json::array(spread.counts.begin(), spread.counts.end())}, {"sum", spread.sum}};
}

// ---- decoding

Error bad(std::string_view field, std::string_view what) {
  return Error(Code::kInvalidArgument, std::string(field) + " " + std::string(what)).with_param(std::string(field));
}

Result<int64_t> to_integer(const json::value& value, std::string_view field, int64_t min, int64_t max) {
  int64_t result = 0;
  if (value.is_int64()) {
    result = value.get_int64();
  } else if (value.is_uint64() && value.get_uint64() <= uint64_t{std::numeric_limits<int64_t>::max()}) {
    result = static_cast<int64_t>(value.get_uint64());
  } else {
    return bad(field, "must be an integer");
  }
  if (result < min || result > max) return bad(field, "is out of range");
  return result;
}

// Every number of the protocol is a float at both ends: one that is none of them cannot be sent on.
Result<float> to_number(const json::value& value, std::string_view field) {
  double number = 0;
  if (value.is_double()) {
    number = value.get_double();
  } else if (value.is_int64()) {
    number = static_cast<double>(value.get_int64());
  } else if (value.is_uint64()) {
    number = static_cast<double>(value.get_uint64());
  } else {
    return bad(field, "must be a number");
  }
  if (!(std::fabs(number) <= std::numeric_limits<float>::max())) return bad(field, "is out of range");
  return static_cast<float>(number);
}

Result<std::vector<TokenId>> to_ids(const json::value& value, std::string_view field, size_t limit) {
  if (!value.is_array()) return bad(field, "must be an array of token ids");
  const json::array& list = value.get_array();
  if (list.size() > limit) return bad(field, "has too many ids");
  std::vector<TokenId> result;
  result.reserve(list.size());
  for (const json::value& item : list) {
    STUDIO_TRY(int64_t id, to_integer(item, field, 0, std::numeric_limits<TokenId>::max()));
    result.push_back(static_cast<TokenId>(id));
  }
  return result;
}

// Reads optional fields of one object into typed places; remembers the first fault.
class Reader {
 public:
  explicit Reader(const json::object& object) : object_(object) {}

  const json::value* find(std::string_view name) const {
    const json::value* value = object_.if_contains(name);
    return value == nullptr || value->is_null() ? nullptr : value;
  }
  template <typename Int>
  void integer(std::string_view name, Int& place, int64_t min, int64_t max) {
    if (const json::value* value = find(name)) keep(to_integer(*value, name, min, max), place);
  }
  // All 64 bits, where an integer ends at 63.
  void word(std::string_view name, uint64_t& place) {
    const json::value* value = find(name);
    if (value != nullptr && value->is_uint64()) {
      place = value->get_uint64();
    } else {
      integer(name, place, 0, std::numeric_limits<int64_t>::max());
    }
  }
  void number(std::string_view name, float& place) {
    if (const json::value* value = find(name)) keep(to_number(*value, name), place);
  }
  void ids(std::string_view name, std::vector<TokenId>& place, size_t limit) {
    if (const json::value* value = find(name)) keep(to_ids(*value, name, limit), place);
  }
  void flag(std::string_view name, bool& place) {
    const json::value* value = find(name);
    if (value == nullptr) return;
    if (!value->is_bool()) return fail(bad(name, "must be true or false"));
    place = value->get_bool();
  }
  void text(std::string_view name, std::string& place, size_t limit) {
    const json::value* value = find(name);
    if (value == nullptr) return;
    if (!value->is_string() || value->get_string().size() > limit) {
      fail(bad(name, "must be a short string"));
    } else {
      place = std::string(value->get_string());
    }
  }
  void fail(Error error) {
    if (!fault_) fault_ = std::move(error);
  }
  Status status() const {
    if (fault_) return *fault_;
    return Ok{};
  }

 private:
  template <typename Value, typename Place>
  void keep(Result<Value> value, Place& place) {
    if (value.ok()) {
      place = static_cast<Place>(std::move(*value));
    } else {
      fail(std::move(value).error());
    }
  }

  const json::object& object_;
  std::optional<Error> fault_;
};

Result<json::object> parse_object(std::string_view text) {
  // prompt, resume and logit_bias nest two deep, answers four.
  STUDIO_TRY(json::value value, parse_json(text, {.depth = 8, .bytes = kMaxProtocolBytes}));
  if (!value.is_object()) return bad("body", "must be a JSON object");
  return std::move(value.get_object());
}

void read_sampling(Reader& reader, engine::SamplingParams& sampling) {
  reader.number("temperature", sampling.temperature);
  reader.integer("top_k", sampling.top_k, 0, std::numeric_limits<int>::max());
  reader.number("top_p", sampling.top_p);
  reader.number("min_p", sampling.min_p);
  reader.number("repetition_penalty", sampling.repetition_penalty);
  reader.number("presence_penalty", sampling.presence_penalty);
  reader.number("frequency_penalty", sampling.frequency_penalty);
  reader.integer("stream_index", sampling.stream, 0, std::numeric_limits<uint32_t>::max());
  reader.word("seed", sampling.seed);
  if (reader.find("logprobs") != nullptr) {
    sampling.logprobs = true;
    reader.integer("logprobs", sampling.top_logprobs, 0, engine::kMaxTopLogprobs);
  }
  const json::value* bias = reader.find("logit_bias");
  if (bias == nullptr) return;
  if (!bias->is_object() || bias->get_object().size() > static_cast<size_t>(engine::kMaxLogitBias)) {
    reader.fail(bad("logit_bias", "must be an object of at most 1024 entries"));
    return;
  }
  for (const auto& entry : bias->get_object()) {
    std::string_view key = entry.key();
    TokenId id = -1;
    auto [end, fault] = std::from_chars(key.data(), key.data() + key.size(), id);
    auto value = to_number(entry.value(), "logit_bias");
    if (fault != std::errc() || end != key.data() + key.size() || id < 0 || !value.ok()) {
      reader.fail(bad("logit_bias", "must map token ids to numbers"));
      return;
    }
    sampling.logit_bias.emplace_back(id, *value);
  }
}

template <size_t N>
void read_histogram(Reader& reader, std::string_view name, BucketCounts<N>& place) {
  const json::value* value = reader.find(name);
  if (value == nullptr) return;
  const json::object* object = value->if_object();
  const json::value* counts = object == nullptr ? nullptr : object->if_contains("counts");
  const json::value* sum = object == nullptr ? nullptr : object->if_contains("sum");
  if (counts == nullptr || !counts->is_array() || counts->get_array().size() != place.kBuckets || sum == nullptr) {
    reader.fail(bad(name, "must hold a sum and one count for each bucket"));
    return;
  }
  for (size_t i = 0; i < place.kBuckets; ++i) {
    auto count = to_integer(counts->get_array()[i], name, 0, std::numeric_limits<int64_t>::max());
    if (!count.ok()) return reader.fail(std::move(count).error());
    place.counts[i] = static_cast<uint64_t>(*count);
  }
  // Not a float as the protocol's other numbers are: it adds up over days.
  place.sum = sum->is_number() ? sum->to_number<double>() : -1;
  if (!(place.sum >= 0 && std::isfinite(place.sum))) reader.fail(bad(name, "must have a sum of 0 or more"));
}

void read_forced_end(Reader& reader, std::optional<engine::ForcedEnd>& place) {
  const json::value* value = reader.find("forced_end");
  if (value == nullptr) return;
  if (!value->is_object()) {
    reader.fail(bad("forced_end", "must be an object"));
    return;
  }
  Reader inner(value->get_object());
  engine::ForcedEnd forced;
  inner.integer("after_tokens", forced.after_tokens, 0, std::numeric_limits<int>::max());
  inner.integer("end_id", forced.end_id, 0, std::numeric_limits<TokenId>::max());
  inner.ids("forced", forced.forced, kMaxForcedIds);
  if (auto status = inner.status(); !status.ok()) reader.fail(std::move(status).error());
  if (forced.end_id < 0) reader.fail(bad("forced_end", "must name its end_id"));
  place = std::move(forced);
}

// Its spec is compiled by who serves it.
void read_constraint(Reader& reader, std::optional<engine::AnswerConstraint>& place) {
  const json::value* value = reader.find("constraint");
  if (value == nullptr) return;
  if (!value->is_object()) {
    reader.fail(bad("constraint", "must be an object"));
    return;
  }
  Reader inner(value->get_object());
  engine::AnswerConstraint constraint;
  inner.text("spec", constraint.spec, engine::constrain::kMaxSpecBytes);
  inner.integer("begin_reasoning", constraint.begin_reasoning, 0, std::numeric_limits<TokenId>::max());
  inner.integer("end_reasoning", constraint.end_reasoning, 0, std::numeric_limits<TokenId>::max());
  inner.flag("is_open_reasoning", constraint.is_open_reasoning);
  if (auto status = inner.status(); !status.ok()) reader.fail(std::move(status).error());
  if (constraint.spec.empty()) reader.fail(bad("constraint", "must have a spec"));
  if (constraint.is_open_reasoning && constraint.end_reasoning < 0) {
    reader.fail(bad("constraint", "must say what ends the reasoning"));
  }
  place = std::move(constraint);
}

Code code_from_name(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(Code::kInternal); ++i) {
    if (code_name(static_cast<Code>(i)) == name) return static_cast<Code>(i);
  }
  return Code::kInternal;
}

Error read_error(const json::value& value) {
  if (!value.is_object()) return Error(Code::kUnavailable, "The model's worker failed.");
  Reader reader(value.get_object());
  std::string message;
  std::string code;
  std::string param;
  int64_t retry_after_ms = -1;
  reader.text("message", message, 4096);
  reader.text("code", code, 64);
  reader.text("param", param, 256);
  reader.integer("retry_after_ms", retry_after_ms, 0, 3'600'000);
  if (message.empty()) message = "The model's worker failed.";
  Error error = Error(code_from_name(code), std::move(message)).with_param(std::move(param));
  if (retry_after_ms >= 0) return std::move(error).with_retry_after(std::chrono::milliseconds(retry_after_ms));
  return error;
}

Error corrupt(std::string_view what) {
  return Error(Code::kCorruptData, "The model's worker sent an answer that breaks the token protocol.")
      .with_detail(std::string(what));
}

// logprobs of a chunk: {"token_logprobs":[f], "top_logprobs":[[[id, f], ...]]}, one entry for each of token_ids.
Status read_logprobs(const json::object& object, std::vector<TokenEvent>& events) {
  const json::value* own = object.if_contains("token_logprobs");
  const json::value* top = object.if_contains("top_logprobs");
  if (own == nullptr || !own->is_array() || own->get_array().size() != events.size()) return corrupt("token_logprobs");
  if (top != nullptr && (!top->is_array() || top->get_array().size() != events.size())) return corrupt("top_logprobs");
  for (size_t i = 0; i < events.size(); ++i) {
    auto value = to_number(own->get_array()[i], "token_logprobs");
    if (!value.ok()) return corrupt("a logprob is not a number");
    events[i].logprob = *value;
    if (top == nullptr) continue;
    const json::value& entries = top->get_array()[i];
    if (!entries.is_array() || entries.get_array().size() > static_cast<size_t>(engine::kMaxTopLogprobs)) {
      return corrupt("top_logprobs");
    }
    for (const json::value& entry : entries.get_array()) {
      if (!entry.is_array() || entry.get_array().size() != 2) return corrupt("top_logprobs");
      auto id = to_integer(entry.get_array()[0], "top_logprobs", 0, std::numeric_limits<TokenId>::max());
      auto logprob = to_number(entry.get_array()[1], "top_logprobs");
      if (!id.ok() || !logprob.ok()) return corrupt("top_logprobs");
      events[i].top_logprobs.push_back({static_cast<TokenId>(*id), *logprob});
    }
  }
  return Ok{};
}

// A piece of the prompt: one event for all of its tokens.
Status read_scores(const json::object& choice, std::vector<TokenEvent>& events) {
  Reader reader(choice);
  TokenEvent event;
  reader.integer("prompt_position", event.first_score, 1, static_cast<int64_t>(kMaxPromptIds));
  const json::value* logprobs = reader.find("logprobs");
  if (!reader.status().ok() || logprobs == nullptr || !logprobs->is_object()) return corrupt("prompt_position");
  const json::value* own = logprobs->get_object().if_contains("token_logprobs");
  if (own == nullptr || !own->is_array() || own->get_array().size() > kMaxScoresPerFrame) {
    return corrupt("token_logprobs");
  }
  std::vector<TokenEvent> tokens(own->get_array().size());
  STUDIO_CHECK_OK(read_logprobs(logprobs->get_object(), tokens));
  for (TokenEvent& token : tokens) event.scores.push_back({token.logprob, std::move(token.top_logprobs)});
  events.push_back(std::move(event));
  return Ok{};
}

Status read_choice(const json::object& choice, std::vector<TokenEvent>& events) {
  Reader reader(choice);
  if (reader.find("prompt_position") != nullptr) return read_scores(choice, events);
  std::vector<TokenId> tokens;
  int position = 0;
  uint32_t check = 0;
  std::string finish;
  reader.ids("token_ids", tokens, 1024);
  reader.integer("position", position, 0, std::numeric_limits<int>::max() - 1024);
  reader.integer("check", check, 0, std::numeric_limits<uint32_t>::max());
  reader.text("finish_reason", finish, 16);
  if (!reader.status().ok()) return corrupt(reader.status().error().message());
  for (TokenId id : tokens) {
    TokenEvent event;
    event.id = id;
    event.index = position++;
    events.push_back(std::move(event));
  }
  if (!events.empty()) events.back().check = check;
  if (const json::value* logprobs = reader.find("logprobs")) {
    if (!logprobs->is_object()) return corrupt("logprobs");
    STUDIO_CHECK_OK(read_logprobs(logprobs->get_object(), events));
  }
  if (finish.empty()) return Ok{};
  if (events.empty()) events.emplace_back();
  for (const auto& [reason, name] : kFinishNames) {
    if (name == finish) events.back().finish = reason;
  }
  // A stream that fails ends in an error frame, which says why; an end called "error" would say nothing.
  const FinishReason end = events.back().finish;
  if (end == FinishReason::kNone || end == FinishReason::kError) return corrupt("finish_reason");
  return Ok{};
}

Status read_usage(const json::object& object, engine::Usage& used) {
  Reader reader(object);
  reader.integer("prompt_tokens", used.prompt_tokens, 0, std::numeric_limits<int>::max());
  reader.integer("completion_tokens", used.generated_tokens, 0, std::numeric_limits<int>::max());
  if (const json::value* details = reader.find("prompt_tokens_details"); details != nullptr && details->is_object()) {
    Reader inner(details->get_object());
    inner.integer("cached_tokens", used.cached_tokens, 0, std::numeric_limits<int>::max());
    inner.integer("held_tokens", used.held_tokens, 0, std::numeric_limits<int>::max());
    inner.integer("newly_held_tokens", used.newly_held_tokens, 0, std::numeric_limits<int>::max());
    if (!inner.status().ok()) return corrupt("cached_tokens");
  }
  return reader.status().ok() ? Status(Ok{}) : Status(corrupt("usage"));
}

}  // namespace

bool is_adapter_digest(std::string_view text) {
  return text.size() == kAdapterDigestBytes &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string encode_request(const TokenRequest& request) {
  const engine::SequenceRequest& sequence = request.sequence;
  const engine::SamplingParams& sampling = sequence.sampling;
  json::object body = {{"request_id", request.request_id},
                       {"stream", true},
                       {"prompt", ids(sequence.prompt)},
                       {"max_tokens", sequence.max_new_tokens},
                       {"temperature", number(sampling.temperature)},
                       {"top_k", sampling.top_k},
                       {"top_p", number(sampling.top_p)},
                       {"min_p", number(sampling.min_p)},
                       {"repetition_penalty", number(sampling.repetition_penalty)},
                       {"presence_penalty", number(sampling.presence_penalty)},
                       {"frequency_penalty", number(sampling.frequency_penalty)},
                       {"seed", sampling.seed},
                       {"stream_index", sampling.stream},
                       {"stop_token_ids", ids(sequence.stop_ids)}};
  if (sequence.prefix_salt != 0) body["prefix_salt"] = sequence.prefix_salt;
  if (sequence.public_tokens != 0) body["public_tokens"] = sequence.public_tokens;
  if (sequence.tenant != 0) body["tenant"] = sequence.tenant;
  if (sequence.weight != 1) body["weight"] = sequence.weight;
  if (!sequence.adapter.empty()) body["adapter"] = sequence.adapter;
  if (!sequence.resume.empty()) body["resume"] = ids(sequence.resume);
  if (sampling.logprobs) body["logprobs"] = sampling.top_logprobs;
  if (sequence.scores_prompt) body["scores_prompt"] = true;
  if (!sequence.cache_marks.empty()) body["cache_marks"] = ids(sequence.cache_marks);
  if (!sampling.logit_bias.empty()) {
    json::object bias;
    for (const auto& [id, value] : sampling.logit_bias) bias[std::to_string(id)] = number(value);
    body["logit_bias"] = std::move(bias);
  }
  if (sequence.forced_end) {
    body["forced_end"] = {{"after_tokens", sequence.forced_end->after_tokens},
                          {"end_id", sequence.forced_end->end_id},
                          {"forced", ids(sequence.forced_end->forced)}};
  }
  if (sequence.constraint) {
    const engine::AnswerConstraint& constraint = *sequence.constraint;
    json::object object = {{"spec", constraint.spec}};
    if (constraint.begin_reasoning >= 0) object["begin_reasoning"] = constraint.begin_reasoning;
    if (constraint.end_reasoning >= 0) object["end_reasoning"] = constraint.end_reasoning;
    if (constraint.is_open_reasoning) object["is_open_reasoning"] = true;
    body["constraint"] = std::move(object);
  }
  if (sequence.deadline != std::chrono::steady_clock::time_point::max()) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(sequence.deadline - std::chrono::steady_clock::now());
    body["deadline_ms"] = std::max<int64_t>(0, left.count());
  }
  return to_json(body);
}

Result<TokenRequest> decode_request(std::string_view text) {
  STUDIO_TRY(json::object body, parse_object(text));
  for (const auto& entry : body) {
    static constexpr std::array<std::string_view, 28> kKnown = {
        "request_id",   "stream",     "prompt",         "max_tokens",         "temperature",      "top_k",
        "top_p",        "min_p",      "seed",           "repetition_penalty", "presence_penalty", "frequency_penalty",
        "stream_index", "resume",     "stop_token_ids", "logprobs",           "logit_bias",       "forced_end",
        "deadline_ms",  "model",      "prefix_salt",    "public_tokens",      "tenant",           "weight",
        "adapter",      "constraint", "cache_marks",    "scores_prompt"};
    if (std::ranges::find(kKnown, std::string_view(entry.key())) == kKnown.end()) {
      return bad(entry.key(), "is not a field of the token protocol");
    }
  }
  Reader reader(body);
  TokenRequest request;
  engine::SequenceRequest& sequence = request.sequence;
  int64_t deadline_ms = -1;
  reader.text("request_id", request.request_id, kMaxRequestIdBytes);
  reader.ids("prompt", sequence.prompt, kMaxPromptIds);
  reader.ids("resume", sequence.resume, kMaxPromptIds);
  reader.ids("stop_token_ids", sequence.stop_ids, kMaxStopIds);
  reader.integer("max_tokens", sequence.max_new_tokens, 1, static_cast<int64_t>(kMaxPromptIds));
  reader.integer("deadline_ms", deadline_ms, 0, int64_t{1} << 40);
  reader.word("prefix_salt", sequence.prefix_salt);
  reader.integer("public_tokens", sequence.public_tokens, 0, static_cast<int64_t>(kMaxPromptIds));
  reader.ids("cache_marks", sequence.cache_marks, engine::kMaxCacheMarks);
  reader.flag("scores_prompt", sequence.scores_prompt);
  reader.word("tenant", sequence.tenant);
  reader.integer("weight", sequence.weight, 1, engine::kMaxWeight);
  reader.text("adapter", sequence.adapter, kAdapterDigestBytes);
  read_sampling(reader, sequence.sampling);
  read_forced_end(reader, sequence.forced_end);
  read_constraint(reader, sequence.constraint);
  STUDIO_CHECK_OK(reader.status());
  const json::value* stream = reader.find("stream");
  if (stream == nullptr || !stream->is_bool() || !stream->get_bool()) return bad("stream", "must be true");
  if (sequence.prompt.empty()) return bad("prompt", "must hold at least one token id");
  if (sequence.max_new_tokens == 0) return bad("max_tokens", "is required");
  if (!sequence.adapter.empty() && !is_adapter_digest(sequence.adapter)) return bad("adapter", "is no digest");
  if (deadline_ms >= 0) sequence.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(deadline_ms);
  return request;
}

std::string encode_accepted(const std::string& request_id, const Accepted& accepted) {
  return to_json(json::object{{"id", request_id},
                              {"object", "text_completion"},
                              {"choices", json::array{}},
                              {"numerics_class", accepted.numerics_class},
                              {"model_digest", accepted.model_digest}});
}

std::string encode_event(const std::string& request_id, const TokenEvent& event) {
  if (event.finish == FinishReason::kError) {
    return encode_error(event.error ? *event.error : Error(Code::kInternal, "The model's worker failed."));
  }
  json::object choice = {{"index", 0}, {"text", ""}, {"finish_reason", finish_name(event.finish)}};
  if (!event.scores.empty()) choice = score_choice(event);
  if (event.id >= 0) {
    choice["token_ids"] = json::array{event.id};
    choice["position"] = event.index;
    if (event.check != 0) choice["check"] = event.check;
    json::array top = top_of(event.top_logprobs);
    // Braces around one array would copy it, not put it into a list.
    json::array tops;
    tops.push_back(std::move(top));
    choice["logprobs"] = {{"token_logprobs", json::array{number(event.logprob)}}, {"top_logprobs", std::move(tops)}};
  }
  json::object frame = {{"id", request_id}, {"object", "text_completion"}, {"choices", json::array{std::move(choice)}}};
  // With the first token, for a stream that is cut later, and at the end.
  if (event.index == 0 || event.finish != FinishReason::kNone) frame["usage"] = usage(event.usage);
  return to_json(frame);
}

std::string encode_error(const Error& error) {
  return to_json(json::object{{"error", error_object(error)}});
}

Result<Frame> decode_frame(std::string_view text) {
  auto parsed = parse_object(text);
  if (!parsed.ok()) return corrupt(parsed.error().message());
  const json::object& body = *parsed;
  Frame frame;
  if (const json::value* error = body.if_contains("error")) {
    TokenEvent event;
    event.finish = FinishReason::kError;
    event.error = read_error(*error);
    frame.events.push_back(std::move(event));
    return frame;
  }
  const json::value* choices = body.if_contains("choices");
  if (choices == nullptr || !choices->is_array() || choices->get_array().size() > 1) return corrupt("choices");
  if (choices->get_array().empty()) {
    Accepted accepted;
    Reader reader(body);
    reader.text("numerics_class", accepted.numerics_class, 64);
    reader.text("model_digest", accepted.model_digest, 128);
    if (!reader.status().ok()) return corrupt("numerics_class");
    frame.accepted = std::move(accepted);
    return frame;
  }
  const json::value& choice = choices->get_array().front();
  if (!choice.is_object()) return corrupt("choices");
  STUDIO_CHECK_OK(read_choice(choice.get_object(), frame.events));
  if (const json::value* used = body.if_contains("usage");
      used != nullptr && used->is_object() && !frame.events.empty()) {
    STUDIO_CHECK_OK(read_usage(used->get_object(), frame.events.back().usage));
  }
  return frame;
}

Error decode_error(int http_status, std::string_view text) {
  auto parsed = parse_object(text);
  if (parsed.ok()) {
    if (const json::value* error = parsed->if_contains("error")) return read_error(*error);
  }
  return Error(Code::kUnavailable, "The model's worker refused the request.")
      .with_detail("status " + std::to_string(http_status));
}

std::string encode_info(const engine::EngineInfo& info) {
  // What a file calls itself may be anything, and only people read it: what cannot be told must not stop the model.
  const bool can_be_told = info.name.size() <= kMaxModelNameBytes && engine::jinja::is_valid_utf8(info.name);
  json::object model = {{"id", can_be_told ? info.name : std::string()},
                        {"object", "model"},
                        {"owned_by", "studio"},
                        {"architecture", info.architecture},
                        {"digest", info.digest},
                        {"numerics_class", info.numerics_class},
                        {"kernels", info.kernels},
                        {"vocab_size", info.vocab_size},
                        {"context_tokens", info.context_tokens},
                        {"threads", info.threads},
                        {"max_sequences", info.max_sequences},
                        {"weight_bytes", info.weight_bytes},
                        {"parameters", info.parameters}};
  return to_json(json::object{{"object", "list"}, {"data", json::array{std::move(model)}}});
}

Result<engine::EngineInfo> decode_info(std::string_view text) {
  STUDIO_TRY(json::object body, parse_object(text));
  const json::value* data = body.if_contains("data");
  if (data == nullptr || !data->is_array() || data->get_array().size() != 1 || !data->get_array()[0].is_object()) {
    return corrupt("data");
  }
  Reader reader(data->get_array()[0].get_object());
  engine::EngineInfo info;
  constexpr int64_t kMaxInt = std::numeric_limits<int>::max();
  reader.text("id", info.name, kMaxModelNameBytes);
  reader.text("architecture", info.architecture, 64);
  reader.text("digest", info.digest, 128);
  reader.text("numerics_class", info.numerics_class, 64);
  reader.text("kernels", info.kernels, 64);
  reader.integer("vocab_size", info.vocab_size, 1, kMaxInt);
  reader.integer("context_tokens", info.context_tokens, 1, kMaxInt);
  reader.integer("threads", info.threads, 0, kMaxInt);
  reader.integer("max_sequences", info.max_sequences, 0, kMaxInt);
  reader.integer("weight_bytes", info.weight_bytes, 0, std::numeric_limits<int64_t>::max());
  reader.integer("parameters", info.parameters, 0, std::numeric_limits<int64_t>::max());
  if (!reader.status().ok()) return corrupt(reader.status().error().message());
  if (info.vocab_size == 0 || info.context_tokens == 0) return corrupt("vocab_size and context_tokens are required");
  return info;
}

std::string encode_stats(const engine::EngineStats& stats) {
  return to_json(json::object{{"status", "ok"},
                              {"running", stats.running},
                              {"waiting", stats.waiting},
                              {"pages_total", stats.pages_total},
                              {"pages_free", stats.pages_free},
                              {"pages_idle", stats.pages_idle},
                              {"steps", stats.steps},
                              {"prompt_tokens", stats.prompt_tokens},
                              {"generated_tokens", stats.generated_tokens},
                              {"cached_tokens", stats.cached_tokens},
                              {"prefills", stats.prefills},
                              {"whole_prompts", stats.whole_prompts},
                              {"pages_restored", stats.pages_restored},
                              {"pages_in_file", stats.pages_in_file},
                              {"drafted_tokens", stats.drafted_tokens},
                              {"accepted_tokens", stats.accepted_tokens},
                              {"draft_passes", stats.draft_passes},
                              {"preemptions", stats.preemptions},
                              {"starvation_bound_steps", stats.starvation_bound_steps},
                              {"longest_starved_steps", stats.longest_starved_steps},
                              {"tenants", stats.tenants},
                              {"tenant_weights", stats.tenant_weights},
                              {"batch_sizes", histogram(stats.batch_sizes)},
                              {"step_seconds", histogram(stats.step_seconds)},
                              {"constraint_seconds", histogram(stats.constraint_seconds)},
                              {"queue_seconds", histogram(stats.queue_seconds)},
                              {"progress", stats.progress},
                              {"last_token_age_ms", stats.last_token_age_ms},
                              {"adapters", stats.adapters},
                              {"adapter_bytes", stats.adapter_bytes}});
}

Result<engine::EngineStats> decode_stats(std::string_view text) {
  STUDIO_TRY(json::object body, parse_object(text));
  Reader reader(body);
  engine::EngineStats stats;
  constexpr int64_t kMaxInt = std::numeric_limits<int>::max();
  constexpr int64_t kMaxCount = std::numeric_limits<int64_t>::max();
  reader.integer("running", stats.running, 0, kMaxInt);
  reader.integer("waiting", stats.waiting, 0, kMaxInt);
  reader.integer("pages_total", stats.pages_total, 0, kMaxInt);
  reader.integer("pages_free", stats.pages_free, 0, kMaxInt);
  reader.integer("pages_idle", stats.pages_idle, 0, kMaxInt);
  reader.integer("steps", stats.steps, 0, kMaxCount);
  reader.integer("prompt_tokens", stats.prompt_tokens, 0, kMaxCount);
  reader.integer("generated_tokens", stats.generated_tokens, 0, kMaxCount);
  reader.integer("cached_tokens", stats.cached_tokens, 0, kMaxCount);
  reader.integer("prefills", stats.prefills, 0, kMaxCount);
  reader.integer("whole_prompts", stats.whole_prompts, 0, kMaxCount);
  reader.integer("pages_restored", stats.pages_restored, 0, kMaxCount);
  reader.integer("pages_in_file", stats.pages_in_file, 0, kMaxInt);
  reader.integer("drafted_tokens", stats.drafted_tokens, 0, kMaxCount);
  reader.integer("accepted_tokens", stats.accepted_tokens, 0, kMaxCount);
  reader.integer("draft_passes", stats.draft_passes, 0, kMaxCount);
  reader.integer("preemptions", stats.preemptions, 0, kMaxCount);
  reader.integer("starvation_bound_steps", stats.starvation_bound_steps, 0, kMaxCount);
  reader.integer("longest_starved_steps", stats.longest_starved_steps, 0, kMaxCount);
  reader.integer("tenants", stats.tenants, 0, kMaxInt);
  reader.integer("tenant_weights", stats.tenant_weights, 0, kMaxInt);
  read_histogram(reader, "batch_sizes", stats.batch_sizes);
  read_histogram(reader, "step_seconds", stats.step_seconds);
  read_histogram(reader, "constraint_seconds", stats.constraint_seconds);
  read_histogram(reader, "queue_seconds", stats.queue_seconds);
  reader.integer("progress", stats.progress, 0, kMaxCount);
  reader.integer("last_token_age_ms", stats.last_token_age_ms, -1, kMaxCount);
  reader.integer("adapters", stats.adapters, 0, kMaxInt);
  reader.integer("adapter_bytes", stats.adapter_bytes, 0, kMaxCount);
  if (!reader.status().ok()) return corrupt(reader.status().error().message());
  return stats;
}

}  // namespace studio::inference
