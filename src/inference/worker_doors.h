// What the doors of every worker have in common, whatever it computes.
#pragma once

#include <string>

#include "base/result.h"
#include "http/exchange.h"
#include "http/server.h"

namespace studio::inference {

int worker_status(Code code);  // of an HTTP answer
void respond_error(http::Exchange& exchange, const Error& error);
// A Unix socket, one thread for its bytes and one for its handlers; errors in the words of the token protocol.
http::ServerOptions worker_server_options(const std::string& socket_path);

}  // namespace studio::inference
