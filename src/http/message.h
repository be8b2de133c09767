// An HTTP request and an answer, as handlers see them: no sockets, no parser's types.
//
// Plain values; whoever holds one owns it. Field names compare without regard to ASCII case.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace studio::http {

class BodySink;

enum class Method { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };
std::string_view method_name(Method method);  // "GET"; "OTHER" for methods no route can have
Method parse_method(std::string_view name);   // exact case, as RFC 9110 9.1 demands

struct Field {
  std::string name;
  std::string value;
};

// Fields in their order of arrival. Repeated names are kept apart.
class Fields {
 public:
  void add(std::string name, std::string value) { fields_.push_back({std::move(name), std::move(value)}); }
  void set(std::string_view name, std::string value);  // replaces all of that name
  // The first of that name; nullptr where there is none.
  const std::string* find(std::string_view name) const;
  // The same, and nullptr where there are two: for what must not be read one way here and another way elsewhere.
  const std::string* find_only(std::string_view name) const;
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  size_t size() const { return fields_.size(); }

 private:
  std::vector<Field> fields_;
};

bool equal_ignoring_case(std::string_view a, std::string_view b);
std::string_view trim_blanks(std::string_view text);  // spaces and tabs at both ends

struct Request {
  Method method = Method::kOther;
  std::string path;   // of the target, as sent, before '?'
  std::string query;  // after '?'
  Fields fields;
  std::string body;
  std::shared_ptr<BodySink> body_sink;  // has the body instead, on routes that open one

  std::vector<std::pair<std::string, std::string>> path_parameters;  // by the matched route's names, decoded
  std::string route;                                 // the matched route's pattern: a label for logs and metrics
  std::string request_id;                            // ours, a UUID; also in the answer's x-request-id
  std::chrono::system_clock::time_point arrived_at;  // the head, by the calendar: for what answers say
  std::string client_request_id;                     // the caller's own name for it, where it gave one (request_id.h)
  std::string scheme = "http";                       // "https" through TLS, or where a trusted proxy says so
  std::string peer;       // address of who asks, as a trusted proxy says where there is one; "unix" on a Unix socket
  std::string principal;  // who asks, set by the authenticator; empty on public routes

  const std::string& path_parameter(std::string_view name) const;  // empty where the route has none of that name
};

struct Response {
  int status = 200;
  Fields fields;  // content-length, transfer-encoding, connection, date and x-request-id are the server's
  std::string body;

  static Response json(int status, std::string body);
  static Response text(int status, std::string body);
};

std::string_view reason_phrase(int status);

}  // namespace studio::http
