#include "engine/templates/print.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/templates/merge_sort.h"
#include "engine/templates/operators.h"
#include "engine/templates/unicode.h"

namespace studio::engine::jinja {
namespace {

constexpr char kHex[] = "0123456789abcdef";

void append_hex(std::string& out, uint32_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += kHex[value >> shift & 15];
}

void append_string_repr(std::string& out, std::string_view text) {
  bool double_quotes = text.find('\'') != text.npos && text.find('"') == text.npos;
  char32_t quote = double_quotes ? '"' : '\'';
  out += static_cast<char>(quote);
  for (size_t i = 0; i < text.size();) {
    char32_t c = next_char(text, i);
    if (c == quote || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (is_printable(c)) {
      append_utf8(out, c);
    } else {
      int digits = c < 0x100 ? 2 : c < 0x10000 ? 4 : 8;
      out += digits == 2 ? "\\x" : digits == 4 ? "\\u" : "\\U";
      append_hex(out, c, digits);
    }
  }
  out += static_cast<char>(quote);
}

// repr() into one buffer; the recursion is as deep as the value.
class ReprWriter {
 public:
  explicit ReprWriter(Budget& budget) : budget_(budget) {}

  void write(const Value& value) {
    budget_.step();
    switch (value.kind()) {
      case Kind::kUndefined:
        out_ += "Undefined";
        return;
      case Kind::kNone:
        out_ += "None";
        return;
      case Kind::kBool:
        out_ += value.as_bool() ? "True" : "False";
        return;
      case Kind::kInt:
        out_ += integer_to_string(value.as_integer());
        return;
      case Kind::kFloat:
        out_ += float_to_string(value.as_float());
        return;
      case Kind::kString:
        budget_.grow_string(out_.size(), value.text().size());
        budget_.map(value.text().size());
        if (value.as_string().is_safe) out_ += "Markup(";
        append_string_repr(out_, value.view());
        if (value.as_string().is_safe) out_ += ')';
        return;
      case Kind::kList:
        return write_list(*value.as_list());
      case Kind::kDict:
        return write_dict(*value.as_dict());
      default:
        fail_unimplemented("a " + std::string(type_name(value)) + " cannot be printed");
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void write_list(const List& list) {
    if (list.type == List::Type::kRange || list.type == List::Type::kIterator) {
      fail_unimplemented("a range or iterator cannot be printed; make it a list first");
    }
    bool is_view = list.type >= List::Type::kDictKeys;
    bool is_tuple = list.type == List::Type::kTuple;
    if (list.type == List::Type::kDictKeys) out_ += "dict_keys(";
    if (list.type == List::Type::kDictValues) out_ += "dict_values(";
    if (list.type == List::Type::kDictItems) out_ += "dict_items(";
    out_ += is_tuple ? '(' : '[';
    for (size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) out_ += ", ";
      write(list.items[i]);
    }
    if (is_tuple && list.items.size() == 1) out_ += ',';
    out_ += is_tuple ? ')' : ']';
    if (is_view) out_ += ')';
  }

  void write_dict(const Dict& dict) {
    out_ += '{';
    for (size_t i = 0; i < dict.entries.size(); ++i) {
      if (i > 0) out_ += ", ";
      write(dict.entries[i].first);
      out_ += ": ";
      write(dict.entries[i].second);
    }
    out_ += '}';
  }

  Budget& budget_;
  std::string out_;
};

class JsonWriter {
 public:
  JsonWriter(Budget& budget, const JsonStyle& style) : budget_(budget), style_(style) {}

  void write(const Value& value, size_t level) {
    budget_.step();
    switch (value.kind()) {
      case Kind::kNone:
      case Kind::kBool:
      case Kind::kInt:
      case Kind::kFloat:
        out_ += scalar(value);
        return;
      case Kind::kString:
        return write_string(value.view());
      case Kind::kList:
        if (!value.is_list() && !value.is_tuple()) break;
        return write_list(*value.as_list(), level);
      case Kind::kDict:
        return write_dict(*value.as_dict(), level);
      default:
        break;
    }
    fail("object of type " + std::string(type_name(value)) + " is not JSON serializable");
  }

  std::string take() { return std::move(out_); }

 private:
  static std::string scalar(const Value& value) {
    switch (value.kind()) {
      case Kind::kNone:
        return "null";
      case Kind::kBool:
        return value.as_bool() ? "true" : "false";
      case Kind::kInt:
        return integer_to_string(value.as_integer());
      default:
        break;
    }
    double number = value.as_float();
    if (std::isnan(number)) return "NaN";
    return std::isinf(number) ? (number > 0 ? "Infinity" : "-Infinity") : float_to_string(number);
  }

  void break_line(size_t level) {
    if (!style_.indent) return;
    budget_.grow_string(out_.size(), level * style_.indent->size());
    out_ += '\n';
    for (size_t i = 0; i < level; ++i) out_ += *style_.indent;
  }

  void write_list(const List& list, size_t level) {
    out_ += '[';
    for (size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) out_ += style_.between_items;
      break_line(level + 1);
      write(list.items[i], level + 1);
    }
    if (!list.items.empty()) break_line(level);
    out_ += ']';
  }

  void write_dict(const Dict& dict, size_t level) {
    std::vector<const std::pair<Value, Value>*> order;
    for (const auto& entry : dict.entries) order.push_back(&entry);
    if (style_.sort_keys) {
      merge_sort(order, [&](auto* a, auto* b) { return less(budget_, a->first, b->first); });
    }
    out_ += '{';
    bool is_first = true;
    for (const auto* entry : order) {
      if (!is_first) out_ += style_.between_items;
      is_first = false;
      break_line(level + 1);
      const Value& key = entry->first;
      if (key.is(Kind::kUndefined)) fail("keys must be str, int, float, bool or None, not Undefined");
      if (key.is(Kind::kString)) {
        write_string(key.view());
      } else {
        out_ += '"' + scalar(key) + '"';
      }
      out_ += style_.after_key;
      write(entry->second, level + 1);
    }
    if (!dict.entries.empty()) break_line(level);
    out_ += '}';
  }

  void write_string(std::string_view text) {
    budget_.grow_string(out_.size(), text.size());
    budget_.scan(text.size());
    out_ += '"';
    size_t copied = 0;
    for (size_t i = 0; i < text.size();) {
      size_t begin = i;
      auto byte = static_cast<unsigned char>(text[i]);
      if (byte >= 0x20 && byte != '"' && byte != '\\' && (byte < 0x7F || !style_.ascii_only)) {
        ++i;
        continue;
      }
      char32_t c = next_char(text, i);
      out_ += text.substr(copied, begin - copied);
      copied = i;
      write_escape(c);
    }
    out_ += text.substr(copied);
    out_ += '"';
  }

  void write_escape(char32_t c) {
    static constexpr std::string_view kShort = "\"\"\\\\\nn\rr\tt\bb\ff";  // pairs: sign, its letter
    out_ += '\\';
    for (size_t i = 0; i < kShort.size(); i += 2) {
      if (c == static_cast<unsigned char>(kShort[i])) {
        out_ += kShort[i + 1];
        return;
      }
    }
    if (c >= 0x10000) {  // as a pair of UTF-16 units
      out_ += 'u';
      append_hex(out_, 0xD800 + ((c - 0x10000) >> 10), 4);
      out_ += '\\';
      c = 0xDC00 + ((c - 0x10000) & 0x3FF);
    }
    out_ += 'u';
    append_hex(out_, c, 4);
  }

  Budget& budget_;
  const JsonStyle& style_;
  std::string out_;
};

}  // namespace

std::string integer_to_string(Int value) {
  if (value < 0) return "-" + integer_to_string(-value);  // -2^63 has room in 128 bits
  return std::to_string(static_cast<uint64_t>(value));
}

std::string float_to_string(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[40];
  // d.ddde±xx; Python writes it out where the exponent is in [-4, 16).
  auto scientific = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  std::string text(buffer, scientific.ptr);
  int exponent = std::atoi(text.c_str() + text.find('e') + 1);
  if (exponent < -4 || exponent >= 16) return text;
  auto fixed = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  text.assign(buffer, fixed.ptr);
  return text.find('.') == text.npos ? text + ".0" : text;
}

Text to_text(Budget& budget, const Value& value) {
  if (value.is(Kind::kString)) return value.text();
  if (value.is(Kind::kUndefined)) return Text();
  return Text(to_repr(budget, value), Origin::kData);
}

std::string to_repr(Budget& budget, const Value& value) {
  ReprWriter writer(budget);
  writer.write(value);
  return writer.take();
}

std::string to_json_text(Budget& budget, const Value& value, const JsonStyle& style) {
  JsonWriter writer(budget, style);
  writer.write(value, 0);
  return writer.take();
}

}  // namespace studio::engine::jinja
