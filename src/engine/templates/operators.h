// What Python's operators and built-in functions do with values. Each pays from the budget; each may fail.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/templates/value.h"

namespace studio::engine::jinja {

enum class BinaryOp : uint8_t { kAdd, kSub, kMul, kDiv, kFloorDiv, kMod, kPow };
enum class CompareOp : uint8_t { kEq, kNe, kLt, kLe, kGt, kGe, kIn, kNotIn };

[[noreturn]] void fail_undefined(const Value& value);  // value.is(kUndefined)

bool truthy(const Value& value);
bool equal(Budget& budget, const Value& a, const Value& b);
bool less(Budget& budget, const Value& a, const Value& b);
bool contains(Budget& budget, const Value& container, const Value& item);
bool compare(Budget& budget, CompareOp op, const Value& a, const Value& b);

Value binary(Budget& budget, BinaryOp op, const Value& a, const Value& b);
Value negative(const Value& value);
Value positive(const Value& value);
Value concatenate(Budget& budget, std::span<const Value> parts);  // the operator ~: plain text, never escaped

size_t length(const Value& value);  // len()
// The items in a row: of a list, the keys of a dict, the characters of a string. Consumes iterators.
std::vector<Value> iterate(Budget& budget, const Value& value);
// Whether iterate() depends on how the caller's text was cut; see List::is_cut_from_data.
bool is_cut_from_data(const Value& value);

// value[key]; undefined where there is none.
Value get_item(Budget& budget, const Value& value, const Value& key);
struct Slice {
  std::optional<Int> start, stop, step;
};
Value get_slice(Budget& budget, const Value& value, const Slice& slice);

// HTML escapes for & < > ' "; the escapes have the origin of the sign they stand for.
Text escape_html(Budget& budget, const Text& text);

}  // namespace studio::engine::jinja
