#include "engine/templates/operators.h"

#include <algorithm>
#include <cmath>

#include "engine/templates/format.h"
#include "engine/templates/methods.h"
#include "engine/templates/print.h"
#include "engine/templates/unicode.h"

namespace studio::engine::jinja {
namespace {

constexpr Int kMinInt = -(Int{1} << 63);
constexpr Int kMaxInt = (Int{1} << 64) - 1;

Value checked(Int value, bool overflowed = false) {
  if (overflowed || value < kMinInt || value > kMaxInt) fail("integer over 64 bits");
  return Value(value);
}

[[noreturn]] void fail_operands(std::string_view op, const Value& a, const Value& b) {
  if (a.is(Kind::kUndefined)) fail_undefined(a);
  if (b.is(Kind::kUndefined)) fail_undefined(b);
  fail("unsupported operand types for " + std::string(op) + ": '" + std::string(type_name(a)) + "' and '" +
       std::string(type_name(b)) + "'");
}

// As exact as Python's comparison of int and float: long double holds 64-bit integers and doubles alike.
long double exact_number(const Value& value) {
  return value.is(Kind::kFloat) ? static_cast<long double>(value.as_float())
                                : static_cast<long double>(value.as_integer());
}
static_assert(std::numeric_limits<long double>::digits >= 64);

bool equal_lists(Budget& budget, const List& a, const List& b) {
  if (&a == &b) return true;
  if (a.type != b.type || !a.is_indexed() || a.items.size() != b.items.size()) return false;
  for (size_t i = 0; i < a.items.size(); ++i) {
    if (!equal(budget, a.items[i], b.items[i])) return false;
  }
  return true;
}

bool equal_dicts(Budget& budget, const Dict& a, const Dict& b) {
  if (a.entries.size() != b.entries.size()) return false;
  for (const auto& [key, value] : a.entries) {
    const Value* other = b.find(key);
    if (!other || !equal(budget, value, *other)) return false;
  }
  return true;
}

Int floor_div(Int a, Int b) {
  if (b == 0) fail("division by zero");
  Int quotient = a / b;
  return quotient - ((a % b != 0) && ((a < 0) != (b < 0)) ? 1 : 0);
}

// Python's float_divmod: the remainder has the sign of the divisor.
std::pair<double, double> float_divmod(double a, double b) {
  if (b == 0) fail("division by zero");
  double mod = std::fmod(a, b), div = (a - mod) / b;
  if (mod != 0) {
    if ((b < 0) != (mod < 0)) mod += b, div -= 1;
  } else {
    mod = std::copysign(0.0, b);
  }
  double floored = div != 0 ? std::floor(div) : std::copysign(0.0, a / b);
  if (div != 0 && div - floored > 0.5) floored += 1;
  return {floored, mod};
}

Value power(Int base, Int exponent) {
  auto multiply = [](Int a, Int b) {
    Int product = 0;
    bool overflowed = __builtin_mul_overflow(a, b, &product);
    return checked(product, overflowed).as_integer();
  };
  Int result = 1;
  for (;;) {
    if (exponent & 1) result = multiply(result, base);
    exponent >>= 1;
    if (exponent == 0) return result;
    base = multiply(base, base);
  }
}

Value binary_integers(BinaryOp op, Int a, Int b) {
  switch (op) {
    case BinaryOp::kAdd:
      return checked(a + b);
    case BinaryOp::kSub:
      return checked(a - b);
    case BinaryOp::kMul: {
      Int result = 0;
      bool overflowed = __builtin_mul_overflow(a, b, &result);
      return checked(result, overflowed);
    }
    case BinaryOp::kDiv:
      if (b == 0) fail("division by zero");
      return static_cast<double>(static_cast<long double>(a) / static_cast<long double>(b));
    case BinaryOp::kFloorDiv:
      return checked(floor_div(a, b));
    case BinaryOp::kMod:
      return checked(a - floor_div(a, b) * b);
    case BinaryOp::kPow:
      if (b < 0) fail_unimplemented("negative exponents");
      return power(a, b);
  }
  return None{};
}

Value binary_floats(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kAdd:
      return a + b;
    case BinaryOp::kSub:
      return a - b;
    case BinaryOp::kMul:
      return a * b;
    case BinaryOp::kDiv:
      if (b == 0) fail("division by zero");
      return a / b;
    case BinaryOp::kFloorDiv:
      return float_divmod(a, b).first;
    case BinaryOp::kMod:
      return float_divmod(a, b).second;
    case BinaryOp::kPow:
      fail_unimplemented("powers of floats");
  }
  return 0.0;
}

Value add_strings(Budget& budget, const String& a, const String& b) {
  Text left = b.is_safe && !a.is_safe ? escape_html(budget, a.text) : a.text;
  Text right = a.is_safe && !b.is_safe ? escape_html(budget, b.text) : b.text;
  budget.make_string(left.size() + right.size());
  TextBuilder builder;
  builder.append(left);
  builder.append(right);
  return String{builder.take(), a.is_safe || b.is_safe};
}

Value add_lists(Budget& budget, const List& a, const List& b) {
  budget.make_items(a.items.size() + b.items.size());
  std::vector<Value> items = a.items;
  items.insert(items.end(), b.items.begin(), b.items.end());
  return make_list(budget, std::move(items), a.type, a.is_cut_from_data || b.is_cut_from_data);
}

// str * int, list * int
Value repeat(Budget& budget, const Value& value, Int times) {
  size_t size = value.is(Kind::kString) ? value.text().size() : value.as_list()->items.size();
  if (times < 0 || size == 0) times = 0;
  size_t count = times > (1 << 30) ? size_t{1} << 30 : static_cast<size_t>(times);
  if (value.is(Kind::kString)) {
    budget.make_string(size * count);
    budget.step(count);
    TextBuilder builder;
    for (size_t i = 0; i < count; ++i) builder.append(value.text());
    return String{builder.take(), value.as_string().is_safe};
  }
  budget.make_items(size * count);
  std::vector<Value> items;
  const List& list = *value.as_list();
  for (size_t i = 0; i < count; ++i) items.insert(items.end(), list.items.begin(), list.items.end());
  return make_list(budget, std::move(items), list.type, list.is_cut_from_data);
}

bool is_sequence(const Value& value) {
  return value.is(Kind::kString) || value.is_list() || value.is_tuple();
}

// Python's slice.indices: where to begin and how many to take.
struct Range {
  Int begin, step;
  size_t count;
};
Range resolve_slice(const Slice& slice, size_t length) {
  auto size = static_cast<Int>(length);
  Int step = slice.step.value_or(1);
  if (step == 0) fail("slice step cannot be zero");
  Int lowest = step > 0 ? 0 : -1, highest = step > 0 ? size : size - 1;
  auto clamp = [&](std::optional<Int> bound, Int otherwise) {
    if (!bound) return otherwise;
    return std::clamp(*bound < 0 ? *bound + size : *bound, lowest, highest);
  };
  Int begin = clamp(slice.start, step > 0 ? 0 : size - 1);
  Int end = clamp(slice.stop, step > 0 ? size : -1);
  Int distance = step > 0 ? end - begin : begin - end, stride = step > 0 ? step : -step;
  return {begin, step, distance <= 0 ? 0 : static_cast<size_t>((distance + stride - 1) / stride)};
}

Value slice_text(Budget& budget, const String& string, const Slice& slice) {
  const Text& text = string.text;
  std::string_view all = text.view();
  budget.scan(all.size());
  Range range = resolve_slice(slice, count_chars(all));
  if (range.step == 1) {
    size_t begin = char_offset(all, static_cast<size_t>(range.begin));
    size_t size = char_offset(all.substr(begin), range.count);
    return String{text.slice(begin, size), string.is_safe};
  }
  std::vector<size_t> offsets;
  for (size_t i = 0; i < all.size(); ++i) {
    if ((all[i] & 0xC0) != 0x80) offsets.push_back(i);
  }
  offsets.push_back(all.size());
  budget.step(range.count);
  TextBuilder builder;
  for (size_t i = 0; i < range.count; ++i) {
    auto at = static_cast<size_t>(range.begin + static_cast<Int>(i) * range.step);
    builder.append(text.slice(offsets[at], offsets[at + 1] - offsets[at]));
  }
  return String{builder.take(), string.is_safe};
}

std::optional<size_t> resolve_index(Int index, size_t length) {
  auto size = static_cast<Int>(length);
  if (index < 0) index += size;
  if (index < 0 || index >= size) return std::nullopt;
  return static_cast<size_t>(index);
}

// value[key] by position or key; nothing where Python raises LookupError or TypeError.
std::optional<Value> look_up(Budget& budget, const Value& value, const Value& key) {
  if (value.is(Kind::kDict)) {
    budget.step();
    const Value* found = value.as_dict()->find(key);
    return found ? std::optional(*found) : std::nullopt;
  }
  if (!key.is_integer()) return std::nullopt;
  if (value.is(Kind::kList) && value.as_list()->is_indexed()) {
    auto index = resolve_index(key.as_integer(), value.as_list()->items.size());
    return index ? std::optional(value.as_list()->items[*index]) : std::nullopt;
  }
  if (value.is(Kind::kString)) {
    std::string_view all = value.view();
    budget.scan(all.size());
    auto index = resolve_index(key.as_integer(), count_chars(all));
    if (!index) return std::nullopt;
    size_t begin = char_offset(all, *index);
    size_t size = char_offset(all.substr(begin), 1);
    return Value(String{value.text().slice(begin, size), value.as_string().is_safe});
  }
  return std::nullopt;
}

}  // namespace

void fail_undefined(const Value& value) {
  const auto& why = value.as_undefined().why;
  fail(why ? *why : "the value is undefined");
}

bool truthy(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
      return value.as_bool();
    case Kind::kInt:
      return value.as_integer() != 0;
    case Kind::kFloat:
      return value.as_float() != 0;
    case Kind::kString:
      return !value.text().empty();
    case Kind::kList:
      return !value.as_list()->is_sized() || !value.as_list()->items.empty();
    case Kind::kDict:
      return !value.as_dict()->entries.empty();
    default:
      return true;
  }
}

bool equal(Budget& budget, const Value& a, const Value& b) {
  budget.step();
  if (a.is_number() && b.is_number()) return exact_number(a) == exact_number(b);
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return true;
    case Kind::kString:
      if (a.text().size() != b.text().size()) return false;
      budget.read(a.text().size());
      return a.text() == b.text();
    case Kind::kList:
      return equal_lists(budget, *a.as_list(), *b.as_list());
    case Kind::kDict:
      return equal_dicts(budget, *a.as_dict(), *b.as_dict());
    case Kind::kNamespace:
      return a.as_namespace() == b.as_namespace();
    case Kind::kLoop:
      return a.as_loop() == b.as_loop();
    case Kind::kMacro:
      return a.as_macro() == b.as_macro();
    case Kind::kBuiltin:
      return a.as_builtin() == b.as_builtin();
    default:
      return false;
  }
}

bool less(Budget& budget, const Value& a, const Value& b) {
  budget.step();
  if (a.is_number() && b.is_number()) return exact_number(a) < exact_number(b);
  if (a.is(Kind::kString) && b.is(Kind::kString)) {
    budget.read(std::min(a.text().size(), b.text().size()));
    return a.view() < b.view();  // the order of UTF-8 is that of code points
  }
  bool are_lists = (a.is_list() && b.is_list()) || (a.is_tuple() && b.is_tuple());
  if (!are_lists) fail_operands("<", a, b);
  const auto &left = a.as_list()->items, &right = b.as_list()->items;
  for (size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    if (!equal(budget, left[i], right[i])) return less(budget, left[i], right[i]);
  }
  return left.size() < right.size();
}

bool contains(Budget& budget, const Value& container, const Value& item) {
  if (container.is(Kind::kDict)) {
    bool is_row = item.is_tuple() || (item.is(Kind::kList) && item.as_list()->type == List::Type::kRange);
    if (is_row) return false;  // could be a key in Python, but is none of ours
    if (!is_key(item)) fail("unhashable type: '" + std::string(type_name(item)) + "'");
    budget.step();
    return container.as_dict()->find(item) != nullptr;
  }
  if (container.is(Kind::kString)) {
    if (!item.is(Kind::kString)) {
      fail("'in <string>' requires string as left operand, not " + std::string(type_name(item)));
    }
    budget.read(container.text().size());
    return container.view().find(item.view()) != std::string_view::npos;
  }
  if (container.is(Kind::kUndefined)) return false;
  if (!container.is(Kind::kList)) fail("argument of type '" + std::string(type_name(container)) + "' is not iterable");
  List& list = *container.as_list();
  for (size_t i = list.next; i < list.items.size(); ++i) {
    if (!list.is_sized()) list.next = i + 1;
    if (equal(budget, list.items[i], item)) return true;
  }
  return false;
}

bool compare(Budget& budget, CompareOp op, const Value& a, const Value& b) {
  bool has_nan = (a.is(Kind::kFloat) && std::isnan(a.as_float())) || (b.is(Kind::kFloat) && std::isnan(b.as_float()));
  switch (op) {
    case CompareOp::kEq:
      return equal(budget, a, b);
    case CompareOp::kNe:
      return !equal(budget, a, b);
    case CompareOp::kLt:
      return less(budget, a, b);
    case CompareOp::kGt:
      return less(budget, b, a);
    case CompareOp::kLe:
      return !less(budget, b, a) && !has_nan;
    case CompareOp::kGe:
      return !less(budget, a, b) && !has_nan;
    case CompareOp::kIn:
      return contains(budget, b, a);
    case CompareOp::kNotIn:
      return !contains(budget, b, a);
  }
  return false;
}

Value binary(Budget& budget, BinaryOp op, const Value& a, const Value& b) {
  static constexpr std::string_view kSigns[] = {"+", "-", "*", "/", "//", "%", "**"};
  budget.step();
  if (a.is_integer() && b.is_integer()) return binary_integers(op, a.as_integer(), b.as_integer());
  if (a.is_number() && b.is_number()) return binary_floats(op, a.as_float(), b.as_float());
  if (op == BinaryOp::kAdd) {
    if (a.is(Kind::kString) && b.is(Kind::kString)) return add_strings(budget, a.as_string(), b.as_string());
    if ((a.is_list() && b.is_list()) || (a.is_tuple() && b.is_tuple())) {
      return add_lists(budget, *a.as_list(), *b.as_list());
    }
  }
  if (op == BinaryOp::kMul) {
    if (is_sequence(a) && b.is_integer()) return repeat(budget, a, b.as_integer());
    if (is_sequence(b) && a.is_integer()) return repeat(budget, b, a.as_integer());
  }
  if (op == BinaryOp::kMod && a.is(Kind::kString)) return format_percent(budget, a.text(), b);
  fail_operands(kSigns[static_cast<size_t>(op)], a, b);
}

Value negative(const Value& value) {
  if (value.is_integer()) return checked(-value.as_integer());
  if (value.is(Kind::kFloat)) return -value.as_float();
  fail_operands("unary -", value, value);
}

Value positive(const Value& value) {
  if (value.is_integer()) return value.as_integer();
  if (value.is(Kind::kFloat)) return value;
  fail_operands("unary +", value, value);
}

Value concatenate(Budget& budget, std::span<const Value> parts) {
  TextBuilder builder;
  for (const Value& part : parts) {
    Text text = to_text(budget, part);
    budget.grow_string(builder.size(), text.size());
    builder.append(text);
  }
  return builder.take();
}

size_t length(const Value& value) {
  if (value.is(Kind::kUndefined)) return 0;
  if (value.is(Kind::kString)) return count_chars(value.view());
  if (value.is(Kind::kList) && value.as_list()->is_sized()) return value.as_list()->items.size();
  if (value.is(Kind::kDict)) return value.as_dict()->entries.size();
  fail("object of type '" + std::string(type_name(value)) + "' has no len()");
}

std::vector<Value> iterate(Budget& budget, const Value& value) {
  std::vector<Value> items;
  if (value.is(Kind::kList)) {
    List& list = *value.as_list();
    budget.make_items(list.items.size() - list.next);
    items.assign(list.items.begin() + static_cast<ptrdiff_t>(list.next), list.items.end());
    if (!list.is_sized()) list.next = list.items.size();
  } else if (value.is(Kind::kDict)) {
    budget.make_items(value.as_dict()->entries.size());
    for (const auto& [key, item] : value.as_dict()->entries) items.push_back(key);
  } else if (value.is(Kind::kString)) {
    std::string_view all = value.view();
    budget.make_items(count_chars(all));
    for (size_t i = 0; i < all.size();) {
      size_t begin = i;
      next_char(all, i);
      items.emplace_back(value.text().slice(begin, i - begin));
    }
  } else if (!value.is(Kind::kUndefined)) {
    fail("'" + std::string(type_name(value)) + "' object is not iterable");
  }
  return items;
}

bool is_cut_from_data(const Value& value) {
  if (value.is(Kind::kList)) return value.as_list()->is_cut_from_data;
  return value.is(Kind::kString) && !value.text().is_template();
}

Value get_item(Budget& budget, const Value& value, const Value& key) {
  if (value.is(Kind::kUndefined)) fail_undefined(value);
  if (auto found = look_up(budget, value, key)) return *std::move(found);
  if (key.is(Kind::kString)) {
    if (auto method = find_method(value, key.view())) return *std::move(method);
    return Value::undefined("'" + std::string(type_name(value)) + " object' has no attribute '" +
                            std::string(key.view().substr(0, 64)) + "'");
  }
  return Value::undefined(std::string(type_name(value)) + " object has no such element");
}

Value get_slice(Budget& budget, const Value& value, const Slice& slice) {
  if (value.is(Kind::kUndefined)) fail_undefined(value);
  if (value.is(Kind::kString)) return slice_text(budget, value.as_string(), slice);
  if (!value.is(Kind::kList) || !value.as_list()->is_indexed()) {
    fail("'" + std::string(type_name(value)) + "' object cannot be sliced");
  }
  const List& list = *value.as_list();
  Range range = resolve_slice(slice, list.items.size());
  budget.make_items(range.count);
  std::vector<Value> items;
  items.reserve(range.count);
  for (size_t i = 0; i < range.count; ++i) {
    items.push_back(list.items[static_cast<size_t>(range.begin + static_cast<Int>(i) * range.step)]);
  }
  return make_list(budget, std::move(items), list.type, list.is_cut_from_data);
}

Text escape_html(Budget& budget, const Text& text) {
  static constexpr std::string_view kSigns = "&<>'\"";
  static constexpr std::string_view kEscapes[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
  TextBuilder builder;
  budget.scan(text.size());
  text.for_each_run([&](std::string_view run, Origin origin) {
    for (size_t i = 0; i < run.size(); ++i) {
      size_t end = std::min(run.find_first_of(kSigns, i), run.size());
      builder.append(run.substr(i, end - i), origin);
      if (end < run.size()) builder.append(kEscapes[kSigns.find(run[end])], origin);
      i = end;
    }
  });
  budget.make_string(builder.size());
  return builder.take();
}

}  // namespace studio::engine::jinja
