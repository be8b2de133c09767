#include "engine/templates/format.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "engine/templates/arguments.h"
#include "engine/templates/methods.h"
#include "engine/templates/print.h"
#include "engine/templates/unicode.h"

namespace studio::engine::jinja {
namespace {

constexpr Int kMaxWidth = 1 << 16;  // of a field; nothing sensible is wider
constexpr Int kMaxPrecision = 128;  // digits after the point
constexpr size_t kMaxDouble = 320;  // characters of the longest double before the point

bool is_digit_byte(char c) {
  return c >= '0' && c <= '9';
}

// How one field is laid out, in both notations.
struct Field {
  char32_t fill = ' ';
  char align = 0;   // '<', '>', '^', '=' (fill after the sign); 0: by type
  char sign = '-';  // '+', ' ' or '-'
  bool is_alternate = false;
  char grouping = 0;  // ',' or '_'
  Int width = 0;
  std::optional<Int> precision;
  char type = 0;
};

// A number at text[i]; i moves past it.
Int read_number(std::string_view text, size_t& i, Int limit) {
  Int number = 0;
  for (; i < text.size() && is_digit_byte(text[i]); ++i) {
    number = number * 10 + (text[i] - '0');
    if (number > limit) fail("a width or precision in a format is too large");
  }
  return number;
}

void append_padded(Budget& budget, TextBuilder& out, const Text& text, const Field& field, char default_align) {
  size_t width = static_cast<size_t>(field.width), size = count_chars(text.view());
  budget.grow_string(out.size(), text.size() + width * 4);
  size_t padding = width > size ? width - size : 0;
  char align = field.align ? field.align : default_align;
  size_t before = align == '<' ? 0 : align == '^' ? padding / 2 : padding;
  std::string fill;
  append_utf8(fill, field.fill);
  size_t sign = align == '=' && !text.empty() && std::string_view("+- ").find(text.view()[0]) != std::string_view::npos;
  if (align == '=' && text.view().substr(sign, 1) == "0" && text.size() > sign + 1 &&
      std::string_view("xXob").find(text.view()[sign + 1]) != std::string_view::npos) {
    sign += 2;  // fill goes after 0x
  }
  out.append(text.slice(0, sign));
  for (size_t i = 0; i < before; ++i) out.append(fill, Origin::kData);
  out.append(text.slice(sign, text.size() - sign));
  for (size_t i = before; i < padding; ++i) out.append(fill, Origin::kData);
}

std::string sign_of(bool is_negative, char style) {
  return is_negative ? "-" : style == '-' ? "" : std::string(1, style);
}

std::string group_digits(std::string digits, char sign, size_t every) {
  if (!sign) return digits;
  for (size_t i = digits.size(); i > every; i -= every) digits.insert(i - every, 1, sign);
  return digits;
}

std::string format_integer(Int value, const Field& field) {
  int base = field.type == 'x' || field.type == 'X' ? 16 : field.type == 'o' ? 8 : field.type == 'b' ? 2 : 10;
  auto magnitude = static_cast<uint64_t>(value < 0 ? -value : value);
  std::string digits;
  do {
    digits += "0123456789abcdef"[magnitude % static_cast<uint64_t>(base)];
    magnitude /= static_cast<uint64_t>(base);
  } while (magnitude > 0);
  if (field.precision) digits.append(static_cast<size_t>(std::max<Int>(*field.precision - Int(digits.size()), 0)), '0');
  std::reverse(digits.begin(), digits.end());
  digits = group_digits(std::move(digits), field.grouping, base == 10 ? 3 : 4);
  std::string prefix = field.is_alternate && base != 10 ? std::string("0") + static_cast<char>(field.type | 0x20) : "";
  std::string text = prefix + digits;
  if (field.type == 'X') {
    for (char& c : text) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  }
  return sign_of(value < 0, field.sign) + text;
}

std::string format_float(double value, const Field& field) {
  bool is_negative = std::signbit(value) && !std::isnan(value);
  std::string sign = sign_of(is_negative, field.sign);
  bool is_upper = field.type == 'F' || field.type == 'E' || field.type == 'G';
  if (!std::isfinite(value))
    return sign + (std::isnan(value) ? (is_upper ? "NAN" : "nan") : (is_upper ? "INF" : "inf"));
  double magnitude = std::fabs(value);
  if (field.type == '%') magnitude *= 100;
  char conversion = field.type == '%' ? 'f' : field.type;
  char pattern[] = {'%', '.', '*', conversion, 0};
  if (field.is_alternate) fail_unimplemented("'#' in the format of a float");
  char buffer[kMaxDouble + static_cast<size_t>(kMaxPrecision)];
  int size = std::snprintf(buffer, sizeof buffer, pattern, static_cast<int>(field.precision.value_or(6)), magnitude);
  std::string text(buffer, static_cast<size_t>(size));
  size_t point = std::min(text.find_first_of(".eE"), text.size());
  text = group_digits(text.substr(0, point), field.grouping, 3) + text.substr(point);
  return sign + text + (field.type == '%' ? "%" : "");
}

// ---- "%s" % value ----

class PercentFormatter {
 public:
  PercentFormatter(Budget& budget, const Text& format, const Value& value)
      : budget_(budget), format_(format), all_(format.view()), value_(value) {}

  Text run() {
    budget_.scan(all_.size());
    size_t i = 0;
    while (i < all_.size()) {
      size_t percent = std::min(all_.find('%', i), all_.size());
      out_.append(format_.slice(i, percent - i));
      i = percent;
      if (i < all_.size()) convert(++i);
      budget_.grow_string(out_.size(), 0);
    }
    bool is_row = value_.is(Kind::kList) && value_.as_list()->is_indexed() && !value_.is_tuple();
    // Whatever has items counts as a mapping here, of which not all need be used.
    bool is_named = value_.is(Kind::kDict) || value_.is(Kind::kUndefined) || is_row;
    if (!is_named && used_ < count()) fail("not all arguments converted during string formatting");
    return out_.take();
  }

 private:
  size_t count() const { return value_.is_tuple() ? value_.as_list()->items.size() : 1; }

  const Value& next_value() {
    if (used_ >= count()) fail("not enough arguments for format string");
    const Value& value = value_.is_tuple() ? value_.as_list()->items[used_] : value_;
    ++used_;
    return value;
  }

  char at(size_t i) const {
    if (i >= all_.size()) fail("incomplete format");
    return all_[i];
  }

  Int number_or_star(size_t& i, Int limit) {
    if (at(i) != '*') return read_number(all_, i, limit);
    ++i;
    const Value& value = next_value();
    if (!value.is_integer()) fail("* wants int");
    if (value.as_integer() > limit || value.as_integer() < -limit)
      fail("a width or precision in a format is too large");
    return value.as_integer();
  }

  void convert(size_t& i) {
    const Value* named = nullptr;
    if (at(i) == '(') {
      size_t end = all_.find(')', i);
      if (end == all_.npos) fail("incomplete format key");
      if (!value_.is(Kind::kDict)) fail("format requires a mapping");
      named = value_.as_dict()->find(all_.substr(i + 1, end - i - 1));
      if (!named) fail("the format names a key that the mapping lacks");
      i = end + 1;
    }
    Field field;
    for (; std::string_view("-+ #0").find(at(i)) != std::string_view::npos; ++i) {
      char flag = all_[i];
      if (flag == '-') field.align = '<';
      if (flag == '+' || (flag == ' ' && field.sign != '+')) field.sign = flag;
      if (flag == '#') field.is_alternate = true;
      if (flag == '0') field.fill = '0';
    }
    field.width = number_or_star(i, kMaxWidth);
    if (field.width < 0) field.align = '<', field.width = -field.width;
    if (at(i) == '.') field.precision = std::max<Int>(number_or_star(++i, kMaxPrecision), 0);
    while (std::string_view("hlL").find(at(i)) != std::string_view::npos) ++i;
    field.type = at(i++);
    if (field.type == '%') {
      out_.append(format_.slice(i - 1, 1));
      return;
    }
    write(named ? *named : next_value(), field);
  }

  void write(const Value& value, Field field) {
    bool is_zero_filled = field.fill == '0' && field.align != '<';
    switch (field.type) {
      case 's':
      case 'r': {
        Text text = field.type == 's' ? to_text(budget_, value) : Text(to_repr(budget_, value), Origin::kData);
        if (field.precision) text = text.slice(0, char_offset(text.view(), static_cast<size_t>(*field.precision)));
        field.fill = ' ';
        return append_padded(budget_, out_, text, field, '>');
      }
      case 'd':
      case 'i':
      case 'u':
      case 'x':
      case 'X':
      case 'o': {
        Text digits(format_integer(integer(value, field.type), field), Origin::kData);
        if (!is_zero_filled) field.fill = ' ';
        return append_padded(budget_, out_, digits, field, is_zero_filled ? '=' : '>');
      }
      case 'f':
      case 'F':
      case 'e':
      case 'E':
      case 'g':
      case 'G': {
        if (!value.is_number()) fail_wanted("must be real number", value);
        Text digits(format_float(value.as_float(), field), Origin::kData);
        if (!is_zero_filled) field.fill = ' ';
        return append_padded(budget_, out_, digits, field, is_zero_filled ? '=' : '>');
      }
      default:
        fail_unimplemented(std::string("the conversion %") + field.type);
    }
  }

  static Int integer(const Value& value, char type) {
    if (value.is_integer()) return value.as_integer();
    bool takes_float = type == 'd' || type == 'i' || type == 'u';
    if (!takes_float || !value.is(Kind::kFloat)) fail_wanted("a number is required", value);
    double number = std::trunc(value.as_float());
    if (!(number >= -0x1p63 && number < 0x1p64)) fail("integer over 64 bits");
    return static_cast<Int>(number);
  }

  [[noreturn]] static void fail_wanted(const char* wanted, const Value& value) {
    if (value.is(Kind::kUndefined)) fail_undefined(value);
    fail(std::string("format: ") + wanted + ", not " + std::string(type_name(value)));
  }

  Budget& budget_;
  const Text& format_;
  std::string_view all_;
  const Value& value_;
  size_t used_ = 0;
  TextBuilder out_;
};

// ---- "{}".format(value) ----

class BraceFormatter {
 public:
  BraceFormatter(Budget& budget, const Text& format, const Arguments& arguments)
      : budget_(budget), format_(format), all_(format.view()), arguments_(arguments) {}

  Text run() {
    budget_.scan(all_.size());
    for (size_t i = 0; i < all_.size();) {
      size_t brace = std::min(all_.find_first_of("{}", i), all_.size());
      out_.append(format_.slice(i, brace - i));
      i = brace;
      if (i == all_.size()) break;
      bool is_doubled = i + 1 < all_.size() && all_[i + 1] == all_[i];
      if (is_doubled) {
        out_.append(format_.slice(i, 1));
        i += 2;
      } else if (all_[i] == '}') {
        fail("single '}' encountered in format string");
      } else {
        size_t end = all_.find_first_of("{}", i + 1);
        if (end == all_.npos) fail("expected '}' before end of string");
        if (all_[end] == '{') fail_unimplemented("fields inside a format specification");
        replace_field(all_.substr(i + 1, end - i - 1));
        i = end + 1;
      }
      budget_.grow_string(out_.size(), 0);
    }
    return out_.take();
  }

 private:
  // name[!conversion][:specification]
  void replace_field(std::string_view body) {
    size_t name_end = std::min(body.find_first_of(":!"), body.size());
    Value value = look_up(body.substr(0, name_end));
    size_t i = name_end;
    if (i < body.size() && body[i] == '!') {
      char conversion = i + 1 < body.size() ? body[i + 1] : '?';
      if (conversion != 's' && conversion != 'r') fail_unimplemented("this conversion in a format");
      value = conversion == 's' ? Value(to_text(budget_, value)) : make_data(to_repr(budget_, value));
      i += 2;
      if (i < body.size() && body[i] != ':') fail("expected ':' after conversion specifier");
    }
    std::string_view specification = i < body.size() ? body.substr(i + 1) : std::string_view();
    if (specification.empty()) {
      out_.append(to_text(budget_, value));
    } else {
      write(value, parse_field(specification));
    }
  }

  Value look_up(std::string_view name) {
    size_t end = std::min(name.find_first_of(".["), name.size());
    Value value = first(name.substr(0, end));
    for (size_t i = end; i < name.size();) {
      bool is_item = name[i] == '[';
      size_t stop = is_item ? name.find(']', i) : std::min(name.find_first_of(".[", i + 1), name.size());
      if (stop == name.npos) fail("missing ']' in format string");
      std::string_view part = name.substr(i + 1, stop - i - 1);
      if (part.empty()) fail("empty attribute in format string");
      size_t digits = 0;
      Int number = is_item ? read_number(part, digits, kMaxWidth) : 0;
      bool is_number = is_item && digits == part.size();
      value = get_item(budget_, value, is_number ? Value(number) : make_data(std::string(part)));
      i = is_item ? stop + 1 : stop;
    }
    return value;
  }

  const Value& first(std::string_view name) {
    size_t digits = 0;
    Int index = read_number(name, digits, kMaxWidth);
    if (digits == name.size()) {
      bool is_automatic = name.empty();
      if (numbering_ != 0 && (numbering_ == 'a') != is_automatic) {
        fail("cannot mix manual and automatic field numbering");
      }
      numbering_ = is_automatic ? 'a' : 'm';
      size_t i = is_automatic ? used_++ : static_cast<size_t>(index);
      if (i >= arguments_.positional.size()) fail("the format wants more arguments than it is given");
      return arguments_.positional[i];
    }
    for (const auto& [key, value] : arguments_.keyword) {
      if (key == name) return value;
    }
    fail("the format names an argument that is not given");
  }

  // [[fill]align][sign][#][0][width][,][.precision][type]
  static Field parse_field(std::string_view text) {
    constexpr std::string_view kAligns = "<>^=";
    auto is_align = [&](size_t i) { return i < text.size() && kAligns.find(text[i]) != kAligns.npos; };
    Field field;
    size_t i = 0;
    if (!text.empty()) {
      size_t after_fill = 0;
      char32_t fill = next_char(text, after_fill);
      if (is_align(after_fill)) field.fill = fill, i = after_fill;
    }
    if (is_align(i)) field.align = text[i++];
    auto take = [&](std::string_view any) {
      return i < text.size() && any.find(text[i]) != any.npos ? text[i++] : '\0';
    };
    if (char sign = take("+- ")) field.sign = sign;
    field.is_alternate = take("#") != 0;
    if (take("0")) {
      if (!field.align) field.fill = '0', field.align = '=';
    }
    field.width = read_number(text, i, kMaxWidth);
    field.grouping = take(",_");
    if (take(".")) {
      if (i >= text.size() || !is_digit_byte(text[i])) fail("format specifier missing precision");
      field.precision = read_number(text, i, kMaxPrecision);
    }
    if (i < text.size()) field.type = text[i++];
    if (i < text.size()) fail("invalid format specifier");
    return field;
  }

  void write(const Value& value, Field field) {
    constexpr std::string_view kIntegers = "dxXob", kFloats = "fFeEgG%";
    bool is_float_type = field.type && kFloats.find(field.type) != kFloats.npos;
    bool is_integer_type = field.type && kIntegers.find(field.type) != kIntegers.npos;
    if (value.is_integer() && field.type == 0) is_integer_type = true;
    if (is_integer_type && value.is_integer()) {
      if (field.precision) fail("precision not allowed in integer format specifier");
      return append_padded(budget_, out_, Text(format_integer(value.as_integer(), field), Origin::kData), field, '>');
    }
    if (is_float_type && value.is_number()) {
      return append_padded(budget_, out_, Text(format_float(value.as_float(), field), Origin::kData), field, '>');
    }
    bool is_plain =
        value.is(Kind::kString) ? field.type == 's' || field.type == 0 : value.is(Kind::kFloat) && field.type == 0;
    if (!is_plain) fail("unknown format code for object of type '" + std::string(type_name(value)) + "'");
    if (value.is(Kind::kFloat) && (field.precision || field.grouping || field.sign != '-')) {
      fail_unimplemented("this format of a float; name its type (f, e, g)");
    }
    Text text = to_text(budget_, value);
    if (value.is(Kind::kString)) {
      if (field.align == '=' && field.fill != '0') fail("'=' alignment not allowed in string format specifier");
      if (field.align == '=') field.align = '<';
      if (field.precision) text = text.slice(0, char_offset(text.view(), static_cast<size_t>(*field.precision)));
    }
    append_padded(budget_, out_, text, field, value.is_number() ? '>' : '<');
  }

  Budget& budget_;
  const Text& format_;
  std::string_view all_;
  const Arguments& arguments_;
  size_t used_ = 0;
  char numbering_ = 0;  // 'a'utomatic or 'm'anual, once known
  TextBuilder out_;
};

}  // namespace

Text format_percent(Budget& budget, const Text& format, const Value& value) {
  return PercentFormatter(budget, format, value).run();
}

Text format_braces(Budget& budget, const Text& format, const Arguments& arguments) {
  return BraceFormatter(budget, format, arguments).run();
}

}  // namespace studio::engine::jinja
