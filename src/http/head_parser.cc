#include "http/head_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/optional.hpp>

#include "http/head_check.h"

namespace studio::http {
namespace {

namespace beast = boost::beast;

// Feeds one whole head; whatever follows it is not the parser's business.
template <bool is_request>
bool parse_head(beast::http::parser<is_request, beast::http::empty_body>& parser, std::string_view head) {
  parser.header_limit(kMaxHeadBytes);
  parser.body_limit(boost::none);
  parser.skip(true);
  beast::error_code fault;
  size_t used = parser.put(boost::asio::buffer(head), fault);
  return !fault && parser.is_header_done() && used == head.size();
}

Fields take_fields(const beast::http::fields& parsed) {
  Fields fields;
  for (const auto& field : parsed) {
    fields.add(std::string(field.name_string()), std::string(field.value()));
  }
  return fields;
}

}  // namespace

Result<Request> parse_request_head(std::string_view head) {
  beast::http::request_parser<beast::http::empty_body> parser;
  if (!parse_head(parser, head)) return Error(Code::kInvalidArgument, "The request's head is malformed.");
  const auto& message = parser.get();
  Request request;
  request.method = parse_method(std::string_view(message.method_string()));
  std::string_view target = message.target();
  size_t question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string_view::npos) request.query = target.substr(question + 1);
  request.fields = take_fields(message.base());
  return request;
}

Result<ResponseHead> parse_response_head(std::string_view head) {
  beast::http::response_parser<beast::http::empty_body> parser;
  if (!parse_head(parser, head)) {
    return Error(Code::kCorruptData, "The server's answer is not HTTP/1.1.");
  }
  ResponseHead result;
  result.status = static_cast<int>(parser.get().result_int());
  if (result.status < 100) return Error(Code::kCorruptData, "The server's answer is not HTTP/1.1.");  // "099"
  result.fields = take_fields(parser.get().base());
  result.chunked = parser.chunked();
  if (auto length = parser.content_length()) {
    result.has_length = true;
    result.content_length = *length;
  }
  return result;
}

}  // namespace studio::http
