#include "catalogue/object_reader.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/nearest_name.h"

namespace studio::catalogue {

ObjectReader::ObjectReader(const boost::json::value& value, std::string place) : place_(std::move(place)) {
  object_ = value.if_object();
  if (!object_) fault_ = Error(Code::kInvalidArgument, place_ + ": expected an object");
}

std::string ObjectReader::place_of(std::string_view key) const {
  return (place_.empty() ? "" : place_ + ".") + std::string(key);
}

const boost::json::value* ObjectReader::find(std::string_view key) {
  known_.emplace_back(key);
  return object_ ? object_->if_contains(key) : nullptr;
}

bool ObjectReader::has(std::string_view key) const {
  return object_ && object_->contains(key);
}

void ObjectReader::fail(std::string_view key, const std::string& reason) {
  if (!fault_) fault_ = Error(Code::kInvalidArgument, place_of(key) + ": " + reason);
}

std::string ObjectReader::text(std::string_view key) {
  if (!has(key)) fail(key, "is required");
  std::string text = this->text(key, "");
  if (has(key) && text.empty()) fail(key, "expected a text that is not empty");
  return text;
}

std::string ObjectReader::text(std::string_view key, std::string fallback) {
  const boost::json::value* value = find(key);
  if (!value) return fallback;
  if (const boost::json::string* text = value->if_string()) return std::string(*text);
  fail(key, "expected a text");
  return fallback;
}

int64_t ObjectReader::number(std::string_view key, int64_t fallback) {
  const boost::json::value* value = find(key);
  if (!value) return fallback;
  if (const int64_t* number = value->if_int64(); number && *number >= 0) return *number;
  fail(key, "expected a whole number, not negative");
  return fallback;
}

std::vector<std::string> ObjectReader::texts(std::string_view key) {
  std::vector<std::string> all;
  each(key, [&](const boost::json::value& item, const std::string& place) -> Status {
    const boost::json::string* text = item.if_string();
    if (!text) return Error(Code::kInvalidArgument, place + ": expected a text");
    all.emplace_back(*text);
    return Ok{};
  });
  return all;
}

void ObjectReader::each(std::string_view key,
                        const std::function<Status(const boost::json::value&, std::string place)>& read) {
  const boost::json::value* value = find(key);
  if (!value) return;
  const boost::json::array* array = value->if_array();
  if (!array) return fail(key, "expected a list");
  for (size_t i = 0; i < array->size() && !fault_; ++i) {
    Status status = read((*array)[i], place_of(key) + "[" + std::to_string(i) + "]");
    if (!status.ok()) fault_ = std::move(status).error();
  }
}

void ObjectReader::each_member(
    std::string_view key,
    const std::function<Status(std::string_view name, const boost::json::value&, std::string place)>& read) {
  const boost::json::value* value = find(key);
  if (!value) return;
  const boost::json::object* object = value->if_object();
  if (!object) return fail(key, "expected an object");
  for (const auto& member : *object) {
    if (fault_) return;
    Status status = read(member.key(), member.value(), place_of(key) + "." + std::string(member.key()));
    if (!status.ok()) fault_ = std::move(status).error();
  }
}

Status ObjectReader::finish() {
  if (fault_) return *fault_;
  for (const auto& member : *object_) {
    std::string name(member.key());
    if (std::find(known_.begin(), known_.end(), name) == known_.end()) {
      return Error(Code::kInvalidArgument, place_of(name) + ": unknown field" + did_you_mean(name, known_));
    }
  }
  return Ok{};
}

}  // namespace studio::catalogue
