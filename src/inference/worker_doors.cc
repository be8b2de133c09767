#include "inference/worker_doors.h"

#include "inference/token_protocol.h"

namespace studio::inference {

int worker_status(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
    case Code::kOutOfRange:
    case Code::kCorruptData:
    case Code::kUnimplemented:
      return 400;
    case Code::kConflict:
      return 409;
    case Code::kPayloadTooLarge:
      return 413;
    case Code::kNotFound:
      return 404;
    case Code::kOverloaded:
    case Code::kUnavailable:
      return 503;
    case Code::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

void respond_error(http::Exchange& exchange, const Error& error) {
  exchange.respond(http::Response::json(worker_status(error.code()), encode_error(error)));
}

http::ServerOptions worker_server_options(const std::string& socket_path) {
  http::ServerOptions options;
  options.listen = http::ListenAddress::unix_socket(socket_path);
  options.io_threads = 1;
  options.handler_threads = 1;
  options.render_error = [](const http::Request&, int status, const Error& error) {
    return http::Response::json(status, encode_error(error));
  };
  return options;
}

}  // namespace studio::inference
