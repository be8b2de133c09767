#include "engine/templates/filters.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "engine/templates/format.h"
#include "engine/templates/print.h"
#include "engine/templates/strings.h"
#include "engine/templates/unicode.h"

namespace studio::engine::jinja {
namespace {

// str(value), HTML-safe if the value was.
String soft_text(const FilterCall& call) {
  if (call.value.is(Kind::kString)) return call.value.as_string();
  return {to_text(call.budget, call.value), false};
}

template <Text (*map)(const Text&)>
Value map_case(const FilterCall& call) {
  call.take_nothing();
  String string = soft_text(call);
  call.budget.map(string.text.size());
  return String{map(string.text), string.is_safe};
}

// Not str.title: a word begins after spaces and - ( { [ < only.
Value title(const FilterCall& call) {
  call.take_nothing();
  String string = soft_text(call);
  std::string_view all = string.text.view();
  call.budget.map(all.size());
  auto is_separator = [](char32_t c) {
    return is_space(c) || std::u32string_view(U"-({[<").find(c) != std::u32string_view::npos;
  };
  TextBuilder builder;
  for (size_t begin = 0; begin < all.size();) {
    size_t first_end = begin;
    bool separators = is_separator(next_char(all, first_end));
    size_t end = first_end;
    for (size_t next = end; end < all.size() && is_separator(next_char(all, next)) == separators; end = next) {
    }
    builder.append(to_upper(string.text.slice(begin, first_end - begin)));
    builder.append(to_lower(string.text.slice(first_end, end - first_end)));
    begin = end;
  }
  return String{builder.take(), string.is_safe};
}

Value trim(const FilterCall& call) {
  auto bound = call.bind<1>({"chars"});
  String string = soft_text(call);
  std::optional<std::string_view> chars;
  if (bound.has_not_none(0)) chars = bound.get_text(0).view();
  return String{strip(call.budget, string.text, chars, Ends::kBoth), string.is_safe};
}

Value replace_filter(const FilterCall& call) {
  auto bound = call.bind<3>({"old", "new", "count"}, 2);
  Int count = bound.has_not_none(2) ? bound.get_integer(2, -1) : -1;
  Text old = to_text(call.budget, bound.at(0));
  return replace(call.budget, to_text(call.budget, call.value), old.view(), to_text(call.budget, bound.at(1)), count);
}

Value indent(const FilterCall& call) {
  auto bound = call.bind<3>({"width", "first", "blank"});
  if (!call.value.is(Kind::kString)) fail("indent: expected a string, not " + std::string(type_name(call.value)));
  bool is_text = bound.has(0) && bound.at(0).is(Kind::kString);
  Int width = is_text ? 0 : std::clamp<Int>(bound.get_integer(0, 4), 0, 1 << 16);
  std::string indentation = is_text ? std::string(bound.at(0).view()) : std::string(static_cast<size_t>(width), ' ');
  bool first = bound.get_bool(1, false), blank = bound.get_bool(2, false);
  std::vector<Text> lines = split_lines(call.budget, call.value.text(), false);
  // As in Jinja, a line end is added before the text is split: a line end at the end leaves an empty last line.
  std::string_view all = call.value.view();
  if (all.empty() || (!lines.empty() && lines.back().view().data() + lines.back().size() != all.data() + all.size())) {
    lines.emplace_back();
  }
  TextBuilder builder;
  for (size_t i = 0; i < lines.size(); ++i) {
    call.budget.grow_string(builder.size(), indentation.size() + lines[i].size() + 1);
    if (i > 0) builder.append("\n", Origin::kData);
    if (i == 0 ? first : blank || !lines[i].empty()) builder.append(indentation, Origin::kData);
    builder.append(lines[i]);
  }
  return String{builder.take(), call.value.as_string().is_safe};
}

Value to_json_filter(const FilterCall& call) {
  auto bound = call.bind<4>({"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ascii_only = bound.get_bool(0, false);
  style.sort_keys = bound.get_bool(3, false);
  if (bound.has_not_none(1)) {
    const Value& indent = bound.at(1);
    style.between_items = ",";
    style.indent = indent.is(Kind::kString)
                       ? std::string(indent.view())
                       : std::string(static_cast<size_t>(std::clamp<Int>(bound.get_integer(1, 0), 0, 1 << 10)), ' ');
  }
  if (bound.has_not_none(2)) {
    std::vector<Value> separators = iterate(call.budget, bound.at(2));
    if (separators.size() != 2 || !separators[0].is(Kind::kString) || !separators[1].is(Kind::kString)) {
      fail("tojson: separators must be two strings");
    }
    style.between_items = separators[0].view();
    style.after_key = separators[1].view();
  }
  return make_data(to_json_text(call.budget, call.value, style));
}

Value default_filter(const FilterCall& call) {
  auto bound = call.bind<2>({"default_value", "boolean"});
  bool is_missing = call.value.is(Kind::kUndefined) || (bound.get_bool(1, false) && !truthy(call.value));
  return is_missing ? bound.get(0, Text()) : call.value;
}

Value string_filter(const FilterCall& call) {
  call.take_nothing();
  return soft_text(call);
}

Value format_filter(const FilterCall& call) {
  if (!call.arguments.positional.empty() && !call.arguments.keyword.empty()) {
    fail("format: positional and keyword arguments cannot be mixed");
  }
  Value values;
  if (call.arguments.keyword.empty()) {
    values = make_list(call.budget, call.arguments.positional, List::Type::kTuple);
  } else {
    std::vector<std::pair<Value, Value>> named;
    for (const auto& [name, value] : call.arguments.keyword) named.emplace_back(make_data(std::string(name)), value);
    values = make_dict(call.budget, std::move(named));
  }
  return format_percent(call.budget, soft_text(call).text, values);
}

Value safe(const FilterCall& call) {
  call.take_nothing();
  return String{to_text(call.budget, call.value), true};
}

Value escape(const FilterCall& call) {
  call.take_nothing();
  String string = soft_text(call);
  return String{string.is_safe ? string.text : escape_html(call.budget, string.text), true};
}

Value force_escape(const FilterCall& call) {
  call.take_nothing();
  return String{escape_html(call.budget, soft_text(call).text), true};
}

Value center(const FilterCall& call) {
  Int width = call.bind<1>({"width"}).get_integer(0, 80);
  return pad(call.budget, soft_text(call).text, width, '^');
}

// ---- numbers ----

// float(text) of Python; nothing where it raises ValueError.
std::optional<double> parse_float(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    auto is_digit_at = [&](size_t k) { return k < text.size() && text[k] >= '0' && text[k] <= '9'; };
    char c = text[i];
    if (c == '_' && i > 0 && is_digit_at(i - 1) && is_digit_at(i + 1)) continue;
    plain += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  }
  std::string_view unsigned_part = plain;
  if (unsigned_part.starts_with('+') || unsigned_part.starts_with('-')) unsigned_part.remove_prefix(1);
  bool is_named = unsigned_part == "inf" || unsigned_part == "infinity" || unsigned_part == "nan";
  if (!is_named && unsigned_part.find_first_not_of("0123456789.e+-") != unsigned_part.npos) return std::nullopt;
  if (unsigned_part.empty()) return std::nullopt;
  char* end = nullptr;
  double value = std::strtod(plain.c_str(), &end);
  if (end != plain.c_str() + plain.size()) return std::nullopt;
  return value;
}

std::optional<int> digit_value(char c, int base) {
  int digit = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'z' ? (c | 0x20) - 'a' + 10 : 99;
  return digit < base ? std::optional(digit) : std::nullopt;
}

// int(text, base) of Python; nothing where it raises ValueError.
std::optional<Int> parse_integer(std::string_view text, int base) {
  bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  char prefix = base == 16 ? 'x' : base == 8 ? 'o' : base == 2 ? 'b' : 0;
  bool has_prefix = prefix && text.size() > 1 && text[0] == '0' && (text[1] | 0x20) == prefix;
  if (has_prefix) text.remove_prefix(2);
  if (has_prefix && text.starts_with('_')) text.remove_prefix(1);
  Int value = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    bool is_joint = text[i] == '_' && i > 0 && i + 1 < text.size() && text[i - 1] != '_';
    if (is_joint) continue;
    auto digit = digit_value(text[i], base);
    if (!digit) return std::nullopt;
    value = value * base + *digit;
    if (value >> 64) fail("integer over 64 bits");
  }
  if (text.empty()) return std::nullopt;
  return is_negative ? -value : value;
}

// int(number) of Python: towards zero.
std::optional<Value> truncate(double number) {
  if (std::isnan(number)) return std::nullopt;
  if (!(number > -0x1p63 - 1 && number < 0x1p64)) fail("integer over 64 bits");
  return Value(static_cast<Int>(std::trunc(number)));
}

Value int_filter(const FilterCall& call) {
  auto bound = call.bind<2>({"default", "base"});
  Value otherwise = bound.get(0, Int{0});
  Int base = bound.get_integer(1, 10);
  if (base < 2 || base > 36) fail("int: the base must be 2 to 36");
  const Value& value = call.value;
  if (value.is(Kind::kUndefined)) fail_undefined(value);
  if (value.is_integer()) return value.as_integer();
  std::optional<double> number;
  if (value.is(Kind::kString)) {
    Text digits = strip(call.budget, value.text(), std::nullopt, Ends::kBoth);
    if (auto integer = parse_integer(digits.view(), static_cast<int>(base))) return *integer;
    number = parse_float(digits.view());
  } else if (value.is(Kind::kFloat)) {
    number = value.as_float();
  }
  std::optional<Value> result = number ? truncate(*number) : std::nullopt;
  return result ? *result : otherwise;
}

Value float_filter(const FilterCall& call) {
  auto bound = call.bind<1>({"default"});
  const Value& value = call.value;
  if (value.is(Kind::kUndefined)) fail_undefined(value);
  if (value.is_number()) return value.as_float();
  std::optional<double> number;
  if (value.is(Kind::kString)) {
    number = parse_float(strip(call.budget, value.text(), std::nullopt, Ends::kBoth).view());
  }
  return number ? Value(*number) : bound.get(0, 0.0);
}

Value abs_filter(const FilterCall& call) {
  call.take_nothing();
  if (call.value.is(Kind::kFloat)) return std::fabs(call.value.as_float());
  if (!call.value.is_integer()) return negative(call.value);  // fails, and says why
  return call.value.as_integer() < 0 ? negative(call.value) : positive(call.value);
}

// Half to even on the exact decimal value, as Python does: printf rounds so, strtod reads back exactly.
double round_half_even(double number, Int precision) {
  if (!std::isfinite(number) || precision > 340) return number;
  char buffer[700];
  std::snprintf(buffer, sizeof buffer, "%.*f", static_cast<int>(precision), number);
  return std::strtod(buffer, nullptr);
}

Value round_filter(const FilterCall& call) {
  auto bound = call.bind<2>({"precision", "method"});
  Int precision = bound.get_integer(0, 0);
  std::string method = bound.has(1) ? std::string(bound.get_text(1).view()) : "common";
  if (method != "common" && method != "ceil" && method != "floor") fail("round: method must be common, ceil or floor");
  if (!call.value.is_number()) return negative(call.value);  // fails, and says why
  if (precision < 0) fail_unimplemented("a negative precision of round");
  if (method == "common") {
    if (call.value.is_integer()) return call.value.as_integer();
    return round_half_even(call.value.as_float(), precision);
  }
  double scale = 1;
  for (Int i = 0; i < std::min<Int>(precision, 400); ++i) scale *= 10;
  double scaled = call.value.as_float() * scale;
  if (!std::isfinite(scaled)) fail("round: the number is infinite or not a number");
  double whole = (method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) + 0.0;  // an integer in Python: no -0
  return whole / scale;
}

constexpr FilterEntry kFilters[] = {
    {"abs", abs_filter},
    {"capitalize", map_case<to_capitalized>},
    {"center", center},
    {"d", default_filter},
    {"default", default_filter},
    {"e", escape},
    {"escape", escape},
    {"float", float_filter},
    {"forceescape", force_escape},
    {"format", format_filter},
    {"indent", indent},
    {"int", int_filter},
    {"lower", map_case<to_lower>},
    {"replace", replace_filter},
    {"round", round_filter},
    {"safe", safe},
    {"string", string_filter},
    {"title", title},
    {"tojson", to_json_filter},
    {"trim", trim},
    {"upper", map_case<to_upper>},
};

const FilterEntry* find_filter(std::string_view name) {
  for (std::span<const FilterEntry> table : {std::span<const FilterEntry>(kFilters), list_filters()}) {
    for (const FilterEntry& entry : table) {
      if (entry.name == name) return &entry;
    }
  }
  return nullptr;
}

}  // namespace

Value apply_filter(Budget& budget, std::string_view name, const Value& value, const Arguments& arguments) {
  auto level = budget.enter_filter();
  budget.step();
  const FilterEntry* entry = find_filter(name);
  if (!entry) fail_unimplemented("the filter '" + std::string(name.substr(0, 64)) + "'");
  return entry->function(FilterCall{budget, name, value, arguments});
}

bool has_filter(std::string_view name) {
  return find_filter(name) != nullptr;
}

}  // namespace studio::engine::jinja
