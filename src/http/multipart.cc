#include "http/multipart.h"

#include <algorithm>

#include "http/message.h"
#include "http/router.h"

namespace studio::http {
namespace {

Error malformed(const char* what) {
  return Error(Code::kInvalidArgument, "The form cannot be read: " + std::string(what) + ".");
}

bool is_token_character(char c) {
  const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return is_letter || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_boundary_character(char c) {
  const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return is_letter || std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
}

// `name` of a token and its value behind '=': a token, or a text in quotes.
struct Parameter {
  std::string name, value;
  bool was_quoted = false;
};

// Parameters of a field's value, one after the other: "; name=value; name="value"".
class ParameterReader {
 public:
  explicit ParameterReader(std::string_view text) : text_(text) {}

  // Nothing at the end, or where what follows is no parameter: then is_broken().
  std::optional<Parameter> next() {
    skip_blanks();
    if (text_.empty()) return std::nullopt;
    is_broken_ = true;  // until one was read
    if (text_.front() != ';') return std::nullopt;
    text_.remove_prefix(1);
    skip_blanks();
    if (text_.empty()) {  // a semicolon at the end is common and means nothing
      is_broken_ = false;
      return std::nullopt;
    }
    Parameter parameter{.name = take_token(), .value = {}};
    if (parameter.name.empty() || text_.empty() || text_.front() != '=') return std::nullopt;
    text_.remove_prefix(1);
    parameter.was_quoted = !text_.empty() && text_.front() == '"';
    if (parameter.was_quoted) {
      if (!take_quoted(parameter.value)) return std::nullopt;
    } else {
      parameter.value = take_token();
      if (parameter.value.empty()) return std::nullopt;
    }
    is_broken_ = false;
    return parameter;
  }
  bool is_broken() const { return is_broken_; }

 private:
  void skip_blanks() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\t')) text_.remove_prefix(1);
  }
  std::string take_token() {
    const size_t end = static_cast<size_t>(std::ranges::find_if_not(text_, is_token_character) - text_.begin());
    std::string token(text_.substr(0, end));
    text_.remove_prefix(end);
    return token;
  }
  bool take_quoted(std::string& value) {
    for (size_t i = 1; i < text_.size(); ++i) {
      const bool is_guard = text_[i] == '\\' && i + 1 < text_.size() && (text_[i + 1] == '"' || text_[i + 1] == '\\');
      if (is_guard) ++i;
      if (text_[i] == '"' && !is_guard) {
        text_.remove_prefix(i + 1);
        return true;
      }
      value += text_[i];
    }
    return false;
  }

  std::string_view text_;
  bool is_broken_ = false;
};

// The three escapes of a form's names (WHATWG HTML, "multipart/form-data encoding algorithm"); any other % is itself.
std::string unescaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view three = text.substr(0, 3);
    const char c = three == "%22" ? '"' : three == "%0D" ? '\r' : three == "%0A" ? '\n' : '\0';
    out += c != '\0' ? c : text.front();
    text.remove_prefix(c != '\0' ? 3 : 1);
  }
  return out;
}

// "UTF-8''na%C3%AFve.txt" (RFC 5987, 3.2).
std::optional<std::string> extended_value(std::string_view text) {
  const size_t first = text.find('\'');
  const size_t second = first == std::string_view::npos ? first : text.find('\'', first + 1);
  if (second == std::string_view::npos || !equal_ignoring_case(text.substr(0, first), "utf-8")) return std::nullopt;
  auto decoded = percent_decode(text.substr(second + 1));
  return decoded.ok() ? std::optional(std::move(*decoded)) : std::nullopt;
}

// "form-data; name="file"; filename="a.txt"" into the head.
Status read_disposition(std::string_view value, PartHead& head) {
  if (!equal_ignoring_case(value.substr(0, std::min(value.find(';'), value.size())), "form-data")) {
    return malformed("a part's Content-Disposition is not form-data");
  }
  ParameterReader parameters(value.substr(std::string_view("form-data").size()));
  std::optional<std::string> name, extended;
  while (auto parameter = parameters.next()) {
    const bool is_extended = equal_ignoring_case(parameter->name, "filename*");
    std::optional<std::string>* slot = equal_ignoring_case(parameter->name, "name")       ? &name
                                       : equal_ignoring_case(parameter->name, "filename") ? &head.filename
                                       : is_extended                                      ? &extended
                                                                                          : nullptr;
    if (slot == nullptr) continue;
    if (slot->has_value()) return malformed("a part's Content-Disposition says something twice");
    *slot = is_extended ? extended_value(parameter->value)
                        : std::optional(parameter->was_quoted ? unescaped(parameter->value) : parameter->value);
    if (!slot->has_value()) return malformed("a part's filename* is not in UTF-8");
  }
  if (parameters.is_broken()) return malformed("a part's Content-Disposition has a malformed parameter");
  if (!name) return malformed("a part does not name its field");
  head.name = std::move(*name);
  if (extended) head.filename = std::move(extended);
  return Ok{};
}

bool is_plain_encoding(std::string_view value) {
  return std::ranges::any_of(std::initializer_list<std::string_view>{"7bit", "8bit", "binary"},
                             [&](std::string_view name) { return equal_ignoring_case(value, name); });
}

// The lines of a part's head, each with its CRLF.
Result<PartHead> read_part_head(std::string_view lines) {
  PartHead head;
  bool has_disposition = false;
  while (!lines.empty()) {
    const size_t end = lines.find("\r\n");
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end + 2);
    if (std::ranges::any_of(line,
                            [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; })) {
      return malformed("a part's head holds a control character");
    }
    const size_t colon = line.find(':');
    const std::string_view name = line.substr(0, std::min(colon, line.size()));
    if (colon == std::string_view::npos || name.empty() || !std::ranges::all_of(name, is_token_character)) {
      return malformed("a line of a part's head is no field");
    }
    const std::string_view value = trim_blanks(line.substr(colon + 1));
    if (equal_ignoring_case(name, "content-disposition")) {
      if (has_disposition) return malformed("a part has two Content-Dispositions");
      has_disposition = true;
      STUDIO_CHECK_OK(read_disposition(value, head));
    } else if (equal_ignoring_case(name, "content-type")) {
      head.content_type = value;
    } else if (equal_ignoring_case(name, "content-transfer-encoding") && !is_plain_encoding(value)) {
      return malformed("a part is encoded (Content-Transfer-Encoding); send its bytes as they are");
    }
  }
  if (!has_disposition) return malformed("a part does not name its field");
  return head;
}

}  // namespace

Result<std::string> form_boundary(std::string_view content_type) {
  const size_t end = std::min(content_type.find(';'), content_type.size());
  if (!equal_ignoring_case(trim_blanks(content_type.substr(0, end)), "multipart/form-data")) {
    return Error(Code::kInvalidArgument, "The body must be a form with files (Content-Type: multipart/form-data).");
  }
  ParameterReader parameters(content_type.substr(end));
  std::optional<std::string> boundary;
  while (auto parameter = parameters.next()) {
    if (!equal_ignoring_case(parameter->name, "boundary")) continue;
    if (boundary) return malformed("its Content-Type has two boundaries");
    boundary = std::move(parameter->value);
  }
  if (parameters.is_broken() || !boundary) return malformed("its Content-Type has no boundary");
  const bool is_valid = !boundary->empty() && boundary->size() <= kMaxBoundaryCharacters && boundary->back() != ' ' &&
                        std::ranges::all_of(*boundary, is_boundary_character);
  if (!is_valid) return malformed("its boundary is not one of RFC 2046");
  return std::move(*boundary);
}

MultipartReader::MultipartReader(const std::string& boundary, PartSink& sink)
    : delimiter_("\r\n--" + boundary), sink_(sink) {}

Status MultipartReader::feed(std::string_view bytes) {
  if (fault_) return *fault_;
  held_ += bytes;
  Status status = Ok{};
  while (step(status) && status.ok()) {
  }
  if (!status.ok()) {
    fault_ = status.error();
    held_ = std::string();
  }
  return status;
}

Status MultipartReader::finish() {
  if (fault_) return *fault_;
  if (at_ != At::kEnd) return malformed("it ends before its last delimiter");
  return Ok{};
}

bool MultipartReader::step(Status& status) {
  switch (at_) {
    case At::kPreamble:
      return skip_preamble();
    case At::kDelimiter:
      return take_delimiter(status);
    case At::kHead:
      return take_head(status);
    case At::kBytes:
      return take_bytes(status);
    case At::kEnd:
      break;
  }
  held_.clear();  // what stands behind the last delimiter means nothing
  return false;
}

// Text before the first delimiter means nothing either.
bool MultipartReader::skip_preamble() {
  const size_t found = held_.find(delimiter_);
  if (found == std::string::npos) {
    held_.erase(0, held_.size() - std::min(held_.size(), delimiter_.size() - 1));
    return false;
  }
  held_.erase(0, found + delimiter_.size());
  at_ = At::kDelimiter;
  return true;
}

// Behind a delimiter: blanks and a line end where a part follows, two hyphens where none does.
bool MultipartReader::take_delimiter(Status& status) {
  if (held_.size() < 2) return false;
  if (held_.starts_with("--")) {
    at_ = At::kEnd;
    return true;
  }
  const size_t end = held_.find_first_not_of(" \t");
  if (end > kMaxPartHeadBytes && held_.size() > kMaxPartHeadBytes) {
    status = malformed("a delimiter's line is too long");
    return false;
  }
  if (end == std::string::npos || held_.size() < end + 2) return false;
  if (held_.compare(end, 2, "\r\n") != 0) {
    status = malformed("a delimiter's line goes on");
    return false;
  }
  held_.erase(0, end);  // the line end stays: an empty head is two of them
  if (++parts_ > kMaxParts) {
    status = malformed("it has too many parts");
    return false;
  }
  at_ = At::kHead;
  return true;
}

bool MultipartReader::take_head(Status& status) {
  const size_t end = held_.find("\r\n\r\n");
  if (std::min(end, held_.size()) > kMaxPartHeadBytes) {
    status = malformed("a part's head is too long");
    return false;
  }
  if (end == std::string::npos) return false;
  auto head = read_part_head(std::string_view(held_).substr(2, end));
  if (!head.ok()) {
    status = head.error();
    return false;
  }
  held_.erase(0, end + 4);
  at_ = At::kBytes;
  status = sink_.begin_part(*head);
  return true;
}

// All but what may be the beginning of a delimiter goes on at once.
bool MultipartReader::take_bytes(Status& status) {
  const size_t found = held_.find(delimiter_);
  const bool is_last = found != std::string::npos;
  const size_t count = is_last ? found : held_.size() - std::min(held_.size(), delimiter_.size() - 1);
  if (count > 0) status = sink_.take_bytes(std::string_view(held_).substr(0, count));
  if (is_last && status.ok()) status = sink_.end_part();
  held_.erase(0, is_last ? found + delimiter_.size() : count);
  if (is_last) at_ = At::kDelimiter;
  return is_last;
}

}  // namespace studio::http
