#include "cli/api_client.h"

#include <boost/json.hpp>

#include "api/gateway.h"
#include "base/json.h"
#include "cli/exchange.h"
#include "http/sse.h"
#include "keys/key_json.h"

namespace studio::cli {
namespace {

constexpr size_t kMaxBodyBytes = 8 << 20;  // of an answer that is not streamed, or an error
constexpr long kAdapterMs = 90'000;        // until every worker has read the largest one

Code code_of_status(long status) {
  if (status == 401) return Code::kUnauthenticated;
  if (status == 403) return Code::kPermissionDenied;
  if (status == 404) return Code::kNotFound;
  if (status == 429) return Code::kOverloaded;
  if (status == 408 || status == 504) return Code::kDeadlineExceeded;
  if (status >= 500) return Code::kUnavailable;
  return Code::kFailedPrecondition;  // the request is at fault, not the command line
}

// {"error": {"message": ...}}, or whatever text came.
Error error_of_answer(long status, const std::string& body) {
  std::string message;
  if (auto json = parse_json(body); json.ok() && json->is_object()) {
    const boost::json::value* error = json->get_object().if_contains("error");
    const boost::json::value* text = error && error->is_object() ? error->get_object().if_contains("message") : nullptr;
    if (text && text->is_string()) message = std::string(text->get_string());
  }
  if (message.empty()) message = "the server answers HTTP " + std::to_string(status);
  return Error(code_of_status(status), message);
}

std::string text_at(const boost::json::object& object, const char* key) {
  const boost::json::value* value = object.if_contains(key);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

int64_t number_at(const boost::json::object& object, const char* key) {
  const boost::json::value* value = object.if_contains(key);
  return value && value->is_int64() ? value->get_int64() : 0;
}

// One chunk of the stream into the answer.
void take_chunk(const boost::json::object& chunk, ChatAnswer& answer,
                const std::function<void(const ChatDelta&)>& on_delta) {
  if (const auto* usage = chunk.if_contains("usage"); usage && usage->is_object()) {
    answer.prompt_tokens = number_at(usage->get_object(), "prompt_tokens");
    answer.completion_tokens = number_at(usage->get_object(), "completion_tokens");
  }
  const boost::json::value* choices = chunk.if_contains("choices");
  if (!choices || !choices->is_array() || choices->get_array().empty()) return;
  const boost::json::object* choice = choices->get_array()[0].if_object();
  if (!choice) return;
  std::string finish = text_at(*choice, "finish_reason");
  if (!finish.empty()) answer.finish_reason = finish;
  ChatDelta piece{.content = text_at(*choice, "text"), .reasoning = ""};  // of a completion
  if (const auto* delta = choice->if_contains("delta"); delta && delta->is_object()) {
    piece = {text_at(delta->get_object(), "content"), text_at(delta->get_object(), "reasoning_content")};
  }
  if (piece.content.empty() && piece.reasoning.empty()) return;
  answer.content += piece.content;
  on_delta(piece);
}

}  // namespace

ApiClient::ApiClient(std::string base_url, std::string key, Reach reach)
    : base_url_(std::move(base_url)), key_(std::move(key)), reach_(reach) {
  while (base_url_.ends_with('/')) base_url_.pop_back();
  size_t scheme = base_url_.find("://");
  bool has_path = scheme != std::string::npos && base_url_.find('/', scheme + 3) != std::string::npos;
  if (!has_path) base_url_ += "/v1";
}

Result<std::vector<std::string>> ApiClient::models() {
  std::string body;
  Exchange exchange{
      .url = base_url_ + "/models", .key = key_, .reach = reach_, .body = "", .timeout_ms = 10'000, .on_body = {}};
  exchange.on_body = [&](std::string_view bytes, long) {
    body += bytes;
    return body.size() <= kMaxBodyBytes;
  };
  STUDIO_CHECK_OK(exchange.run());
  if (exchange.status != 200) return error_of_answer(exchange.status, body);
  STUDIO_TRY(auto json, parse_json(body));
  std::vector<std::string> names;
  const boost::json::object* list = json.if_object();
  const boost::json::value* data = list ? list->if_contains("data") : nullptr;
  if (!data || !data->is_array()) return Error(Code::kCorruptData, base_url_ + "/models is not a list of models");
  for (const boost::json::value& model : data->get_array()) {
    if (model.is_object()) names.push_back(text_at(model.get_object(), "id"));
  }
  return names;
}

Result<std::string> ApiClient::console_link() {
  const std::string address = origin();
  STUDIO_TRY(const std::string body, fetch("POST", "/console/links", "{}"));
  STUDIO_TRY(auto json, parse_json(body));
  std::string token = json.is_object() ? text_at(json.get_object(), "token") : "";
  if (token.empty()) return Error(Code::kCorruptData, address + " gives no token for its console");
  return api::console_link(address, token);
}

Result<std::vector<keys::KeyInfo>> ApiClient::list_keys() {
  STUDIO_TRY(const std::string body, fetch("GET", "/console/keys"));
  STUDIO_TRY(auto json, parse_json(body));
  const boost::json::object* object = json.if_object();
  const boost::json::value* list = object ? object->if_contains("keys") : nullptr;
  if (!list || !list->is_array()) return Error(Code::kCorruptData, origin() + " gives no list of its keys");
  std::vector<keys::KeyInfo> infos;
  for (const boost::json::value& value : list->get_array()) {
    STUDIO_TRY(auto info, keys::key_of(value));
    infos.push_back(std::move(info));
  }
  return infos;
}

Result<keys::NewKey> ApiClient::make_key(const std::string& name) {
  STUDIO_TRY(const std::string body, fetch("POST", "/console/keys", to_json(boost::json::object{{"name", name}})));
  STUDIO_TRY(auto json, parse_json(body));
  STUDIO_TRY(auto info, keys::key_of(json));
  std::string key = text_at(json.get_object(), "key");
  if (key.empty()) return Error(Code::kCorruptData, origin() + " does not tell the key it made");
  return keys::NewKey{std::move(key), std::move(info)};
}

Status ApiClient::revoke_key(const std::string& key_id) {
  STUDIO_CHECK_OK(fetch("DELETE", "/console/keys/" + key_id));  // an id of a list: nothing in it needs escaping
  return Ok{};
}

Status ApiClient::add_adapter(const std::string& model, const std::string& name) {
  const boost::json::object body{{"model", model}, {"name", name}};
  STUDIO_CHECK_OK(fetch("POST", "/console/adapters", to_json(body), kAdapterMs));
  return Ok{};
}

Status ApiClient::remove_adapter(const std::string& full_name) {
  STUDIO_CHECK_OK(fetch("DELETE", "/console/adapters/" + full_name, "", kAdapterMs));  // as above
  return Ok{};
}

Result<std::string> ApiClient::metrics() {
  return fetch("GET", "/metrics");
}

std::string ApiClient::origin() const {
  return base_url_.substr(0, base_url_.find('/', base_url_.find("://") + 3));
}

Result<std::string> ApiClient::fetch(const char* method, const std::string& path, const std::string& body,
                                     long timeout_ms) {
  std::string answer;
  Exchange exchange{.url = origin() + path,
                    .key = key_,
                    .reach = reach_,
                    .body = body,
                    .method = method,
                    .timeout_ms = timeout_ms,
                    .on_body = {}};
  exchange.on_body = [&](std::string_view bytes, long) {
    answer += bytes;
    return answer.size() <= kMaxBodyBytes;
  };
  STUDIO_CHECK_OK(exchange.run());
  if (exchange.status != 200) return error_of_answer(exchange.status, answer);
  return answer;
}

bool ApiClient::is_alive(long timeout_ms) {
  Exchange exchange{
      .url = base_url_ + "/models", .key = key_, .reach = reach_, .body = "", .timeout_ms = timeout_ms, .on_body = {}};
  exchange.on_body = [](std::string_view, long) { return true; };
  return exchange.run().ok();
}

Result<ChatAnswer> ApiClient::chat(const boost::json::object& body,
                                   const std::function<void(const ChatDelta&)>& on_delta,
                                   const std::atomic<bool>& stop) {
  return stream("/chat/completions", body, on_delta, stop);
}

Result<ChatAnswer> ApiClient::complete(const boost::json::object& body,
                                       const std::function<void(const ChatDelta&)>& on_delta,
                                       const std::atomic<bool>& stop) {
  return stream("/completions", body, on_delta, stop);
}

Result<ChatAnswer> ApiClient::stream(const char* path, const boost::json::object& body,
                                     const std::function<void(const ChatDelta&)>& on_delta,
                                     const std::atomic<bool>& stop) {
  boost::json::object request = body;
  request["stream"] = true;
  request["stream_options"] = {{"include_usage", true}};
  ChatAnswer answer;
  http::SseReader reader;
  std::string other;  // an answer that is no stream: an error's body
  std::optional<Error> failure;
  Exchange exchange{.url = base_url_ + path, .key = key_, .reach = reach_, .body = to_json(request), .on_body = {}};
  exchange.stop = &stop;
  exchange.on_body = [&](std::string_view bytes, long status) {
    if (status != 200) {
      other += bytes;
      return other.size() <= kMaxBodyBytes;
    }
    std::vector<http::SseReader::Event> events;
    if (Status fed = reader.feed(bytes, events); !fed.ok()) failure = std::move(fed).error();
    for (const auto& event : events) {
      if (event.data == "[DONE]") continue;
      auto chunk = parse_json(event.data);
      if (!chunk.ok() || !chunk->is_object()) {
        failure = Error(Code::kCorruptData, "the server's stream holds an event that is no JSON object");
      } else if (chunk->get_object().contains("error")) {
        failure = error_of_answer(500, event.data);
      } else {
        take_chunk(chunk->get_object(), answer, on_delta);
      }
    }
    return !failure.has_value();
  };
  Status status = exchange.run();
  if (failure) return *failure;
  if (!status.ok() && status.error().code() == Code::kCancelled) {
    answer.was_stopped = true;
    return answer;
  }
  if (!status.ok()) return std::move(status).error();
  if (exchange.status != 200) return error_of_answer(exchange.status, other);
  return answer;
}

}  // namespace studio::cli
