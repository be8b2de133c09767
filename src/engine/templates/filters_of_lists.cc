// Filters over lists and dicts. Those that are generators in Jinja give iterators here, computed at once: they have no
// length, are true even if empty, and can be read through once.
#include <algorithm>

#include "engine/templates/filters.h"
#include "engine/templates/merge_sort.h"
#include "engine/templates/print.h"
#include "engine/templates/strings.h"
#include "engine/templates/unicode.h"

namespace studio::engine::jinja {
namespace {

Value to_iterator(const FilterCall& call, std::vector<Value> items) {
  return make_list(call.budget, std::move(items), List::Type::kIterator, is_cut_from_data(call.value));
}

// item.a.b.0 by an attribute path: a string "a.b.0", or an integer.
Value look_up_path(Budget& budget, Value item, const Value& path, const Value* otherwise) {
  if (path.is(Kind::kNone)) return item;
  auto step = [&](const Value& key) {
    item = get_item(budget, item, key);
    if (otherwise && item.is(Kind::kUndefined)) item = *otherwise;
  };
  if (!path.is(Kind::kString)) {
    step(path);
    return item;
  }
  for (const Text& part : split(budget, path.text(), ".", -1, false)) {
    std::string_view name = part.view();
    bool is_number = !name.empty() && name.size() < 10 && name.find_first_not_of("0123456789") == name.npos;
    step(is_number ? Value(Int{std::atoi(std::string(name).c_str())}) : Value(part));
  }
  return item;
}

// What sort, unique, min and max compare: the item or its attribute, strings in lower case unless case counts.
Value comparison_key(Budget& budget, const Value& item, const Value* attribute, bool case_sensitive) {
  Value key = attribute ? look_up_path(budget, item, *attribute, nullptr) : item;
  if (case_sensitive || !key.is(Kind::kString)) return key;
  budget.map(key.text().size());
  return to_lower(key.text());
}

struct Keyed {
  Value key, item;
};
std::vector<Keyed> with_keys(Budget& budget, const Value& value, const Value* attribute, bool case_sensitive) {
  std::vector<Keyed> keyed;
  for (Value& item : iterate(budget, value)) {
    keyed.push_back({comparison_key(budget, item, attribute, case_sensitive), item});
  }
  return keyed;
}

void sort_keyed(Budget& budget, std::vector<Keyed>& keyed, bool reverse) {
  // Python sorts backwards stably, too: equal items keep their order.
  merge_sort(keyed, [&](const Keyed& a, const Keyed& b) {
    return reverse ? less(budget, b.key, a.key) : less(budget, a.key, b.key);
  });
}

std::vector<Value> items_of(std::vector<Keyed> keyed) {
  std::vector<Value> items;
  for (Keyed& entry : keyed) items.push_back(std::move(entry.item));
  return items;
}

const Value* attribute_of(const auto& bound, size_t i) {
  return bound.has_not_none(i) ? &bound.at(i) : nullptr;
}

Value length_filter(const FilterCall& call) {
  call.take_nothing();
  if (call.value.is(Kind::kString)) call.budget.read(call.value.text().size());
  return Value::integer(length(call.value));
}

Value list_filter(const FilterCall& call) {
  call.take_nothing();
  return make_list(call.budget, iterate(call.budget, call.value), List::Type::kList, is_cut_from_data(call.value));
}

Value first_filter(const FilterCall& call) {
  call.take_nothing();
  if (call.value.is(Kind::kList)) {  // without copying the rest
    List& list = *call.value.as_list();
    if (list.next >= list.items.size()) return Value::undefined("no first item, the sequence was empty");
    return list.is_sized() ? list.items.front() : list.items[list.next++];
  }
  std::vector<Value> items = iterate(call.budget, call.value);
  return items.empty() ? Value::undefined("no first item, the sequence was empty") : items.front();
}

Value last_filter(const FilterCall& call) {
  call.take_nothing();
  if (call.value.is(Kind::kList) && !call.value.as_list()->is_sized()) fail("last: an iterator cannot be reversed");
  std::vector<Value> items = iterate(call.budget, call.value);
  return items.empty() ? Value::undefined("no last item, the sequence was empty") : items.back();
}

Value join_filter(const FilterCall& call) {
  auto bound = call.bind<2>({"d", "attribute"});
  bool are_cut_from_data = is_cut_from_data(call.value);
  Text separator = bound.has(0) ? to_text(call.budget, bound.at(0)) : Text();
  std::vector<Text> texts;
  for (Value& item : iterate(call.budget, call.value)) {
    const Value* attribute = attribute_of(bound, 1);
    texts.push_back(to_text(call.budget, attribute ? look_up_path(call.budget, item, *attribute, nullptr) : item));
  }
  return join(call.budget, separator, texts, are_cut_from_data);
}

Value reverse_filter(const FilterCall& call) {
  call.take_nothing();
  if (call.value.is(Kind::kString)) return get_slice(call.budget, call.value, {.start = {}, .stop = {}, .step = -1});
  bool is_iterator = call.value.is(Kind::kList) && !call.value.as_list()->is_sized();
  std::vector<Value> items = iterate(call.budget, call.value);
  std::reverse(items.begin(), items.end());
  if (is_iterator) return make_list(call.budget, std::move(items), List::Type::kList, is_cut_from_data(call.value));
  return to_iterator(call, std::move(items));
}

Value items_filter(const FilterCall& call) {
  call.take_nothing();
  if (call.value.is(Kind::kUndefined)) return to_iterator(call, {});
  if (!call.value.is(Kind::kDict)) fail("can only get item pairs from a mapping");
  std::vector<Value> pairs;
  for (const auto& [key, value] : call.value.as_dict()->entries) {
    pairs.push_back(make_list(call.budget, {key, value}, List::Type::kTuple));
  }
  return to_iterator(call, std::move(pairs));
}

Value dictsort(const FilterCall& call) {
  auto bound = call.bind<3>({"case_sensitive", "by", "reverse"});
  bool case_sensitive = bound.get_bool(0, false), reverse = bound.get_bool(2, false);
  std::string_view by = bound.has(1) ? bound.get_text(1).view() : "key";
  if (by != "key" && by != "value") fail("dictsort: you can only sort by either 'key' or 'value'");
  if (call.value.is(Kind::kUndefined)) fail_undefined(call.value);
  if (!call.value.is(Kind::kDict)) fail("dictsort: expected a mapping");
  std::vector<Keyed> keyed;
  for (const auto& [key, value] : call.value.as_dict()->entries) {
    keyed.push_back({comparison_key(call.budget, by == "key" ? key : value, nullptr, case_sensitive),
                     make_list(call.budget, {key, value}, List::Type::kTuple)});
  }
  sort_keyed(call.budget, keyed, reverse);
  return make_list(call.budget, items_of(std::move(keyed)));
}

Value sort_filter(const FilterCall& call) {
  auto bound = call.bind<3>({"reverse", "case_sensitive", "attribute"});
  const Value* attribute = attribute_of(bound, 2);
  if (attribute && attribute->is(Kind::kString) && attribute->view().find(',') != std::string_view::npos) {
    fail_unimplemented("sort by several attributes");
  }
  auto keyed = with_keys(call.budget, call.value, attribute, bound.get_bool(1, false));
  sort_keyed(call.budget, keyed, bound.get_bool(0, false));
  return make_list(call.budget, items_of(std::move(keyed)), List::Type::kList, is_cut_from_data(call.value));
}

Value unique_filter(const FilterCall& call) {
  auto bound = call.bind<2>({"case_sensitive", "attribute"});
  Dict seen;
  std::vector<Value> items;
  for (Keyed& entry : with_keys(call.budget, call.value, attribute_of(bound, 1), bound.get_bool(0, false))) {
    if (!is_key(entry.key)) fail("unhashable type: '" + std::string(type_name(entry.key)) + "'");
    call.budget.step();
    if (seen.find(entry.key)) continue;
    seen.set(std::move(entry.key), None{});
    items.push_back(std::move(entry.item));
  }
  return to_iterator(call, std::move(items));
}

template <bool largest>
Value extreme(const FilterCall& call) {
  auto bound = call.bind<2>({"case_sensitive", "attribute"});
  auto keyed = with_keys(call.budget, call.value, attribute_of(bound, 1), bound.get_bool(0, false));
  if (keyed.empty()) return Value::undefined("no aggregated item, the sequence was empty");
  Keyed* best = &keyed.front();
  for (Keyed& entry : keyed) {
    bool is_better =
        &entry != best && (largest ? less(call.budget, best->key, entry.key) : less(call.budget, entry.key, best->key));
    if (is_better) best = &entry;
  }
  return best->item;
}

Value sum_filter(const FilterCall& call) {
  auto bound = call.bind<2>({"attribute", "start"});
  Value sum = bound.get(1, Int{0});
  if (sum.is(Kind::kString)) fail("sum: strings are joined, not summed");
  for (Value& item : iterate(call.budget, call.value)) {
    const Value* attribute = attribute_of(bound, 0);
    sum = binary(call.budget, BinaryOp::kAdd, sum,
                 attribute ? look_up_path(call.budget, item, *attribute, nullptr) : item);
  }
  return sum;
}

// The arguments from position `from` on, for a filter or test that is itself an argument.
Arguments rest_of(const Arguments& arguments, size_t from) {
  Arguments rest{.positional = {}, .keyword = arguments.keyword};
  for (size_t i = from; i < arguments.positional.size(); ++i) rest.positional.push_back(arguments.positional[i]);
  return rest;
}

const Value& name_argument(const FilterCall& call, size_t i, const char* what) {
  const auto& positional = call.arguments.positional;
  if (i >= positional.size() || !positional[i].is(Kind::kString)) {
    fail(std::string(call.name) + ": expected the name of " + what);
  }
  return positional[i];
}

Value map_filter(const FilterCall& call) {
  if (!truthy(call.value)) return to_iterator(call, {});
  std::vector<Value> items = iterate(call.budget, call.value);
  bool by_attribute = call.arguments.positional.empty() && !call.arguments.keyword.empty() &&
                      std::any_of(call.arguments.keyword.begin(), call.arguments.keyword.end(),
                                  [](const auto& argument) { return argument.first == "attribute"; });
  if (by_attribute) {
    auto bound = call.bind<2>({"attribute", "default"});
    const Value* otherwise = bound.has_not_none(1) ? &bound.at(1) : nullptr;
    for (Value& item : items) item = look_up_path(call.budget, item, bound.at(0), otherwise);
  } else {
    std::string_view name = name_argument(call, 0, "a filter").view();
    Arguments rest = rest_of(call.arguments, 1);
    for (Value& item : items) item = apply_filter(call.budget, name, item, rest);
  }
  return to_iterator(call, std::move(items));
}

// select, reject and, looking at an attribute of the items, selectattr and rejectattr.
template <bool keep, bool by_attribute>
Value select_filter(const FilterCall& call) {
  if (!truthy(call.value)) return to_iterator(call, {});
  size_t used = by_attribute ? 1 : 0;
  if (by_attribute && call.arguments.positional.empty()) fail(std::string(call.name) + ": missing the attribute");
  bool has_test = call.arguments.positional.size() > used;
  std::string_view test = has_test ? name_argument(call, used, "a test").view() : std::string_view();
  Arguments rest = rest_of(call.arguments, used + 1);
  std::vector<Value> kept;
  for (Value& item : iterate(call.budget, call.value)) {
    Value subject = by_attribute ? look_up_path(call.budget, item, call.arguments.positional[0], nullptr) : item;
    bool passes = has_test ? apply_test(call.budget, test, subject, rest) : truthy(subject);
    if (passes == keep) kept.push_back(std::move(item));
  }
  return to_iterator(call, std::move(kept));
}

constexpr FilterEntry kListFilters[] = {
    {"count", length_filter},
    {"dictsort", dictsort},
    {"first", first_filter},
    {"items", items_filter},
    {"join", join_filter},
    {"last", last_filter},
    {"length", length_filter},
    {"list", list_filter},
    {"map", map_filter},
    {"max", extreme<true>},
    {"min", extreme<false>},
    {"reject", select_filter<false, false>},
    {"rejectattr", select_filter<false, true>},
    {"reverse", reverse_filter},
    {"select", select_filter<true, false>},
    {"selectattr", select_filter<true, true>},
    {"sort", sort_filter},
    {"sum", sum_filter},
    {"unique", unique_filter},
};

}  // namespace

std::span<const FilterEntry> list_filters() {
  return kListFilters;
}

}  // namespace studio::engine::jinja
