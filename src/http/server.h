// An HTTP/1.1 server on TCP or a Unix socket.
//
// A few I/O threads move bytes, each with its own event loop and its own connections; a small pool runs the handlers.
// The order of a request: head checked byte by byte (head_check.h), parsed, route matched, host and key checked, body
// read within the route's limit, handler called, answer written. Every wait has a time limit and every buffer a size.
// What it leaves out: HTTP/2 (a proxy in front, or a later layer), pipelining beyond one read-ahead buffer.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/exchange.h"
#include "http/router.h"
#include "http/tls.h"
#include "http/trusted_proxy.h"

namespace studio::http {

struct ListenAddress {
  std::string host;  // numeric, or "localhost"
  uint16_t port = 0;
  std::string unix_path;  // where set, host and port are not looked at

  static Result<ListenAddress> parse(const std::string& text);  // "127.0.0.1:80", "[::1]:80", "localhost:80"
  static ListenAddress unix_socket(std::string path);
  bool is_loopback() const;
};

struct ServerLimits {
  size_t connections = 4096;              // each costs about 5 KB while idle, 45 KB with TLS
  size_t connections_per_address = 1024;  // a quarter: no one address takes all; a trusted proxy speaks for many
  std::chrono::milliseconds handshake_timeout{10'000};  // of TLS: two round trips of a slow line and a slow machine
  std::chrono::milliseconds head_timeout{10'000};       // from the first byte to the end of the head
  std::chrono::milliseconds idle_timeout{75'000};       // between requests; longer than common clients keep theirs
  std::chrono::milliseconds heartbeat_every{15'000};    // of silence in a stream; proxies cut one after 30 to 60 s
  // For a body to go on, by 4 KiB at least; all of it may take as long and a second more for each 16 KiB of the
  // route's.
  std::chrono::milliseconds body_timeout{15'000};
  std::chrono::milliseconds stall_timeout = kStallTimeout;  // of a reader: see exchange.h
};

struct ServerOptions {
  ListenAddress listen;
  int io_threads = 2;
  int handler_threads = 4;
  ServerLimits limits;
  // Host names that requests may carry beside loopback ones and the address they came in on, and pages of other origins
  // that may call (origin_check.h).
  std::vector<std::string> allowed_hosts, allowed_origins;
  // Whose X-Forwarded-For and X-Forwarded-Proto are believed. Where `proxies_alone`, nobody else may connect.
  std::vector<Network> proxies;
  bool proxies_alone = false;
  std::shared_ptr<boost::asio::ssl::context> tls;  // none: plain
  // The principal of a request on a kKey route. On an I/O thread: no blocking. Absent: kKey routes answer 401.
  std::function<Result<std::string>(const Request&)> authenticate;
  // The same for kSession routes. A permission_denied error is a 403.
  std::function<Result<std::string>(const Request&)> authenticate_session;
  // Renders every answer that the server gives itself (404, 405, 401, 413, ...). Required.
  std::function<Response(const Request& request, int status, const Error& error)> render_error;
  struct Completed {
    const Request& request;
    int status = 0;  // 499 where the client went away before the answer began
    bool client_gone = false;
    uint64_t body_bytes = 0;
    std::chrono::steady_clock::duration duration{};
  };
  std::function<void(const Completed&)> on_complete;  // logs and metrics; on an I/O thread
};

class Server {
 public:
  // Listens when it returns. Errors: unavailable where the address is taken or may not be used.
  static Result<std::unique_ptr<Server>> start(ServerOptions options, Router router);
  virtual ~Server() = default;  // cuts what drain() left

  virtual uint16_t port() const = 0;  // as bound
  virtual size_t open_connections() const = 0;
  virtual size_t open_exchanges() const = 0;
  // For connections to come; those that are open keep what they have. Not on a plain server.
  virtual void use_tls(std::shared_ptr<boost::asio::ssl::context> tls) = 0;
  // Runs on a handler thread; for work that may block for milliseconds.
  virtual void post(std::function<void()> work) = 0;
  // Stops accepting, closes idle connections, lets exchanges finish until the deadline, then cuts them. Blocks.
  virtual void drain(std::chrono::milliseconds deadline) = 0;
};

}  // namespace studio::http
