#include "base/json.h"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>
#include <charconv>
#include <cmath>
#include <vector>

namespace studio {
namespace {

namespace json = boost::json;

// Receives the parser's events and builds the value. It keeps the keys of the open objects to refuse duplicates, and
// the reason of a refusal, as the parser's own error codes have none for ours.
class Builder {
 public:
  static constexpr size_t max_object_size = json::object::max_size();
  static constexpr size_t max_array_size = json::array::max_size();
  static constexpr size_t max_key_size = json::string::max_size();
  static constexpr size_t max_string_size = json::string::max_size();

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }

  bool on_object_begin(json::error_code&) {
    first_key_.push_back(keys_.size());
    return true;
  }
  bool on_object_end(size_t n, json::error_code& error) {
    auto begin = keys_.begin() + static_cast<ptrdiff_t>(first_key_.back());
    std::sort(begin, keys_.end());
    if (std::adjacent_find(begin, keys_.end()) != keys_.end()) return refuse("duplicate key", error);
    keys_.resize(first_key_.back());
    first_key_.pop_back();
    stack_.push_object(n);
    return true;
  }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(size_t n, json::error_code&) {
    stack_.push_array(n);
    return true;
  }

  bool on_key_part(json::string_view part, size_t, json::error_code&) {
    key_ += part;
    stack_.push_chars(part);
    return true;
  }
  bool on_key(json::string_view part, size_t, json::error_code&) {
    key_ += part;
    keys_.push_back(std::move(key_));
    key_.clear();
    stack_.push_key(part);
    return true;
  }
  bool on_string_part(json::string_view part, size_t, json::error_code&) {
    stack_.push_chars(part);
    return true;
  }
  bool on_string(json::string_view part, size_t, json::error_code&) {
    stack_.push_string(part);
    return true;
  }

  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(int64_t value, json::string_view, json::error_code&) {
    stack_.push_int64(value);
    return true;
  }
  bool on_uint64(uint64_t value, json::string_view, json::error_code&) {
    stack_.push_uint64(value);
    return true;
  }
  // The library's double may be off in the last bit (Boost 1.81), hence read again from the text; a text without point
  // and exponent is an integer that did not fit.
  bool on_double(double, json::string_view text, json::error_code& error) {
    if (text.find_first_of(".eE") == json::string_view::npos) return refuse("integer over 64 bits", error);
    double value = 0;
    auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    // Too small is a zero of its sign; from_chars tells it from too large by the exponent's sign alone.
    if (code == std::errc::result_out_of_range) {
      if (!underflows(text)) return refuse("number over the range of a double", error);
      value = text.front() == '-' ? -0.0 : 0.0;
    } else if (code != std::errc() || end != text.data() + text.size()) {
      return refuse("malformed number", error);
    }
    stack_.push_double(value);
    return true;
  }
  bool on_bool(bool value, json::error_code&) {
    stack_.push_bool(value);
    return true;
  }
  bool on_null(json::error_code&) {
    stack_.push_null();
    return true;
  }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

  void reset() { stack_.reset(); }
  json::value release() { return stack_.release(); }
  const char* reason() const { return reason_; }

 private:
  bool refuse(const char* reason, json::error_code& error) {
    reason_ = reason;
    error = json::error::exception;  // any code that is not success stops the parser
    return false;
  }

  // Only for a text known to be out of range: its value is tiny if its first significant digit, shifted by the
  // exponent, lies right of the point.
  static bool underflows(json::string_view text) {
    size_t e = text.find_first_of("eE");
    return e != json::string_view::npos ? e + 1 < text.size() && text[e + 1] == '-'
                                        : text.find_first_of("123456789") > text.find('.');
  }

  json::value_stack stack_;
  std::string key_;
  std::vector<std::string> keys_;  // of every open object, the innermost last
  std::vector<size_t> first_key_;  // per open object: where its keys begin
  const char* reason_ = nullptr;
};

Error syntax_error(std::string_view reason, size_t offset) {
  return Error(Code::kInvalidArgument, "invalid JSON: " + std::string(reason) + " at byte " + std::to_string(offset));
}

void append_double(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char digits[32];  // the longest shortest form has 24 characters
  auto [end, code] = std::to_chars(digits, digits + sizeof digits, value);
  std::string_view text(digits, static_cast<size_t>(end - digits));
  out += text;
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

void append_integer(std::string& out, auto value) {
  char digits[24];
  auto [end, code] = std::to_chars(digits, digits + sizeof digits, value);
  out.append(digits, end);
}

void append_control(std::string& out, unsigned char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += "\\u00";
  out += kHex[c >> 4];
  out += kHex[c & 15];
}

}  // namespace

Result<json::value> parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes) {
    return Error(Code::kPayloadTooLarge, "the JSON text is over " + std::to_string(limits.bytes) + " bytes");
  }
  json::parse_options options;
  options.max_depth = limits.depth;
  try {
    json::basic_parser<Builder> parser(options);
    parser.handler().reset();
    json::error_code error;
    size_t read = parser.write_some(false, text.data(), text.size(), error);
    if (error == json::error::too_deep) {
      return syntax_error("nested more than " + std::to_string(limits.depth) + " deep", read);
    }
    if (error) {
      return syntax_error(parser.handler().reason() ? parser.handler().reason() : error.message(), read);
    }
    if (read < text.size()) return syntax_error("text after the value", read);
    return parser.handler().release();
  } catch (const std::exception& e) {  // the library's own limits, or no memory
    return Error(Code::kInvalidArgument, "invalid JSON").with_detail(e.what());
  }
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  size_t copied = 0;
  auto flush_to = [&](size_t end) { out.append(text, copied, end - copied); };
  for (size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<unsigned char>(text[i]);
    // U+2028 and U+2029 are E2 80 A8 and E2 80 A9.
    bool separator =
        c == 0xE2 && i + 2 < text.size() && text[i + 1] == '\x80' && (text[i + 2] == '\xA8' || text[i + 2] == '\xA9');
    if (c >= 0x20 && c != '"' && c != '\\' && !separator) continue;
    flush_to(i);
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case 0xE2:
        out += text[i + 2] == '\xA8' ? "\\u2028" : "\\u2029";
        i += 2;
        break;
      default:
        append_control(out, c);
    }
    copied = i + 1;
  }
  flush_to(text.size());
  out += '"';
}

// Recursion is bounded by the depth of the value: parse_json caps it, and our own code builds shallow ones.
void append_json(std::string& out, const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      out += "null";
      return;
    case json::kind::bool_:
      out += value.get_bool() ? "true" : "false";
      return;
    case json::kind::int64:
      append_integer(out, value.get_int64());
      return;
    case json::kind::uint64:
      append_integer(out, value.get_uint64());
      return;
    case json::kind::double_:
      append_double(out, value.get_double());
      return;
    case json::kind::string:
      append_json_string(out, value.get_string());
      return;
    case json::kind::array: {
      char before = '[';
      for (const json::value& item : value.get_array()) {
        out += before;
        append_json(out, item);
        before = ',';
      }
      if (before == '[') out += '[';
      out += ']';
      return;
    }
    case json::kind::object: {
      char before = '{';
      for (const auto& [key, item] : value.get_object()) {
        out += before;
        append_json_string(out, key);
        out += ':';
        append_json(out, item);
        before = ',';
      }
      if (before == '{') out += '{';
      out += '}';
      return;
    }
  }
}

std::string to_json(const json::value& value) {
  std::string out;
  append_json(out, value);
  return out;
}

}  // namespace studio
