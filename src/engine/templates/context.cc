#include "engine/templates/context.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "engine/templates/unicode.h"

namespace studio::engine::jinja {
namespace {

namespace json = boost::json;

class Importer {
 public:
  Importer(Budget& budget, Origin origin) : budget_(budget), origin_(origin) {}

  Value value(const json::value& json, int depth) {
    if (depth > kMaxNesting) fail("the context is nested more than " + std::to_string(kMaxNesting) + " deep");
    switch (json.kind()) {
      case json::kind::null:
        return None{};
      case json::kind::bool_:
        return Value::boolean(json.get_bool());
      case json::kind::int64:
        return Int{json.get_int64()};
      case json::kind::uint64:
        return Int{json.get_uint64()};
      case json::kind::double_:
        return json.get_double();
      case json::kind::string:
        return string(json.get_string(), origin_);
      case json::kind::array:
        return array(json.get_array(), depth);
      case json::kind::object:
        return object(json.get_object(), depth);
    }
    return None{};
  }

  Value message(const json::value& json) {
    static constexpr std::string_view kRoles[] = {"system", "developer", "user", "assistant", "tool", "function"};
    const json::object* fields = json.if_object();
    if (!fields) return value(json, 2);
    std::vector<std::pair<Value, Value>> entries;
    for (const auto& [key, field] : *fields) {
      const json::string* text = field.if_string();
      bool is_role = key == "role" && text &&
                     std::find(std::begin(kRoles), std::end(kRoles), std::string_view(*text)) != std::end(kRoles);
      entries.emplace_back(string(key, origin_), is_role ? string(*text, Origin::kTemplate) : value(field, 3));
    }
    return make_dict(budget_, std::move(entries));
  }

 private:
  Value string(std::string_view text, Origin origin) {
    budget_.make_string(text.size());
    if (!is_valid_utf8(text)) fail("a string of the context is not valid UTF-8");
    return make_text(std::string(text), origin);
  }

  Value array(const json::array& array, int depth) {
    budget_.make_items(array.size());
    std::vector<Value> items;
    items.reserve(array.size());
    for (const json::value& item : array) items.push_back(value(item, depth + 1));
    return make_list(budget_, std::move(items));
  }

  Value object(const json::object& object, int depth) {
    budget_.make_items(object.size());
    std::vector<std::pair<Value, Value>> entries;
    entries.reserve(object.size());
    for (const auto& [key, field] : object) entries.emplace_back(string(key, origin_), value(field, depth + 1));
    return make_dict(budget_, std::move(entries));
  }

  Budget& budget_;
  const Origin origin_;
};

}  // namespace

Value import_json(Budget& budget, const json::value& json, Origin origin) {
  return Importer(budget, origin).value(json, 1);
}

Value import_messages(Budget& budget, const json::value& json) {
  const json::array* messages = json.if_array();
  if (!messages) return import_json(budget, json, Origin::kData);
  Importer importer(budget, Origin::kData);
  std::vector<Value> items;
  for (const json::value& message : *messages) items.push_back(importer.message(message));
  return make_list(budget, std::move(items));
}

}  // namespace studio::engine::jinja
