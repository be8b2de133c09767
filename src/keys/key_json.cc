#include "keys/key_json.h"

#include <boost/json.hpp>

namespace studio::keys {
namespace {

namespace json = boost::json;

// The kinds' names go over the wire.
constexpr std::pair<Kind, std::string_view> kKinds[] = {
    {Kind::kMade, "made"}, {Kind::kLocal, "local"}, {Kind::kChosen, "chosen"}};

std::string_view name_of(Kind kind) {
  for (const auto& [known, name] : kKinds) {
    if (known == kind) return name;
  }
  return "";
}

const json::string* text_at(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value ? value->if_string() : nullptr;
}

}  // namespace

json::object json_of(const KeyInfo& info) {
  return {{"id", info.key_id},     {"name", info.name},     {"kind", name_of(info.kind)},
          {"prefix", info.prefix}, {"suffix", info.suffix}, {"created_at", info.created_at}};
}

json::object json_of(const NewKey& made) {
  json::object object{{"key", made.key}};
  for (const auto& member : json_of(made.info)) object.insert(member);
  return object;
}

Result<KeyInfo> key_of(const json::value& value) {
  const Error other(Code::kCorruptData, "the answer holds something that is no key");
  const json::object* object = value.if_object();
  if (!object) return other;
  KeyInfo info;
  for (auto [name, target] :
       {std::pair{"id", &info.key_id}, {"name", &info.name}, {"prefix", &info.prefix}, {"suffix", &info.suffix}}) {
    const json::string* text = text_at(*object, name);
    if (!text) return other;
    *target = std::string(*text);
  }
  const json::string* kind = text_at(*object, "kind");
  const json::value* created = object->if_contains("created_at");
  if (!kind || !created || !created->is_int64()) return other;
  info.created_at = created->get_int64();
  for (const auto& [known, name] : kKinds) {
    if (name != std::string_view(*kind)) continue;
    info.kind = known;
    return info;
  }
  return other;
}

}  // namespace studio::keys
