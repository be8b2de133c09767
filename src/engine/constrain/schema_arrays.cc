// Arrays: items one after another, some of them listed, or all of them different.
#include "engine/constrain/schema_arrays.h"

#include <algorithm>

#include "base/json.h"
#include "engine/constrain/schema.h"
#include "engine/constrain/schema_compiler.h"

namespace studio::engine::constrain {
namespace {

namespace json = boost::json;

// Values of one schema that are listed for an array whose items differ: a rule each, times their count.
constexpr size_t kMaxDifferentItems = 256;
constexpr size_t kMaxPlacedItems = 10'000;  // that are contained or not, times what is said of them
constexpr size_t kMaxPlaces = 16;           // among those that are listed
constexpr int kMaxListedDepth = 8;          // of branches within branches

}  // namespace

// Draft 4 to 2019-09: `items` may be the list, `additionalItems` the rest; since then `prefixItems` and `items`.
Status ArrayFacts::read_member(const Subschema& member, const SchemaReader& reader) {
  const auto* schema = member.value->if_object();
  if (schema == nullptr || member.is_negated) return Ok{};
  const json::value* of_items = schema->if_contains("items");
  const json::value* prefix = reader.knows("prefixItems") ? schema->if_contains("prefixItems") : nullptr;
  const bool is_old = of_items != nullptr && of_items->is_array();
  if (is_old) prefix = of_items;
  size_t listed = 0;
  if (prefix != nullptr) {
    const Subschema list = member.at(*prefix, is_old ? "items" : "prefixItems");
    if (!prefix->is_array()) return schema_error(Code::kInvalidArgument, list.pointer, "must be a list of schemas");
    listed = prefix->get_array().size();
    first_.resize(std::max(first_.size(), listed));
    for (size_t i = 0; i < listed; ++i) first_[i].push_back(list.at(prefix->get_array()[i], i));
  }
  const std::string_view key = is_old ? "additionalItems" : "items";
  if (const json::value* more = schema->if_contains(key)) rest_.emplace_back(listed, member.at(*more, key));
  return read_contains(member, *schema, reader.knows("minContains"));
}

Status ArrayFacts::read_contains(const Subschema& member, const json::object& schema, bool is_counted) {
  const json::value* contains = schema.if_contains("contains");
  if (contains == nullptr) return Ok{};
  const auto count_of = [&](std::string_view key) -> const json::value* {
    const json::value* value = is_counted ? schema.if_contains(key) : nullptr;
    return value != nullptr && value->is_number() && value->to_number<double>() >= 0 ? value : nullptr;
  };
  Contained made;
  made.schema = member.at(*contains, "contains");
  if (const json::value* least = count_of("minContains")) {
    made.min = static_cast<int64_t>(std::min(least->to_number<double>(), static_cast<double>(kMaxContained) + 1));
  }
  if (const json::value* most = count_of("maxContains")) made.max = most->to_number<double>();
  if (made.min > kMaxContained) {
    return schema_error(Code::kUnimplemented, member.pointer.child("minContains"),
                        "more than " + std::to_string(kMaxContained) + " cannot be enforced");
  }
  if (made.max && *made.max < static_cast<double>(made.min)) is_never = true;
  contained_.push_back(std::move(made));
  return Ok{};
}

size_t ArrayFacts::needed() const {
  size_t needed = 0;
  for (const Contained& each : contained_) needed += static_cast<size_t>(each.min);
  return needed;
}

// Those that must be contained stand one after another from `at` on; where their number is limited, all others are
// none of them.
void ArrayFacts::place_contained(size_t at) {
  if (needed() > 0) items.min = std::max(items.min, static_cast<int64_t>(at + needed()));
  if (items.max && *items.max < items.min) is_never = true;
  for (const auto& [from, schema] : rest_) first_.resize(std::max(first_.size(), from));
  first_.resize(std::max(first_.size(), at + needed()));
  for (const Contained& each : contained_) {
    for (size_t i = 0; each.max && i < first_.size(); ++i) {
      const bool is_one = i >= at && i < at + static_cast<size_t>(each.min);
      if (!is_one) first_[i].push_back(each.schema.negated());
    }
    if (each.max) rest_.emplace_back(first_.size(), each.schema.negated());
    for (int64_t i = 0; i < each.min; ++i) first_[at++].push_back(each.schema);
  }
}

Result<std::vector<ArrayFacts>> ArrayFacts::read(const SchemaFacts& facts, const SchemaReader& reader) {
  ArrayFacts made;
  made.items = facts.items;
  for (const Subschema& member : facts.members) STUDIO_CHECK_OK(made.read_member(member, reader));
  for (const json::value* no : facts.no_values) {
    if (no->is_array()) made.exclude_length(static_cast<int64_t>(no->get_array().size()));
  }
  // Where items are listed, which of them can be what is contained is told when all is compiled.
  const size_t listed = made.first_.size(), needed = made.needed();
  const size_t places = needed > 0 ? std::min(listed, kMaxPlaces) + 1 : 1;
  if ((listed + needed) * made.contained_.size() * places > kMaxPlacedItems) {
    return schema_error(Code::kPayloadTooLarge, pointer_of(facts, {}), "too many items must be contained");
  }
  std::vector<ArrayFacts> layouts(places, made);
  for (size_t i = 0; i < places; ++i) layouts[i].place_contained(i + 1 == places ? listed : i);
  return layouts;
}

// So that the array is not a given one: simply of another length.
void ArrayFacts::exclude_length(int64_t length) {
  if (length < items.min || (items.max && length > *items.max)) return;
  if (!items.max || *items.max > length) {
    items.min = length + 1;
  } else if (items.min < length) {
    items.max = length - 1;
  } else {
    is_never = true;
  }
}

SubschemaSet ArrayFacts::item_at(size_t i) const {
  SubschemaSet set = i < first_.size() ? first_[i] : SubschemaSet();
  for (const auto& [from, schema] : rest_) {
    if (i >= from) set.push_back(schema);
  }
  return set;
}

Result<ExprId> SchemaCompiler::build_array(const SchemaFacts& facts) {
  STUDIO_TRY(const std::vector<ArrayFacts> layouts, ArrayFacts::read(facts, reader_));
  std::vector<ExprId> exprs;
  for (const ArrayFacts& array : layouts) {
    if (array.is_never) continue;
    STUDIO_TRY(const ExprId expr, build_layout(array, facts));
    exprs.push_back(expr);
  }
  return grammar_.choice(exprs);
}

Result<ExprId> SchemaCompiler::build_layout(const ArrayFacts& array, const SchemaFacts& facts) {
  const uint32_t min = as_count(array.items.min), max = as_limit(array.items.max);
  if (facts.items_differ && max > 1) return build_different_items(array, facts);
  const size_t listed = std::min<size_t>(array.listed(), max);
  const auto item_at = [&](size_t i) { return value_of(array.item_at(i)); };
  if (listed == 0) return parts_.array(parts_.list(item_at(array.listed()), min, max));
  // From the last listed item to the first: what follows it, commas and all.
  const auto left = [&](uint32_t count) { return count > listed ? count - static_cast<uint32_t>(listed) : 0; };
  ExprId after =
      grammar_.repeat(parts_.next(item_at(array.listed())), left(min), max == kNoLimit ? kNoLimit : left(max));
  for (size_t i = listed; i-- > 0;) {
    const ExprId item = grammar_.sequence({i == 0 ? item_at(0) : parts_.next(item_at(i)), after});
    after = i >= min ? grammar_.optional(item) : item;
  }
  return parts_.array(after);
}

// Of values that are listed, some in their order, each at most once.
Result<ExprId> SchemaCompiler::build_different_items(const ArrayFacts& array, const SchemaFacts& facts) {
  const auto cannot = [&] {
    return schema_error(Code::kUnimplemented, pointer_of(facts, {"uniqueItems"}),
                        "items that differ can be enforced where they are values of one list, up to " +
                            std::to_string(kMaxDifferentItems));
  };
  std::vector<const json::value*> values;
  if (array.listed() > 0) return cannot();
  STUDIO_TRY(const bool are_listed, list_values(array.item_at(0), values, 0));
  if (!are_listed) return cannot();
  Members members;
  members.other = grammar_.nothing();
  members.min = array.items.min;
  members.max = array.items.max.value_or(-1);
  for (const json::value* value : values) members.named.push_back({grammar_.literal(to_json(*value)), false});
  const auto count = static_cast<int64_t>(values.size());
  if (members.max >= count) members.max = -1;
  if (members.min > count) return grammar_.nothing();
  members.counted_to = static_cast<uint32_t>(std::max<int64_t>(1, std::max(members.min, members.max)));
  STUDIO_TRY(const ExprId inside, ordered_members(members, facts));
  return parts_.array(inside);
}

// All values of a schema, each once; false where they are not listed, or are too many.
Result<bool> SchemaCompiler::list_values(const SubschemaSet& set, std::vector<const json::value*>& values, int depth) {
  STUDIO_TRY(const SchemaFacts facts, reader_.read(set));
  if (facts.is_never) return true;
  if (facts.choice) {
    if (depth >= kMaxListedDepth) return false;
    STUDIO_TRY(const std::vector<SubschemaSet> branches, branches_of(facts));
    for (const SubschemaSet& branch : branches) {
      STUDIO_TRY(const bool are_listed, list_values(branch, values, depth + 1));
      if (!are_listed) return false;
    }
    return true;
  }
  if (!facts.values) return false;
  STUDIO_TRY(const ValueTest test, ValueTest::of(facts, reader_));
  for (const json::value* value : *facts.values) {
    const bool is_known =
        std::ranges::any_of(values, [&](const json::value* other) { return is_same(*other, *value); });
    if (value->is_structured() && (facts.members.size() > 1 || facts.has_inner_keywords)) return false;
    if (!is_known && test.holds(*value)) values.push_back(value);
    if (values.size() > kMaxDifferentItems) return false;
  }
  return values.size() <= kMaxDifferentItems;
}

}  // namespace studio::engine::constrain
