#include "http/head_check.h"

#include <algorithm>
#include <array>

#include "http/message.h"

namespace studio::http {
namespace {

// tchar of RFC 9110, 5.6.2.
constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (unsigned char c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned char c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (unsigned char c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kToken = make_token_table();

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return kToken[static_cast<unsigned char>(c)]; });
}

HeadFault check_bytes(std::string_view head) {
  for (size_t i = 0; i < head.size(); ++i) {
    auto byte = static_cast<unsigned char>(head[i]);
    if (byte >= 0x20 && byte != 0x7f) continue;
    switch (byte) {
      case '\t':
        continue;
      case '\0':
        return HeadFault::kNul;
      case '\r':
        if (i + 1 >= head.size() || head[i + 1] != '\n') return HeadFault::kBareCr;
        ++i;
        continue;
      case '\n':
        return HeadFault::kBareLf;
      default:
        return HeadFault::kControl;
    }
  }
  return HeadFault::kNone;
}

// The next line without its CRLF; check_bytes() has proved that there is one.
std::string_view take_line(std::string_view& rest) {
  size_t end = rest.find("\r\n");
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(rest.size(), line.size() + 2));
  return line;
}

HeadFault read_request_line(std::string_view line, HeadFacts& facts) {
  size_t first = line.find(' ');
  size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return HeadFault::kRequestLine;
  facts.method = line.substr(0, first);
  facts.target = line.substr(first + 1, last - first - 1);
  std::string_view version = line.substr(last + 1);
  if (!is_token(facts.method)) return HeadFault::kRequestLine;
  if (version.size() != 8 || !version.starts_with("HTTP/")) return HeadFault::kRequestLine;
  if (version != "HTTP/1.1") return HeadFault::kVersion;
  if (facts.target.size() > kMaxTargetBytes) return HeadFault::kTargetTooLong;
  // Origin form alone: we are no proxy. Bytes past ASCII, blanks and a fragment have no place in a target.
  bool plain = std::ranges::all_of(facts.target, [](char c) { return c > 0x20 && c != 0x7f && c != '#'; });
  if (!plain || !facts.target.starts_with('/')) return HeadFault::kTarget;
  return HeadFault::kNone;
}

HeadFault read_content_length(std::string_view value, HeadFacts& facts) {
  if (facts.has_length) return HeadFault::kRepeatedContentLength;
  bool digits = !value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
  // 18 digits hold any body we could ever take and cannot overflow 63 bits.
  if (!digits || value.size() > 18) return HeadFault::kContentLength;
  facts.has_length = true;
  facts.content_length = 0;
  for (char c : value) facts.content_length = facts.content_length * 10 + static_cast<uint64_t>(c - '0');
  return HeadFault::kNone;
}

HeadFault read_transfer_encoding(std::string_view value, HeadFacts& facts) {
  if (facts.chunked) return HeadFault::kRepeatedTransferEncoding;
  if (!equal_ignoring_case(value, "chunked")) return HeadFault::kTransferEncoding;
  facts.chunked = true;
  return HeadFault::kNone;
}

HeadFault read_host(std::string_view value, HeadFacts& facts) {
  bool plain = std::ranges::all_of(value, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
           c == '_' || c == ':' || c == '[' || c == ']';
  });
  if (facts.host.data() != nullptr || value.empty() || !plain) return HeadFault::kHost;
  facts.host = value;
  return HeadFault::kNone;
}

HeadFault read_field(std::string_view line, HeadFacts& facts) {
  if (line.front() == ' ' || line.front() == '\t') return HeadFault::kFolded;
  size_t colon = line.find(':');
  if (colon == std::string_view::npos) return HeadFault::kNoColon;
  std::string_view name = line.substr(0, colon);
  if (!name.empty() && (name.back() == ' ' || name.back() == '\t')) return HeadFault::kSpaceBeforeColon;
  if (!is_token(name)) return HeadFault::kFieldName;
  std::string_view value = trim_blanks(line.substr(colon + 1));
  if (equal_ignoring_case(name, "content-length")) return read_content_length(value, facts);
  if (equal_ignoring_case(name, "transfer-encoding")) return read_transfer_encoding(value, facts);
  if (equal_ignoring_case(name, "host")) return read_host(value, facts);
  return HeadFault::kNone;
}

HeadFault read_head(std::string_view head, HeadFacts& facts) {
  if (head.size() > kMaxHeadBytes) return HeadFault::kTooLarge;
  if (HeadFault fault = check_bytes(head); fault != HeadFault::kNone) return fault;
  std::string_view rest = head;
  if (HeadFault fault = read_request_line(take_line(rest), facts); fault != HeadFault::kNone) return fault;
  size_t fields = 0;
  for (std::string_view line = take_line(rest); !line.empty(); line = take_line(rest)) {
    if (++fields > kMaxFields) return HeadFault::kTooManyFields;
    if (HeadFault fault = read_field(line, facts); fault != HeadFault::kNone) return fault;
  }
  if (facts.chunked && facts.has_length) return HeadFault::kBothLengths;
  if (facts.host.data() == nullptr) return HeadFault::kHost;
  return HeadFault::kNone;
}

}  // namespace

HeadProgress find_head_end(std::string_view buffer, size_t from) {
  for (size_t lf = buffer.find('\n', from); lf != std::string_view::npos; lf = buffer.find('\n', lf + 1)) {
    if (lf == 0 || buffer[lf - 1] != '\r') return {0, HeadFault::kBareLf};
    if (lf >= 3 && buffer.substr(lf - 3, 4) == "\r\n\r\n") {
      return {lf + 1, lf + 1 > kMaxHeadBytes ? HeadFault::kTooLarge : HeadFault::kNone};
    }
    if (lf == 1) return {0, HeadFault::kRequestLine};  // an empty line before the request
  }
  return {0, buffer.size() >= kMaxHeadBytes ? HeadFault::kTooLarge : HeadFault::kNone};
}

HeadFacts check_request_head(std::string_view head) {
  HeadFacts facts;
  facts.fault = read_head(head, facts);
  return facts;
}

int status_of(HeadFault fault) {
  switch (fault) {
    case HeadFault::kVersion:
      return 505;
    case HeadFault::kTransferEncoding:
      return 501;
    case HeadFault::kTooManyFields:
    case HeadFault::kTooLarge:
      return 431;
    default:
      return 400;
  }
}

std::string_view describe(HeadFault fault) {
  switch (fault) {
    case HeadFault::kNone:
      return "The head is well formed.";
    case HeadFault::kBareCr:
      return "The request's head holds a CR that is not part of a line end.";
    case HeadFault::kBareLf:
      return "The request's head holds a line that ends in LF alone; lines end in CRLF.";
    case HeadFault::kNul:
      return "The request's head holds a NUL byte.";
    case HeadFault::kControl:
      return "The request's head holds a control byte.";
    case HeadFault::kRequestLine:
      return "The request line must be 'METHOD /path HTTP/1.1'.";
    case HeadFault::kVersion:
      return "Only HTTP/1.1 is spoken here.";
    case HeadFault::kTargetTooLong:
      return "The request's target is longer than 4096 bytes.";
    case HeadFault::kTarget:
      return "The request's target must be a path that begins with '/'.";
    case HeadFault::kFolded:
      return "A header line continues the one before it; folded lines are not accepted.";
    case HeadFault::kFieldName:
      return "A header's name holds a byte that names may not have.";
    case HeadFault::kNoColon:
      return "A header line has no colon.";
    case HeadFault::kSpaceBeforeColon:
      return "A header's name is followed by a blank; the colon must come at once.";
    case HeadFault::kTooManyFields:
      return "The request has more than 64 headers.";
    case HeadFault::kContentLength:
      return "Content-Length must be a plain decimal number.";
    case HeadFault::kRepeatedContentLength:
      return "Content-Length is given more than once.";
    case HeadFault::kTransferEncoding:
      return "Transfer-Encoding must be exactly 'chunked'.";
    case HeadFault::kRepeatedTransferEncoding:
      return "Transfer-Encoding is given more than once.";
    case HeadFault::kBothLengths:
      return "Content-Length and Transfer-Encoding may not come together.";
    case HeadFault::kHost:
      return "The Host header must be there once and hold a host name.";
    case HeadFault::kTooLarge:
      return "The request's head is larger than 16 KiB.";
  }
  return "The request's head is malformed.";
}

}  // namespace studio::http
