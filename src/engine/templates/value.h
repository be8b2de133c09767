// The values of a running template: Python's, as far as templates see them.
//
// Containers are immutable once made (the sandbox forbids changing them), shared by reference count, and know how deep
// they are, so that every recursion over a value, its destructor included, is bounded by kMaxNesting. Data and macros
// may sit in a container or a namespace, but no namespace, loop or method: no cycle can form, save through the scope of
// a macro, which the interpreter clears at the end.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "engine/templates/budget.h"
#include "engine/templates/text.h"

namespace studio::engine::jinja {

class Value;
struct List;
struct Dict;
struct Namespace;
struct Loop;
struct MacroValue;
struct Method;

// Python's integers, of 64 bits with or without sign: what JSON delivers exactly. Arithmetic runs in 128 bits and fails
// outside of [-2^63, 2^64).
__extension__ typedef __int128 Int;

struct Undefined {
  std::shared_ptr<const std::string> why;  // what an attempt to use it says
};
struct None {};

enum class Builtin : uint8_t { kRange, kNamespace, kDict, kRaiseException, kStrftimeNow };

enum class Kind : uint8_t {  // in the order of Value's variant
  kUndefined,
  kNone,
  kBool,
  kInt,
  kFloat,
  kString,
  kList,
  kDict,
  kNamespace,
  kLoop,
  kMacro,
  kMethod,
  kBuiltin,
};

// A str. HTML-safe ones (the `safe` and `escape` filters) escape what is added to them.
struct String {
  Text text;
  bool is_safe = false;
};

class Value {
 public:
  Value() = default;
  Value(Undefined v) : state_(std::move(v)) {}     // NOLINT(google-explicit-constructor): a value is what it holds
  Value(None v) : state_(v) {}                     // NOLINT(google-explicit-constructor)
  Value(double v) : state_(v) {}                   // NOLINT(google-explicit-constructor)
  Value(Int v) : state_(v) {}                      // NOLINT(google-explicit-constructor)
  Value(Text v) : state_(String{std::move(v)}) {}  // NOLINT(google-explicit-constructor)
  Value(String v) : state_(std::move(v)) {}        // NOLINT(google-explicit-constructor)
  Value(std::shared_ptr<List> v) : state_(std::move(v)) {}          // NOLINT(google-explicit-constructor)
  Value(std::shared_ptr<const Dict> v) : state_(std::move(v)) {}    // NOLINT(google-explicit-constructor)
  Value(std::shared_ptr<Namespace> v) : state_(std::move(v)) {}     // NOLINT(google-explicit-constructor)
  Value(std::shared_ptr<Loop> v) : state_(std::move(v)) {}          // NOLINT(google-explicit-constructor)
  Value(std::shared_ptr<MacroValue> v) : state_(std::move(v)) {}    // NOLINT(google-explicit-constructor)
  Value(std::shared_ptr<const Method> v) : state_(std::move(v)) {}  // NOLINT(google-explicit-constructor)
  Value(Builtin v) : state_(v) {}                                   // NOLINT(google-explicit-constructor)
  static Value boolean(bool v) {
    Value value;
    value.state_ = v;
    return value;
  }
  static Value integer(size_t v) { return Value(static_cast<Int>(v)); }
  static Value undefined(std::string why) {
    return Value(Undefined{std::make_shared<const std::string>(std::move(why))});
  }

  Kind kind() const { return static_cast<Kind>(state_.index()); }
  bool is(Kind k) const { return kind() == k; }
  bool is_integer() const { return is(Kind::kInt) || is(Kind::kBool); }  // Python's bool is an int
  bool is_number() const { return is_integer() || is(Kind::kFloat); }
  bool is_list() const;  // a list proper
  bool is_tuple() const;
  // Whether it may be kept in a container or a namespace.
  bool is_storable() const { return kind() <= Kind::kDict || is(Kind::kMacro) || is(Kind::kBuiltin); }

  // Each only for its kind.
  const Undefined& as_undefined() const { return std::get<Undefined>(state_); }
  bool as_bool() const { return std::get<bool>(state_); }
  Int as_integer() const { return is(Kind::kBool) ? Int{as_bool()} : std::get<Int>(state_); }
  double as_float() const { return is(Kind::kFloat) ? std::get<double>(state_) : static_cast<double>(as_integer()); }
  const String& as_string() const { return std::get<String>(state_); }
  const Text& text() const { return as_string().text; }
  std::string_view view() const { return text().view(); }
  const std::shared_ptr<List>& as_list() const { return std::get<std::shared_ptr<List>>(state_); }
  const std::shared_ptr<const Dict>& as_dict() const { return std::get<std::shared_ptr<const Dict>>(state_); }
  const std::shared_ptr<Namespace>& as_namespace() const { return std::get<std::shared_ptr<Namespace>>(state_); }
  const std::shared_ptr<Loop>& as_loop() const { return std::get<std::shared_ptr<Loop>>(state_); }
  const std::shared_ptr<MacroValue>& as_macro() const { return std::get<std::shared_ptr<MacroValue>>(state_); }
  const Method& as_method() const { return *std::get<std::shared_ptr<const Method>>(state_); }
  Builtin as_builtin() const { return std::get<Builtin>(state_); }

  int depth() const;  // 0 for what is not a container

 private:
  std::variant<Undefined, None, bool, Int, double, String, std::shared_ptr<List>, std::shared_ptr<const Dict>,
               std::shared_ptr<Namespace>, std::shared_ptr<Loop>, std::shared_ptr<MacroValue>,
               std::shared_ptr<const Method>, Builtin>
      state_;
};

// Everything that holds items in a row.
struct List {
  enum class Type : uint8_t { kList, kTuple, kRange, kDictKeys, kDictValues, kDictItems, kIterator };

  std::vector<Value> items;
  Type type = Type::kList;
  // How many there are was decided by the caller's text (split, characters of a string): separators that a join puts
  // between them count as the caller's, too.
  bool is_cut_from_data = false;
  int depth = 1;
  size_t next = 0;  // iterators: those before were consumed

  bool is_sized() const { return type != Type::kIterator; }
  bool is_indexed() const { return type == Type::kList || type == Type::kTuple || type == Type::kRange; }
};

// A dict: entries in their order, found by key. Keys are scalars.
struct Dict {
  std::vector<std::pair<Value, Value>> entries;
  int depth = 1;

  const Value* find(const Value& key) const { return at(place(key)); }
  const Value* find(std::string_view key) const { return at(place(key)); }
  void set(Value key, Value value);  // while it is being made; the last of equal keys wins, the first keeps the place
  void reserve(size_t n) { entries.reserve(n); }

 private:
  static constexpr size_t kNone = ~size_t{0};
  size_t place(const Value& key) const;  // in entries; kNone without it
  size_t place(std::string_view key) const;
  const Value* at(size_t i) const { return i == kNone ? nullptr : &entries[i].second; }
  size_t indexed_place(const std::string& encoded) const;

  std::unordered_map<std::string, size_t> index_;  // by encoded key, once there are many
};

struct Namespace {
  std::vector<std::pair<std::string, Value>> attributes;

  const Value* find(std::string_view name) const;
  void set(std::string_view name, Value value);  // fails unless value is storable
};

// A method looked up but not called: name is one of has_method's.
struct Method {
  Value self;
  std::string_view name;
};

Value make_list(Budget& budget, std::vector<Value> items, List::Type type = List::Type::kList,
                bool is_cut_from_data = false);
// Fails where keys are no scalars.
Value make_dict(Budget& budget, std::vector<std::pair<Value, Value>> entries);

// Whether value can be a key of a dict (Python's hash, tuples left out).
bool is_key(const Value& value);

// Python's name of the type, for messages.
std::string_view type_name(const Value& value);

inline Value make_text(std::string bytes, Origin origin) {
  return Value(Text(std::move(bytes), origin));
}
// What the interpreter itself spells (numbers, signs of repr and JSON) counts as the caller's: never a control token.
inline Value make_data(std::string bytes) {
  return make_text(std::move(bytes), Origin::kData);
}

}  // namespace studio::engine::jinja
