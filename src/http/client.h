// A small HTTP/1.1 client for our own servers: a Unix socket or a TCP address, one connection a call.
//
// It leaves out what only foreign servers need: TLS, redirects, proxies, pools. Its calls share one I/O thread; events
// of a call come one at a time on it and must not block.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/head_parser.h"
#include "http/message.h"

namespace studio::http {

struct Endpoint {
  std::string host;  // numeric, or "localhost"
  uint16_t port = 0;
  std::string unix_path;  // where set, host and port are not looked at

  static Endpoint unix_socket(std::string path);
  static Result<Endpoint> parse_url(const std::string& url);  // "http://127.0.0.1:8080"; a path is not allowed
};

struct ClientRequest {
  Method method = Method::kGet;
  std::string target = "/";
  Fields fields;
  std::string body;
  // Without a byte from the server for this long the call fails. A server of ours sends a heartbeat every 15 s.
  std::chrono::milliseconds idle_timeout{45'000};
};

struct ClientEvents {
  std::function<void()> on_connect;                  // the server has the connection; the request is on its way
  std::function<void(const ResponseHead&)> on_head;  // once, before data
  std::function<void(std::string_view)> on_data;     // body bytes, chunks taken off
  // Once, last. ok: the body came whole. kCancelled after cancel(); kUnavailable when the connection was not made or
  // broke; kDeadlineExceeded; kCorruptData when the answer is not HTTP.
  std::function<void(Status)> on_end;
};

class Call {
 public:
  virtual ~Call() = default;
  virtual void cancel() = 0;  // closes the connection: the server notices. Any thread.
};

struct ClientResponse {
  int status = 0;
  Fields fields;
  std::string body;
};

class Client {
 public:
  explicit Client(Endpoint endpoint);
  ~Client();  // stop()
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Ends every call with kCancelled, those too that their events start meanwhile, and joins the I/O thread: no event
  // comes any more. Not from an event of this client; nothing may be started afterwards.
  void stop();

  // The call goes on without its handle; keep that to cancel.
  std::shared_ptr<Call> start(ClientRequest request, ClientEvents events);
  // Blocks. Errors also: payload_too_large past the limit. Not from an event of this client.
  Result<ClientResponse> fetch(ClientRequest request, std::chrono::milliseconds deadline,
                               size_t body_limit_bytes = 8 << 20);
  // Runs the work on the I/O thread, after the events that wait there now: a sign that the thread is not held up.
  void post(std::function<void()> work);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace studio::http
