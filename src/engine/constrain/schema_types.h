// A subschema where it stands, and sets of those that hold at once: what all of the schema compiler speaks of.
#pragma once

#include <boost/json/value.hpp>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/result.h"

namespace studio::engine::constrain {

enum TypeBit : uint8_t {
  kNullType = 1,
  kBooleanType = 2,
  kIntegerType = 4,
  kFractionType = 8,  // numbers that are no integers
  kStringType = 16,
  kArrayType = 32,
  kObjectType = 64,
  kAllTypes = 127,
};

// Where in the document: a JSON pointer as a path of keys, which becomes text in errors alone. Cheap to copy. Keys are
// those of the document, which outlives it.
class Pointer {
 public:
  Pointer() = default;
  static Pointer root() { return Pointer(std::make_shared<const Step>()); }
  Pointer child(std::string_view key) const {
    if (is_made()) return *this;
    return Pointer(std::make_shared<const Step>(Step{.above = step_, .key = key}));
  }
  Pointer child(size_t index) const {
    if (is_made()) return *this;
    return Pointer(std::make_shared<const Step>(Step{.above = step_, .key = {}, .index = index}));
  }
  // Of a schema that stands in no document: whatever is inside of it is named as this is.
  Pointer of_made() const {
    return Pointer(std::make_shared<const Step>(
        Step{.above = step_->above, .key = step_->key, .index = step_->index, .is_made = true}));
  }
  bool is_made() const { return step_ != nullptr && step_->is_made; }
  std::string text() const;  // "#/properties/a"

 private:
  struct Step {
    std::shared_ptr<const Step> above;
    std::string_view key;
    std::optional<size_t> index = std::nullopt;
    bool is_made = false;
  };
  explicit Pointer(std::shared_ptr<const Step> step) : step_(std::move(step)) {}
  std::shared_ptr<const Step> step_;
};

// What $schema names; numbers rise from draft to draft.
enum class Draft : uint8_t { kUnknown, k4, k6, k7, k2019, k2020 };
Draft first_draft_with(std::string_view key);

// A subschema and where it stands. `parts_read` says which of its applicators a set of subschemas already holds.
struct Subschema {
  enum Part : uint8_t { kRef = 1, kAllOf = 2, kAnyOf = 4, kOneOf = 8, kNot = 16, kIf = 32, kDepends = 64 };
  const boost::json::value* value = nullptr;
  Pointer pointer;
  uint8_t parts_read = 0;
  bool is_negated = false;  // the value must not satisfy it

  std::strong_ordering operator<=>(const Subschema& other) const {
    return std::tuple(value, parts_read, is_negated) <=> std::tuple(other.value, other.parts_read, other.is_negated);
  }
  bool operator==(const Subschema& other) const { return (*this <=> other) == 0; }
  // `key` is one of the document's or lives for ever.
  Subschema at(const boost::json::value& inner, std::string_view key) const {
    return {.value = &inner, .pointer = pointer.child(key)};
  }
  Subschema at(const boost::json::value& inner, size_t index) const {
    return {.value = &inner, .pointer = pointer.child(index)};
  }
  Subschema negated() const;
};
// All of them hold.
using SubschemaSet = std::vector<Subschema>;

Error schema_error(Code code, const Pointer& at, const std::string& what);
// What went wrong in something that knows no pointers.
Error schema_error(const Error& error, const Pointer& at);

}  // namespace studio::engine::constrain
