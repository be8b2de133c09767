#include "api/serving/degraded.h"

#include <boost/json.hpp>
#include <charconv>
#include <cstdio>

#include "base/json.h"

namespace studio::api {
namespace {

namespace json = boost::json;

constexpr std::string_view kName = "allow_degraded";

// The longest member whose name the path begins with: names may hold dots.
json::object::iterator member_at(json::object& object, std::string_view path) {
  auto found = object.end();
  for (auto it = object.begin(); it != object.end(); ++it) {
    const std::string_view name = it->key();
    const bool begins =
        path.starts_with(name) && (path.size() == name.size() || path[name.size()] == '.' || path[name.size()] == '[');
    if (begins && (found == object.end() || name.size() > std::string_view(found->key()).size())) found = it;
  }
  return found;
}

bool erase_at(json::value& value, std::string_view path);

// "[3].content ..." of a list.
bool erase_in(json::array& items, std::string_view path) {
  const size_t end = path.find(']');
  if (!path.starts_with('[') || end == std::string_view::npos) return false;
  size_t index = 0;
  const auto [stop, error] = std::from_chars(path.data() + 1, path.data() + end, index);
  if (error != std::errc() || stop != path.data() + end || index >= items.size()) return false;
  std::string_view rest = path.substr(end + 1);
  if (rest.starts_with('.')) rest.remove_prefix(1);
  return !rest.empty() && erase_at(items[index], rest);
}

bool erase_in(json::object& object, std::string_view path) {
  const auto member = member_at(object, path);
  if (member == object.end()) return false;
  std::string_view rest = path.substr(member->key().size());
  if (rest.starts_with('.')) rest.remove_prefix(1);
  if (!rest.empty()) return erase_at(member->value(), rest);
  object.stable_erase(member);  // the order of a schema's properties is that of the answer
  return true;
}

// Names may be a stranger's: what is not plain in a header's list is written as %XX.
std::string in_header(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (c > ' ' && c < 0x7F && c != ',' && c != '%') {
      plain += c;
    } else {
      char code[4];
      std::snprintf(code, sizeof code, "%%%02X", static_cast<unsigned char>(c));
      plain += code;
    }
  }
  return plain;
}

// As deep as the body, whose depth its parser bounds.
bool erase_at(json::value& value, std::string_view path) {
  if (json::object* object = value.if_object()) return erase_in(*object, path);
  if (json::array* items = value.if_array()) return erase_in(*items, path);
  return false;
}

// Into the object that ends last before `end`.
void add_member(const json::object& degraded, std::string& text, size_t end) {
  const size_t brace = end == 0 ? std::string::npos : text.rfind('}', end - 1);
  if (brace == std::string::npos || brace == 0) return;
  text.insert(brace, ",\"degraded\":" + to_json(degraded));
}

Result<bool> read_flag(const json::object& object, const std::string& place) {
  const json::value* value = object.if_contains(kName);
  if (!value || value->is_null()) return false;
  if (value->is_bool()) return value->get_bool();
  return Error(Code::kInvalidArgument, place + " must be true or false; it is " + std::string(json_kind(*value)) + ".")
      .with_param(place);
}

}  // namespace

Result<bool> allows_degraded(const json::object& body, std::string_view inner) {
  STUDIO_TRY(const bool of_body, read_flag(body, std::string(kName)));
  const json::value* value = inner.empty() ? nullptr : body.if_contains(inner);
  const json::object* object = value ? value->if_object() : nullptr;
  if (!object) return of_body;
  STUDIO_TRY(const bool of_inner, read_flag(*object, std::string(inner) + "." + std::string(kName)));
  return of_body || of_inner;
}

bool leave_out(const Error& refusal, json::object& body, std::vector<Error>& left_out) {
  if (refusal.code() != Code::kUnimplemented || left_out.size() == kMaxLeftOut) return false;
  if (refusal.param().empty() || !erase_in(body, refusal.param())) return false;
  left_out.push_back(refusal);
  return true;
}

Error what_to_tell(const Error& last, const std::vector<Error>& left_out) {
  for (const Error& refusal : left_out) {
    if (refusal.param() == last.param()) return refusal;
  }
  return last;
}

void add_names(const char* field, const std::vector<std::string>& names, http::Response& response) {
  if (names.empty()) return;
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + in_header(name);
  response.fields.add(field, all);
}

json::object degraded_object(const std::vector<std::string>& unhonoured, const std::vector<std::string>& truncated) {
  json::object degraded;
  if (!unhonoured.empty()) degraded["unhonoured"] = json::value_from(unhonoured);
  if (!truncated.empty()) degraded["truncated"] = json::value_from(truncated);
  return degraded;
}

void add_degraded_member(const json::object& degraded, http::Response& response) {
  add_member(degraded, response.body, response.body.size());
}

void mark_degraded(const std::vector<std::string>& names, http::Response& response) {
  add_names("X-Studio-Degraded", names, response);
  if (!names.empty()) add_degraded_member(degraded_object(names), response);
}

void mark_first_event(const std::vector<std::string>& names, std::string& events) {
  const size_t begin = events.find('{');
  if (names.empty() || begin == std::string::npos) return;
  add_member(degraded_object(names), events, std::min(events.find('\n', begin), events.size()));
}

}  // namespace studio::api
