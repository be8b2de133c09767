#include "api/batches/output_lines.h"

#include <boost/json.hpp>

#include "base/digest.h"
#include "base/json.h"

namespace studio::api::batches {
namespace {

namespace json = boost::json;

json::object error_of(std::string_view code, std::string_view message) {
  return {{"code", code}, {"message", message}};
}

// What the body of a failed request says, in two words: {"error":{"code","message"}}.
json::value error_in(std::string_view body) {
  auto parsed = parse_json(body);
  const json::object* whole = parsed.ok() ? parsed->if_object() : nullptr;
  const json::value* error = whole ? whole->if_contains("error") : nullptr;
  const json::object* object = error ? error->if_object() : nullptr;
  const auto text = [&](const char* name, const char* fallback) {
    const json::value* value = object ? object->if_contains(name) : nullptr;
    return value && value->is_string() ? std::string(value->get_string()) : std::string(fallback);
  };
  return error_of(text("code", "internal_error"), text("message", "The request failed."));
}

std::string line_of(std::string_view request_id, std::string_view custom_id, std::string_view response,
                    const json::value& error) {
  std::string line = "{\"id\":";
  append_json_string(line, request_id);
  line += ",\"custom_id\":";
  append_json_string(line, custom_id);
  line += ",\"response\":";
  line += response;
  line += ",\"error\":";
  append_json(line, error);
  return line + "}";
}

}  // namespace

std::string line_request_id(std::string_view batch_id, int64_t line) {
  Sha256Digest digest = sha256(std::string(batch_id) + "#" + std::to_string(line));
  digest[6] = static_cast<uint8_t>((digest[6] & 0x0f) | 0x80);
  digest[8] = static_cast<uint8_t>((digest[8] & 0x3f) | 0x80);
  std::string text = to_hex(std::span(digest).first(16));
  for (size_t at : {20, 16, 12, 8}) text.insert(at, "-");
  return text;
}

std::string answered_line(std::string_view request_id, std::string_view custom_id, int status, std::string_view body) {
  std::string response = "{\"status_code\":" + std::to_string(status) + ",\"request_id\":";
  append_json_string(response, request_id);
  response += ",\"body\":";
  response += body;
  response += "}";
  return line_of(request_id, custom_id, response, status == 200 ? json::value(nullptr) : error_in(body));
}

std::string unanswered_line(std::string_view request_id, std::string_view custom_id, std::string_view code,
                            std::string_view message) {
  return line_of(request_id, custom_id, "null", error_of(code, message));
}

}  // namespace studio::api::batches
