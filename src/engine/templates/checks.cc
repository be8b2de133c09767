// The tests of Jinja: `value is name(...)`.
#include "engine/templates/filters.h"
#include "engine/templates/print.h"
#include "engine/templates/unicode.h"

namespace studio::engine::jinja {
namespace {

struct TestEntry {
  std::string_view name;
  bool (*function)(const FilterCall&);
  bool takes_argument = false;
};

template <Kind kind>
bool is_kind(const FilterCall& call) {
  return call.value.is(kind);
}

bool is_defined(const FilterCall& call) {
  return !call.value.is(Kind::kUndefined);
}
bool is_true(const FilterCall& call) {
  return call.value.is(Kind::kBool) && call.value.as_bool();
}
bool is_false(const FilterCall& call) {
  return call.value.is(Kind::kBool) && !call.value.as_bool();
}
bool is_a_number(const FilterCall& call) {
  return call.value.is_number();
}
bool is_escaped(const FilterCall& call) {
  return call.value.is(Kind::kString) && call.value.as_string().is_safe;
}

bool is_iterable(const FilterCall& call) {
  Kind kind = call.value.kind();
  return kind == Kind::kString || kind == Kind::kList || kind == Kind::kDict || kind == Kind::kUndefined ||
         kind == Kind::kLoop;
}

// Has a length and positions or keys, as Jinja sees it: dicts and undefined values, too.
bool is_sequence(const FilterCall& call) {
  Kind kind = call.value.kind();
  return kind == Kind::kString || kind == Kind::kDict || kind == Kind::kUndefined ||
         (kind == Kind::kList && call.value.as_list()->is_indexed());
}

bool is_callable(const FilterCall& call) {
  Kind kind = call.value.kind();
  return kind == Kind::kUndefined || kind >= Kind::kLoop;
}

bool remainder_is(const FilterCall& call, const Value& divisor, Int wanted) {
  Value remainder = binary(call.budget, BinaryOp::kMod, call.value, divisor);
  return equal(call.budget, remainder, wanted);
}
bool is_odd(const FilterCall& call) {
  return remainder_is(call, Int{2}, 1);
}
bool is_even(const FilterCall& call) {
  return remainder_is(call, Int{2}, 0);
}
bool is_divisible(const FilterCall& call) {
  return remainder_is(call, call.bind<1>({"num"}, 1).at(0), 0);
}

template <bool (*is_wanted)(char32_t), bool (*is_other)(char32_t)>
bool is_case(const FilterCall& call) {
  Text text = to_text(call.budget, call.value);
  std::string_view all = text.view();
  call.budget.map(all.size());
  bool found = false;
  for (size_t i = 0; i < all.size();) {
    char32_t c = next_char(all, i);
    if (is_other(c) || is_title(c)) return false;
    found |= is_wanted(c);
  }
  return found;
}

template <CompareOp op>
bool compares(const FilterCall& call) {
  return compare(call.budget, op, call.value, call.bind<1>({"other"}, 1).at(0));
}

bool is_same(const FilterCall& call) {
  const Value& other = call.bind<1>({"other"}, 1).at(0);
  if (call.value.kind() != other.kind()) return false;
  if (call.value.is(Kind::kList)) return call.value.as_list() == other.as_list();
  if (call.value.is(Kind::kDict)) return call.value.as_dict() == other.as_dict();
  return equal(call.budget, call.value, other);
}

bool is_filter(const FilterCall& call) {
  return call.value.is(Kind::kString) && has_filter(call.value.view());
}
bool is_test(const FilterCall& call) {
  return call.value.is(Kind::kString) && has_test(call.value.view());
}

constexpr TestEntry kTests[] = {
    {"!=", compares<CompareOp::kNe>, true},
    {"<", compares<CompareOp::kLt>, true},
    {"<=", compares<CompareOp::kLe>, true},
    {"==", compares<CompareOp::kEq>, true},
    {">", compares<CompareOp::kGt>, true},
    {">=", compares<CompareOp::kGe>, true},
    {"boolean", is_kind<Kind::kBool>},
    {"callable", is_callable},
    {"defined", is_defined},
    {"divisibleby", is_divisible, true},
    {"eq", compares<CompareOp::kEq>, true},
    {"equalto", compares<CompareOp::kEq>, true},
    {"escaped", is_escaped},
    {"even", is_even},
    {"false", is_false},
    {"filter", is_filter},
    {"float", is_kind<Kind::kFloat>},
    {"ge", compares<CompareOp::kGe>, true},
    {"greaterthan", compares<CompareOp::kGt>, true},
    {"gt", compares<CompareOp::kGt>, true},
    {"in", compares<CompareOp::kIn>, true},
    {"integer", is_kind<Kind::kInt>},
    {"iterable", is_iterable},
    {"le", compares<CompareOp::kLe>, true},
    {"lessthan", compares<CompareOp::kLt>, true},
    {"lower", is_case<is_lower, is_upper>},
    {"lt", compares<CompareOp::kLt>, true},
    {"mapping", is_kind<Kind::kDict>},
    {"ne", compares<CompareOp::kNe>, true},
    {"none", is_kind<Kind::kNone>},
    {"number", is_a_number},
    {"odd", is_odd},
    {"sameas", is_same, true},
    {"sequence", is_sequence},
    {"string", is_kind<Kind::kString>},
    {"test", is_test},
    {"true", is_true},
    {"undefined", is_kind<Kind::kUndefined>},
    {"upper", is_case<is_upper, is_lower>},
};

const TestEntry* find_test(std::string_view name) {
  for (const TestEntry& entry : kTests) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace

bool apply_test(Budget& budget, std::string_view name, const Value& value, const Arguments& arguments) {
  budget.step();
  const TestEntry* entry = find_test(name);
  if (!entry) fail_unimplemented("the test '" + std::string(name.substr(0, 64)) + "'");
  bool has_arguments = !arguments.positional.empty() || !arguments.keyword.empty();
  if (has_arguments && !entry->takes_argument) fail("the test '" + std::string(name) + "' takes no argument");
  return entry->function(FilterCall{budget, name, value, arguments});
}

bool has_test(std::string_view name) {
  return find_test(name) != nullptr;
}

}  // namespace studio::engine::jinja
