#include "engine/templates/value.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace studio::engine::jinja {
namespace {

// Dicts up to this size are searched in order: faster than hashing for the handful of keys a message has.
constexpr size_t kLinearEntries = 12;

// Equal keys, and only they, have the same encoding: 1, 1.0 and True are one key.
std::string encode_key(const Value& key) {
  switch (key.kind()) {
    case Kind::kString:
      return "s" + std::string(key.view());
    case Kind::kNone:
      return "n";
    case Kind::kUndefined:
      return "u";
    case Kind::kBool:
    case Kind::kInt: {
      Int value = key.as_integer();
      return "i" + std::to_string(static_cast<uint64_t>(value)) + (value < 0 ? "-" : "");
    }
    case Kind::kFloat: {
      double value = key.as_float();
      if (value == std::floor(value) && value >= -0x1p63 && value < 0x1p64) return encode_key(static_cast<Int>(value));
      std::string encoded(1 + sizeof value, 'f');
      std::memcpy(encoded.data() + 1, &value, sizeof value);
      return encoded;
    }
    default:
      fail("unhashable type: '" + std::string(type_name(key)) + "'");
  }
}

int depth_over(int deepest_item) {
  if (deepest_item >= kMaxNesting) fail("values are nested more than " + std::to_string(kMaxNesting) + " deep");
  return deepest_item + 1;
}

void check_storable(const Value& value) {
  if (!value.is_storable()) fail("a " + std::string(type_name(value)) + " cannot be kept in a list, dict or namespace");
}

}  // namespace

bool Value::is_list() const {
  return is(Kind::kList) && as_list()->type == List::Type::kList;
}
bool Value::is_tuple() const {
  return is(Kind::kList) && as_list()->type == List::Type::kTuple;
}

int Value::depth() const {
  if (is(Kind::kList)) return as_list()->depth;
  if (is(Kind::kDict)) return as_dict()->depth;
  return 0;
}

size_t Dict::indexed_place(const std::string& encoded) const {
  auto found = index_.find(encoded);
  return found == index_.end() ? kNone : found->second;
}

size_t Dict::place(const Value& key) const {
  if (key.is(Kind::kString)) return place(key.view());
  if (!is_key(key)) return kNone;
  std::string encoded = encode_key(key);
  if (!index_.empty()) return indexed_place(encoded);
  for (size_t i = 0; i < entries.size(); ++i) {
    const Value& name = entries[i].first;
    if (!name.is(Kind::kString) && encode_key(name) == encoded) return i;
  }
  return kNone;
}

size_t Dict::place(std::string_view key) const {
  if (!index_.empty()) return indexed_place("s" + std::string(key));
  for (size_t i = 0; i < entries.size(); ++i) {
    const Value& name = entries[i].first;
    if (name.is(Kind::kString) && name.view() == key) return i;
  }
  return kNone;
}

void Dict::set(Value key, Value value) {
  if (size_t present = place(key); present != kNone) {
    entries[present].second = std::move(value);
    return;
  }
  entries.emplace_back(std::move(key), std::move(value));
  if (entries.size() <= kLinearEntries) return;
  for (size_t i = index_.size(); i < entries.size(); ++i) index_.emplace(encode_key(entries[i].first), i);
}

const Value* Namespace::find(std::string_view name) const {
  for (const auto& [key, value] : attributes) {
    if (key == name) return &value;
  }
  return nullptr;
}

void Namespace::set(std::string_view name, Value value) {
  check_storable(value);
  auto present = std::find_if(attributes.begin(), attributes.end(), [&](const auto& a) { return a.first == name; });
  if (present != attributes.end()) {
    present->second = std::move(value);
  } else {
    attributes.emplace_back(name, std::move(value));
  }
}

Value make_list(Budget& budget, std::vector<Value> items, List::Type type, bool is_cut_from_data) {
  budget.make_items(items.size());
  int deepest = 0;
  for (const Value& item : items) {
    check_storable(item);
    deepest = std::max(deepest, item.depth());
  }
  auto list = std::make_shared<List>();
  list->items = std::move(items);
  list->type = type;
  list->is_cut_from_data = is_cut_from_data;
  list->depth = depth_over(deepest);
  return list;
}

Value make_dict(Budget& budget, std::vector<std::pair<Value, Value>> entries) {
  budget.make_items(entries.size());
  auto dict = std::make_shared<Dict>();
  dict->reserve(entries.size());
  int deepest = 0;
  for (auto& [key, value] : entries) {
    if (!is_key(key)) fail("unhashable type: '" + std::string(type_name(key)) + "'");
    check_storable(value);
    deepest = std::max(deepest, value.depth());
    dict->set(std::move(key), std::move(value));
  }
  dict->depth = depth_over(deepest);
  return std::shared_ptr<const Dict>(std::move(dict));
}

bool is_key(const Value& value) {
  return value.kind() <= Kind::kString;
}

std::string_view type_name(const Value& value) {
  static constexpr std::string_view kLists[] = {"list",        "tuple",      "range",    "dict_keys",
                                                "dict_values", "dict_items", "generator"};
  switch (value.kind()) {
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kString:
      return "str";
    case Kind::kList:
      return kLists[static_cast<size_t>(value.as_list()->type)];
    case Kind::kDict:
      return "dict";
    case Kind::kNamespace:
      return "namespace";
    case Kind::kLoop:
      return "loop";
    case Kind::kMacro:
      return "macro";
    case Kind::kMethod:
      return "method";
    case Kind::kBuiltin:
      return "function";
  }
  return "object";
}

}  // namespace studio::engine::jinja
