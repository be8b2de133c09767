#include "engine/templates/methods.h"

#include <algorithm>
#include <array>

#include "engine/templates/format.h"
#include "engine/templates/print.h"
#include "engine/templates/strings.h"
#include "engine/templates/unicode.h"

namespace studio::engine::jinja {
namespace {

// One call: what the methods below see.
struct Call {
  Budget& budget;
  const Value& self;
  const Arguments& arguments;

  const Text& text() const { return self.text(); }
  std::string_view view() const { return self.view(); }
  const List& list() const { return *self.as_list(); }
  const Dict& dict() const { return *self.as_dict(); }
  template <size_t N>
  Bound<N> bind(std::string_view name, const std::array<std::string_view, N>& names, size_t required = 0) const {
    return Bound<N>(name, arguments, names, required);
  }
  void take_nothing(std::string_view name) const {
    if (!arguments.positional.empty() || !arguments.keyword.empty()) fail(std::string(name) + "() takes no arguments");
  }
  // str methods keep HTML-safe strings safe.
  Value like_self(Text text) const { return String{std::move(text), self.as_string().is_safe}; }
};

using Function = Value (*)(const Call&);
struct Entry {
  std::string_view name;
  Function function;  // null: known to Python, not in the subset
};

Value texts_to_list(const Call& call, std::vector<Text> texts) {
  std::vector<Value> items;
  items.reserve(texts.size());
  for (Text& text : texts) items.push_back(call.like_self(std::move(text)));
  return make_list(call.budget, std::move(items), List::Type::kList, !call.text().is_template());
}

// ---- str ----

template <Ends ends>
Value str_strip(const Call& call) {
  auto bound = call.bind<1>("strip", {"chars"});
  std::optional<std::string_view> chars;
  if (bound.has_not_none(0)) chars = bound.get_text(0).view();
  return call.like_self(strip(call.budget, call.text(), chars, ends));
}

template <bool from_right>
Value str_split(const Call& call) {
  auto bound = call.bind<2>("split", {"sep", "maxsplit"});
  std::optional<std::string_view> separator;
  if (bound.has_not_none(0)) separator = bound.get_text(0).view();
  return texts_to_list(call, split(call.budget, call.text(), separator, bound.get_integer(1, -1), from_right));
}

Value str_splitlines(const Call& call) {
  auto bound = call.bind<1>("splitlines", {"keepends"});
  return texts_to_list(call, split_lines(call.budget, call.text(), bound.get_bool(0, false)));
}

template <bool from_right>
Value str_partition(const Call& call) {
  const Text& separator = call.bind<1>("partition", {"sep"}, 1).get_text(0);
  auto parts = split(call.budget, call.text(), separator.view(), 1, from_right);
  bool found = parts.size() == 2;
  Text before = found || !from_right ? parts.front() : Text(), after = found || from_right ? parts.back() : Text();
  // The separator as it stands in the text, not as the template spells it.
  Text middle = found ? call.text().slice(before.size(), separator.size()) : Text();
  return make_list(call.budget, {call.like_self(before), call.like_self(middle), call.like_self(after)},
                   List::Type::kTuple, !call.text().is_template());
}

// The part of the text that the optional arguments start and end (in characters) name; nothing if start lies past it.
struct Window {
  std::string_view part;
  size_t chars_before = 0;
};
template <typename BoundArguments>
std::optional<Window> window(const Call& call, const BoundArguments& bound) {
  std::string_view all = call.view();
  call.budget.scan(all.size());
  auto size = static_cast<Int>(count_chars(all));
  auto resolve = [&](size_t i, Int otherwise) {
    Int at = bound.has_not_none(i) ? bound.get_integer(i, 0) : otherwise;
    return at < 0 ? std::max<Int>(at + size, 0) : at;
  };
  Int start = resolve(1, 0), end = std::min(resolve(2, size), size);
  if (start > size || start > end) return std::nullopt;
  size_t begin = char_offset(all, static_cast<size_t>(start));
  size_t stop = char_offset(all, static_cast<size_t>(end));
  return Window{all.substr(begin, stop - begin), static_cast<size_t>(start)};
}

template <bool at_end>
Value str_starts_or_ends(const Call& call) {
  auto bound = call.bind<3>(at_end ? "endswith" : "startswith", {"prefix", "start", "end"}, 1);
  auto part = window(call, bound);
  auto matches = [&](std::string_view affix) {
    return part && (at_end ? part->part.ends_with(affix) : part->part.starts_with(affix));
  };
  if (!bound.at(0).is_tuple()) return Value::boolean(matches(bound.get_text(0).view()));
  for (const Value& affix : bound.at(0).as_list()->items) {
    call.budget.step();
    if (!affix.is(Kind::kString)) fail("startswith and endswith take a string or a tuple of strings");
    if (matches(affix.view())) return Value::boolean(true);
  }
  return Value::boolean(false);
}

template <bool from_right, bool must_be_there>
Value str_find(const Call& call) {
  auto bound = call.bind<3>("find", {"sub", "start", "end"}, 1);
  std::string_view wanted = bound.get_text(0).view();
  size_t at = std::string_view::npos;
  auto part = window(call, bound);
  if (part && from_right) {
    if (wanted.size() > 64) call.budget.step(part->part.size() / kBytesPerStep * (wanted.size() / 64));
    at = part->part.rfind(wanted);
  } else if (part) {
    at = find_bytes(part->part, wanted);
  }
  if (at == std::string_view::npos) {
    if (must_be_there) fail("substring not found");
    return Int{-1};
  }
  return Value::integer(part->chars_before + count_chars(part->part.substr(0, at)));
}

Value str_count(const Call& call) {
  auto bound = call.bind<3>("count", {"sub", "start", "end"}, 1);
  std::string_view wanted = bound.get_text(0).view();
  auto part = window(call, bound);
  if (!part) return Int{0};
  if (wanted.empty()) return Value::integer(count_chars(part->part) + 1);
  size_t count = 0;
  for (size_t at = find_bytes(part->part, wanted); at != std::string_view::npos; ++count) {
    at = find_bytes(part->part, wanted, at + wanted.size());
  }
  return Value::integer(count);
}

Value str_replace(const Call& call) {
  auto bound = call.bind<3>("replace", {"old", "new", "count"}, 2);
  return call.like_self(
      replace(call.budget, call.text(), bound.get_text(0).view(), bound.get_text(1), bound.get_integer(2, -1)));
}

Value str_join(const Call& call) {
  const Value& items = call.bind<1>("join", {"iterable"}, 1).at(0);
  bool are_cut_from_data = is_cut_from_data(items);
  std::vector<Text> texts;
  for (const Value& item : iterate(call.budget, items)) {
    bool is_safe = item.is(Kind::kString) && item.as_string().is_safe;
    if (call.self.as_string().is_safe) {  // an HTML-safe separator takes anything, and escapes it
      Text text = to_text(call.budget, item);
      texts.push_back(is_safe ? text : escape_html(call.budget, text));
      continue;
    }
    if (!item.is(Kind::kString)) fail("join: expected a string, found " + std::string(type_name(item)));
    texts.push_back(item.text());
  }
  return call.like_self(join(call.budget, call.text(), texts, are_cut_from_data));
}

Value str_format(const Call& call) {
  return call.like_self(format_braces(call.budget, call.text(), call.arguments));
}

template <Text (*map)(const Text&)>
Value str_map(const Call& call) {
  call.take_nothing("the method");
  call.budget.map(call.text().size());
  return call.like_self(map(call.text()));
}

// Python's str.isX: at least one character, and all of the class.
template <bool (*is_of_class)(char32_t)>
Value str_all(const Call& call) {
  call.take_nothing("the method");
  std::string_view all = call.view();
  call.budget.map(all.size());
  for (size_t i = 0; i < all.size();) {
    if (!is_of_class(next_char(all, i))) return Value::boolean(false);
  }
  return Value::boolean(!all.empty());
}

bool is_alnum(char32_t c) {
  return is_alpha(c) || is_numeric(c);
}
bool is_ascii(char32_t c) {
  return c < 0x80;
}

// islower, isupper: no character of the other case, and at least one of this.
template <bool (*is_wanted)(char32_t), bool (*is_other)(char32_t)>
Value str_is_case(const Call& call) {
  call.take_nothing("the method");
  std::string_view all = call.view();
  call.budget.map(all.size());
  bool found = false;
  for (size_t i = 0; i < all.size();) {
    char32_t c = next_char(all, i);
    if (is_other(c) || is_title(c)) return Value::boolean(false);
    found |= is_wanted(c);
  }
  return Value::boolean(found);
}

template <char align>
Value str_pad(const Call& call) {
  auto bound = call.bind<2>("the method", {"width", "fillchar"}, 1);
  std::string_view fill = bound.has(1) ? bound.get_text(1).view() : " ";
  if (count_chars(fill) != 1) fail("the fill character must be exactly one character long");
  return call.like_self(pad(call.budget, call.text(), bound.get_integer(0, 0), align, fill));
}

Value str_zfill(const Call& call) {
  Int width = call.bind<1>("zfill", {"width"}, 1).get_integer(0, 0);
  bool has_sign = call.view().starts_with('-') || call.view().starts_with('+');
  Text digits = call.text().slice(has_sign, call.view().size() - has_sign);
  TextBuilder builder;
  builder.append(call.text().slice(0, has_sign));
  builder.append(pad(call.budget, digits, width - has_sign, '>', "0"));
  return call.like_self(builder.take());
}

template <bool at_end>
Value str_remove(const Call& call) {
  std::string_view affix = call.bind<1>("the method", {"affix"}, 1).get_text(0).view(), all = call.view();
  if (!(at_end ? all.ends_with(affix) : all.starts_with(affix))) return call.self;
  return call.like_self(call.text().slice(at_end ? 0 : affix.size(), all.size() - affix.size()));
}

Value str_isascii(const Call& call) {
  return call.view().empty() ? Value::boolean(true) : str_all<is_ascii>(call);
}
Value str_isprintable(const Call& call) {
  return call.view().empty() ? Value::boolean(true) : str_all<is_printable>(call);
}

constexpr Entry kStrMethods[] = {
    {"capitalize", str_map<to_capitalized>},
    {"casefold", nullptr},
    {"center", str_pad<'^'>},
    {"count", str_count},
    {"encode", nullptr},
    {"endswith", str_starts_or_ends<true>},
    {"expandtabs", nullptr},
    {"find", str_find<false, false>},
    {"format", str_format},
    {"format_map", nullptr},
    {"index", str_find<false, true>},
    {"isalnum", str_all<is_alnum>},
    {"isalpha", str_all<is_alpha>},
    {"isascii", str_isascii},
    {"isdecimal", str_all<is_decimal>},
    {"isdigit", str_all<is_digit>},
    {"isidentifier", nullptr},
    {"islower", str_is_case<is_lower, is_upper>},
    {"isnumeric", str_all<is_numeric>},
    {"isprintable", str_isprintable},
    {"isspace", str_all<is_space>},
    {"istitle", nullptr},
    {"isupper", str_is_case<is_upper, is_lower>},
    {"join", str_join},
    {"ljust", str_pad<'<'>},
    {"lower", str_map<to_lower>},
    {"lstrip", str_strip<Ends::kLeft>},
    {"maketrans", nullptr},
    {"partition", str_partition<false>},
    {"removeprefix", str_remove<false>},
    {"removesuffix", str_remove<true>},
    {"replace", str_replace},
    {"rfind", str_find<true, false>},
    {"rindex", str_find<true, true>},
    {"rjust", str_pad<'>'>},
    {"rpartition", str_partition<true>},
    {"rsplit", str_split<true>},
    {"rstrip", str_strip<Ends::kRight>},
    {"split", str_split<false>},
    {"splitlines", str_splitlines},
    {"startswith", str_starts_or_ends<false>},
    {"strip", str_strip<Ends::kBoth>},
    {"swapcase", nullptr},
    {"title", str_map<to_title>},
    {"translate", nullptr},
    {"upper", str_map<to_upper>},
    {"zfill", str_zfill},
};

// ---- list, tuple ----

Value list_count(const Call& call) {
  const Value& wanted = call.bind<1>("count", {"value"}, 1).at(0);
  size_t count = 0;
  for (const Value& item : call.list().items) count += equal(call.budget, item, wanted);
  return Value::integer(count);
}

Value list_index(const Call& call) {
  const Value& wanted = call.bind<1>("index", {"value"}, 1).at(0);
  const auto& items = call.list().items;
  for (size_t i = 0; i < items.size(); ++i) {
    if (equal(call.budget, items[i], wanted)) return Value::integer(i);
  }
  fail("the value is not in the list");
}

Value itself(const Call& call) {
  call.take_nothing("copy");
  return call.self;  // values cannot change, so a copy is the thing itself
}

constexpr Entry kTupleMethods[] = {{"count", list_count}, {"index", list_index}};
constexpr Entry kListMethods[] = {{"copy", itself}, {"count", list_count}, {"index", list_index}};
constexpr std::string_view kListChanges[] = {"append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"};

// ---- dict ----

Value dict_get(const Call& call) {
  auto bound = call.bind<2>("get", {"key", "default"}, 1);
  if (!is_key(bound.at(0))) fail("unhashable type: '" + std::string(type_name(bound.at(0))) + "'");
  const Value* found = call.dict().find(bound.at(0));
  return found ? *found : bound.get(1, None{});
}

template <List::Type type>
Value dict_view(const Call& call) {
  call.take_nothing("the method");
  std::vector<Value> items;
  call.budget.make_items(call.dict().entries.size());
  for (const auto& [key, value] : call.dict().entries) {
    if (type == List::Type::kDictKeys) items.push_back(key);
    if (type == List::Type::kDictValues) items.push_back(value);
    if (type == List::Type::kDictItems) items.push_back(make_list(call.budget, {key, value}, List::Type::kTuple));
  }
  return make_list(call.budget, std::move(items), type);
}

constexpr Entry kDictMethods[] = {
    {"copy", itself},
    {"fromkeys", nullptr},
    {"get", dict_get},
    {"items", dict_view<List::Type::kDictItems>},
    {"keys", dict_view<List::Type::kDictKeys>},
    {"values", dict_view<List::Type::kDictValues>},
};
constexpr std::string_view kDictChanges[] = {"clear", "pop", "popitem", "setdefault", "update"};

// ---- the tables by type ----

struct Table {
  std::span<const Entry> methods;
  std::span<const std::string_view> forbidden;
};

Table table_of(const Value& value) {
  if (value.is(Kind::kString)) return {kStrMethods, {}};
  if (value.is(Kind::kDict)) return {kDictMethods, kDictChanges};
  if (value.is_list()) return {kListMethods, kListChanges};
  if (value.is_tuple() || (value.is(Kind::kList) && value.as_list()->type == List::Type::kRange)) {
    return {kTupleMethods, {}};
  }
  return {};
}

const Entry* find_entry(std::span<const Entry> entries, std::string_view name) {
  auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.name == name; });
  return found == entries.end() ? nullptr : &*found;
}

}  // namespace

std::optional<Value> find_method(const Value& value, std::string_view name) {
  Table table = table_of(value);
  if (const Entry* entry = find_entry(table.methods, name)) {
    return Value(std::make_shared<const Method>(Method{value, entry->name}));
  }
  if (std::find(table.forbidden.begin(), table.forbidden.end(), name) != table.forbidden.end()) {
    return Value::undefined("changing a " + std::string(type_name(value)) + " by '" + std::string(name) +
                            "' is not allowed");
  }
  return std::nullopt;
}

Value call_method(Budget& budget, const Method& method, const Arguments& arguments) {
  const Entry* entry = find_entry(table_of(method.self).methods, method.name);
  budget.step();
  if (!entry || !entry->function) fail_unimplemented("the method '" + std::string(method.name) + "'");
  return entry->function(Call{budget, method.self, arguments});
}

}  // namespace studio::engine::jinja
