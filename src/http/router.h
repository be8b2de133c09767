// The routes, as data. A request reaches a handler only through a route that says who may call it and how much body it
// takes; everything else is 404 or 405. Authorisation reads the matched route, never the path's text.
//
// Threads: filled before the server starts, read-only after.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/body_sink.h"
#include "http/message.h"

namespace studio::http {

class Exchange;
// Runs on a handler thread; may block for milliseconds. Must answer the exchange, now or later, from any thread.
using Handler = std::function<void(std::shared_ptr<Exchange>)>;

enum class AuthClass {
  kPublic,   // says nothing about tenants, models or load
  kKey,      // a valid key
  kSession,  // a browser that logged in
};

struct Route {
  // No default for anything: a route that does not say all of it does not compile.
  Route(Method method, std::string pattern, AuthClass auth, size_t body_limit_bytes, Handler handler)
      : method(method),
        pattern(std::move(pattern)),
        auth(auth),
        body_limit_bytes(body_limit_bytes),
        handler(std::move(handler)) {}

  Method method;
  std::string pattern;  // "/v1/models/{id}": a part in braces takes one segment, "{id...}" takes the rest
  AuthClass auth;
  size_t body_limit_bytes;  // 0: no body
  Handler handler;
  // Where set, the body goes piece by piece to what it makes of the request's head (never null), and is not held. On an
  // I/O thread: no blocking.
  std::function<std::shared_ptr<BodySink>(const Request& head)> open_body = {};
};

class Router {
 public:
  // The first segments of two routes of one method may not be ambiguous: literals win over parameters.
  void add(Route route) { routes_.push_back(std::move(route)); }

  struct Match {
    const Route* route = nullptr;  // nullptr: see the two below
    bool malformed = false;        // the path cannot be decoded: 400
    std::string allow;             // the path exists with these methods: 405; empty: 404
    std::vector<std::pair<std::string, std::string>> parameters;
  };
  // Runs of slashes count as one, a slash at the end is dropped. HEAD is answered by GET's route.
  Match match(Method method, std::string_view path) const;
  // "; did you mean '/v1/models'?" or nothing: for the answer to a path that matches no route.
  std::string suggestion(std::string_view path) const;

 private:
  std::vector<Route> routes_;
};

// Decodes %XX once. Errors: invalid_argument on a bad escape or a byte that no text has (NUL).
Result<std::string> percent_decode(std::string_view text);

}  // namespace studio::http
