#include "engine/constrain/schema_refs.h"

#include <charconv>
#include <optional>
#include <span>
#include <utility>

namespace studio::engine::constrain {
namespace {

namespace json = boost::json;

constexpr std::string_view kMapsOfSchemas[] = {"properties",  "patternProperties", "$defs",
                                               "definitions", "dependentSchemas",  "dependencies"};
constexpr std::string_view kSchemas[] = {"allOf",
                                         "anyOf",
                                         "oneOf",
                                         "not",
                                         "if",
                                         "then",
                                         "else",
                                         "items",
                                         "prefixItems",
                                         "additionalItems",
                                         "contains",
                                         "additionalProperties",
                                         "propertyNames",
                                         "unevaluatedItems",
                                         "unevaluatedProperties"};

bool is_listed(std::string_view key, std::span<const std::string_view> list) {
  for (const std::string_view each : list) {
    if (each == key) return true;
  }
  return false;
}

std::string_view text_at(const json::object& schema, std::string_view key) {
  const json::value* value = schema.if_contains(key);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

std::string_view without_fragment(std::string_view uri) {
  return uri.substr(0, uri.find('#'));
}

Draft draft_named(std::string_view uri) {
  constexpr std::pair<std::string_view, Draft> kNames[] = {{"draft-03", Draft::k4},   {"draft-04", Draft::k4},
                                                           {"draft-06", Draft::k6},   {"draft-07", Draft::k7},
                                                           {"2019-09", Draft::k2019}, {"/20", Draft::k2020}};
  for (const auto& [name, draft] : kNames) {
    if (uri.find(name) != uri.npos) return draft;
  }
  return Draft::kUnknown;
}

// Keywords with which a draft began; all others are as old as draft 4.
constexpr std::pair<std::string_view, Draft> kLaterKeywords[] = {{"const", Draft::k6},
                                                                 {"contains", Draft::k6},
                                                                 {"propertyNames", Draft::k6},
                                                                 {"if", Draft::k7},
                                                                 {"minContains", Draft::k2019},
                                                                 {"maxContains", Draft::k2019},
                                                                 {"dependentRequired", Draft::k2019},
                                                                 {"dependentSchemas", Draft::k2019},
                                                                 {"prefixItems", Draft::k2020}};

// A fragment as it was before it became part of a URI; what is no escape stays.
std::string percent_decoded(std::string_view fragment) {
  std::string text;
  for (size_t at = 0; at < fragment.size(); ++at) {
    const char* digits = fragment.data() + at + 1;
    unsigned byte = 0;
    const bool is_escape = fragment[at] == '%' && at + 2 < fragment.size() &&
                           std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2;
    text += is_escape ? static_cast<char>(byte) : fragment[at];
    if (is_escape) at += 2;
  }
  return text;
}

// One part of a pointer, ~ decoded. Moves `at` past it.
std::string next_key(std::string_view pointer, size_t& at) {
  std::string key;
  for (++at; at < pointer.size() && pointer[at] != '/'; ++at) {
    char c = pointer[at];
    if (c == '~' && at + 1 < pointer.size() && (pointer[at + 1] == '0' || pointer[at + 1] == '1')) {
      c = pointer[++at] == '0' ? '~' : '/';
    }
    key += c;
  }
  return key;
}

std::optional<Subschema> member_of(const Subschema& holder, const std::string& key) {
  if (const auto* object = holder.value->if_object()) {
    const auto* found = object->find(key);
    if (found == object->end()) return std::nullopt;
    return holder.at(found->value(), found->key());
  }
  const auto* array = holder.value->if_array();
  size_t index = 0;
  const auto end = std::from_chars(key.data(), key.data() + key.size(), index).ptr;
  const bool is_index = array != nullptr && !key.empty() && end == key.data() + key.size() && index < array->size();
  return is_index ? std::optional(holder.at((*array)[index], index)) : std::nullopt;
}

std::optional<Subschema> follow_pointer(Subschema here, std::string_view fragment) {
  const std::string pointer = percent_decoded(fragment);
  for (size_t at = 0; at < pointer.size();) {
    if (pointer[at] != '/') return std::nullopt;
    const std::string key = next_key(pointer, at);
    auto inner = member_of(here, key);
    if (!inner) return std::nullopt;
    here = *std::move(inner);
  }
  return here;
}

}  // namespace

std::string resolved_uri(std::string_view base, std::string_view reference) {
  const size_t colon = reference.find(':');
  if (colon != std::string_view::npos && reference.find_first_of("/?#") > colon) return std::string(reference);
  if (reference.empty() || reference[0] == '#') return std::string(without_fragment(base)) + std::string(reference);
  const size_t scheme = base.find("://");
  const size_t path = scheme == std::string_view::npos ? 0 : std::min(base.find('/', scheme + 3), base.size());
  if (reference[0] == '/') return std::string(base.substr(0, path)) + std::string(reference);
  const std::string_view plain = without_fragment(base);
  const size_t slash = plain.rfind('/');
  const bool has_path = slash != std::string_view::npos && slash >= path;
  return std::string(plain.substr(0, has_path ? slash + 1 : path)) + std::string(reference);
}

Draft first_draft_with(std::string_view key) {
  const auto* later = std::ranges::find(kLaterKeywords, key, &std::pair<std::string_view, Draft>::first);
  return later != std::end(kLaterKeywords) ? later->second : Draft::k4;
}

SchemaRefs::SchemaRefs(const json::value& root) : root_(root) {
  if (const auto* schema = root.if_object()) {
    draft_ = draft_named(text_at(*schema, "$schema"));
  }
  by_uri_[""] = {.value = &root_, .pointer = Pointer::root()};
  find_names(root_, Pointer::root(), "");
}

// Schemas that name themselves. Recursion is bounded by the depth that reading JSON allows.
void SchemaRefs::find_names(const json::value& value, const Pointer& pointer, const std::string& outer_base) {
  if (const auto* list = value.if_array()) {
    for (size_t i = 0; i < list->size(); ++i) find_names((*list)[i], pointer.child(i), outer_base);
  }
  const auto* schema = value.if_object();
  if (schema == nullptr) return;
  std::string base = outer_base;
  if (draft_ >= Draft::k2019 || !schema->contains("$ref")) {
    add_id(value, text_at(*schema, draft_ == Draft::k4 ? "id" : "$id"), pointer, base);
  }
  for (const std::string_view key : {"$anchor", "$dynamicAnchor"}) {
    const std::string_view name = text_at(*schema, key);
    if (!name.empty()) by_uri_.try_emplace(base + "#" + std::string(name), Subschema{&value, pointer});
  }
  for (const auto& [key, inner] : *schema) {
    const Pointer at = pointer.child(key);
    if (is_listed(key, kSchemas)) find_names(inner, at, base);
    const auto* map = is_listed(key, kMapsOfSchemas) ? inner.if_object() : nullptr;
    if (map == nullptr) continue;
    for (const auto& [name, each] : *map) find_names(each, at.child(name), base);
  }
}

void SchemaRefs::add_id(const json::value& schema, std::string_view id, const Pointer& pointer, std::string& base) {
  if (id.empty()) return;
  const std::string uri = resolved_uri(base, id);
  if (id[0] == '#') {  // the anchor of drafts 4 to 7
    by_uri_.try_emplace(uri, Subschema{&schema, pointer});
    return;
  }
  base = without_fragment(uri);
  by_uri_.try_emplace(base, Subschema{&schema, pointer});
  base_from_[pointer.text()] = base;
}

// That of the nearest schema around it with an id.
std::string SchemaRefs::base_of(const Pointer& pointer) const {
  if (base_from_.empty()) return "";
  if (base_from_.size() == 1 && base_from_.begin()->first == "#") return base_from_.begin()->second;
  for (std::string here = pointer.text();;) {
    if (const auto known = base_from_.find(here); known != base_from_.end()) return known->second;
    const size_t slash = here.rfind('/');
    if (slash == std::string::npos) break;
    here.resize(slash);
  }
  return "";
}

Result<Subschema> SchemaRefs::resolve(std::string_view ref, const Pointer& from) const {
  const Pointer at = from.child("$ref");
  const std::string uri = resolved_uri(base_of(from), ref);
  const auto nothing = [&] {
    return schema_error(Code::kInvalidArgument, at, "refers to nothing: " + std::string(ref));
  };
  if (const auto known = by_uri_.find(uri); known != by_uri_.end()) return known->second;
  const auto resource = by_uri_.find(std::string(without_fragment(uri)));
  const size_t hash = uri.find('#');
  if (resource == by_uri_.end() && !ref.starts_with("#"))
    return schema_error(Code::kUnimplemented, at, "only references within the schema are followed");
  const std::string_view fragment = hash == std::string::npos ? "" : std::string_view(uri).substr(hash + 1);
  if (!fragment.empty() && fragment[0] != '/') return nothing();
  std::optional<Subschema> found;
  if (resource != by_uri_.end()) found = follow_pointer(resource->second, fragment);
  // Many write pointers from the document's root in schemas that have an $id of their own.
  if (!found && ref.starts_with("#")) found = follow_pointer({.value = &root_, .pointer = Pointer::root()}, fragment);
  if (!found) return nothing();
  return *found;
}

}  // namespace studio::engine::constrain
