// A strict look at the raw bytes of a request's head, before any parser sees them.
//
// Request smuggling lives on what two parsers read differently. So a head is accepted only in the one form that all of
// them agree on: lines end in CRLF and nowhere else is there a CR or LF, names are tokens with nothing before their
// colon, no line is folded, the body's length is said once and in one way. Whatever differs closes the connection.
// Source: RFC 9112 sections 2.2, 3, 5 and 6.3, each of its allowances for old peers refused.
//
// Pure functions of their bytes; they allocate nothing and cannot fail otherwise than by refusing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace studio::http {

// A browser's longest head is about 8 KiB; ours carry a key and SDK markers, about 1 KiB.
inline constexpr size_t kMaxHeadBytes = 16 * 1024;
inline constexpr size_t kMaxFields = 64;
inline constexpr size_t kMaxTargetBytes = 4 * 1024;

enum class HeadFault {
  kNone,
  kBareCr,
  kBareLf,
  kNul,
  kControl,      // another control byte, or DEL
  kRequestLine,  // not `token SP target SP HTTP/d.d`
  kVersion,      // not HTTP/1.1
  kTargetTooLong,
  kTarget,     // not in origin form
  kFolded,     // a line that continues the one before
  kFieldName,  // empty or not a token
  kNoColon,
  kSpaceBeforeColon,
  kTooManyFields,
  kContentLength,          // not digits alone, or too large for 63 bits
  kRepeatedContentLength,  // even when equal
  kTransferEncoding,       // anything but exactly "chunked"
  kRepeatedTransferEncoding,
  kBothLengths,  // Content-Length and Transfer-Encoding
  kHost,         // absent, repeated or not a host
  kTooLarge,
};

// A sentence for the caller; never holds the request's bytes.
std::string_view describe(HeadFault fault);
int status_of(HeadFault fault);  // 400, 431, 505 or 501

struct HeadFacts {
  HeadFault fault = HeadFault::kNone;
  std::string_view method;
  std::string_view target;
  std::string_view host;
  bool chunked = false;
  bool has_length = false;
  uint64_t content_length = 0;
};

// How far a head has come. `from` is the size of the buffer at the last call, so that a slow peer costs linear work in
// all. A line that ends in LF alone is a fault at once: its empty line would never be found.
struct HeadProgress {
  size_t end = 0;  // length of the head with its empty line; 0: not there yet
  HeadFault fault = HeadFault::kNone;
};
HeadProgress find_head_end(std::string_view buffer, size_t from);

// `head` ends with its empty line. Views point into it.
HeadFacts check_request_head(std::string_view head);

}  // namespace studio::http
