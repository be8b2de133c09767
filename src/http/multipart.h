// A form with files (multipart/form-data), read as its bytes come: what is behind a part is found without holding it.
//
// Source: RFC 2046 5.1.1 (delimiters), RFC 7578 (forms). Strict where two readers could differ: every line of a part's
// head ends in CRLF, a part names its field once, no part is encoded. Lenient in names as clients are: %22, %0D and %0A
// in a quoted name are decoded, a backslash guards a quote, filename* may be there (RFC 5987).
// Not thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace studio::http {

inline constexpr size_t kMaxParts = 256;              // of a form: more than any form of ours has fields and files
inline constexpr size_t kMaxPartHeadBytes = 8192;     // three short lines, and room for a long file name
inline constexpr size_t kMaxBoundaryCharacters = 70;  // RFC 2046, 5.1.1

struct PartHead {
  std::string name;                     // of the field
  std::optional<std::string> filename;  // a file's; a stranger's text, never a path
  std::string content_type;             // as it came; empty: none
};

// What a reader tells, in this order for each part. An error ends the reading and comes back from feed().
class PartSink {
 public:
  virtual ~PartSink() = default;
  virtual Status begin_part(const PartHead& head) = 0;
  virtual Status take_bytes(std::string_view bytes) = 0;
  virtual Status end_part() = 0;
};

// The boundary of a Content-Type. Errors: invalid_argument where that is no form with files, or has none.
Result<std::string> form_boundary(std::string_view content_type);

class MultipartReader {
 public:
  MultipartReader(const std::string& boundary, PartSink& sink);

  // Errors: invalid_argument; those of the sink. After one, feed() and finish() say the same again.
  Status feed(std::string_view bytes);
  // The body is over. Errors: invalid_argument where the form is not.
  Status finish();

 private:
  enum class At { kPreamble, kDelimiter, kHead, kBytes, kEnd };

  Status advance();
  bool step(Status& status);  // false: wait for more
  bool skip_preamble();
  bool take_delimiter(Status& status);
  bool take_head(Status& status);
  bool take_bytes(Status& status);

  const std::string delimiter_;  // "\r\n--boundary"
  PartSink& sink_;
  At at_ = At::kPreamble;
  size_t parts_ = 0;
  std::string held_ = "\r\n";  // a delimiter at the very start has its line end in thought
  std::optional<Error> fault_;
};

}  // namespace studio::http
