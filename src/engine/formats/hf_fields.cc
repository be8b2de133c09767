#include "engine/formats/hf_fields.h"

#include <boost/json.hpp>
#include <utility>

#include "base/json.h"

namespace studio::engine {
namespace {

namespace json = boost::json;

constexpr size_t kMaxFieldsDepth = 16;  // real files nest three deep
constexpr size_t kMaxIds = 64;          // end tokens of one model; real ones have one to five
constexpr int64_t kMaxId = 4 << 20;     // as long as a vocabulary may be

std::string range(int64_t low, int64_t high) {
  return "is no whole number from " + std::to_string(low) + " to " + std::to_string(high);
}

}  // namespace

Result<HfFields> HfFields::parse(std::string file, std::string_view text, size_t bytes) {
  auto document = parse_json(text, {.depth = kMaxFieldsDepth, .bytes = bytes});
  if (!document.ok()) return Error(Code::kCorruptData, file + " is no JSON we accept: " + document.error().message());
  if (!document->is_object()) return Error(Code::kCorruptData, file + " is no JSON object");
  return HfFields(file + ": ", std::move(document->get_object()));
}

std::string HfFields::name_of(std::string_view key) const {
  return place_ + std::string(key);
}

Error HfFields::wrong(std::string_view key, const std::string& what) const {
  return Error(Code::kCorruptData, name_of(key) + " " + what);
}

Error HfFields::unsupported(std::string_view key, const std::string& what) const {
  return Error(Code::kUnimplemented, name_of(key) + " " + what);
}

const json::value* HfFields::find(std::string_view key) const {
  const json::value* value = fields_.if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

Result<std::optional<int64_t>> HfFields::whole(std::string_view key, int64_t low, int64_t high) const {
  const json::value* value = find(key);
  if (value == nullptr) return std::optional<int64_t>();
  const int64_t* number = value->if_int64();
  if (number == nullptr || *number < low || *number > high) return wrong(key, range(low, high));
  return std::optional<int64_t>(*number);
}

Result<int> HfFields::whole_or(std::string_view key, int low, int high, int otherwise) const {
  STUDIO_TRY(auto value, whole(key, low, high));
  return static_cast<int>(value.value_or(otherwise));
}

Result<int> HfFields::need_whole(std::string_view key, int low, int high) const {
  STUDIO_TRY(auto value, whole(key, low, high));
  if (!value) return wrong(key, "is missing");
  return static_cast<int>(*value);
}

Result<double> HfFields::number_or(std::string_view key, double low, double high, double otherwise) const {
  const json::value* value = find(key);
  if (value == nullptr) return otherwise;
  double number = 0;
  if (const int64_t* integer = value->if_int64()) {
    number = static_cast<double>(*integer);
  } else if (const double* real = value->if_double()) {
    number = *real;
  } else {
    return wrong(key, "is no number");
  }
  if (!(number >= low && number <= high)) return wrong(key, "is out of range");
  return number;
}

Result<bool> HfFields::flag_or(std::string_view key, bool otherwise) const {
  const json::value* value = find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_bool()) return wrong(key, "is neither true nor false");
  return value->get_bool();
}

Result<std::optional<std::string>> HfFields::text(std::string_view key) const {
  const json::value* value = find(key);
  if (value == nullptr) return std::optional<std::string>();
  if (!value->is_string()) return wrong(key, "is no text");
  return std::optional<std::string>(std::string(value->get_string()));
}

Result<std::optional<HfFields>> HfFields::object(std::string_view key) const {
  const json::value* value = find(key);
  if (value == nullptr) return std::optional<HfFields>();
  if (!value->is_object()) return wrong(key, "is no object");
  return std::optional<HfFields>(HfFields(name_of(key) + ".", value->get_object()));
}

Result<std::vector<int32_t>> HfFields::ids(std::string_view key) const {
  std::vector<int32_t> ids;
  const json::value* value = find(key);
  if (value == nullptr) return ids;
  auto add = [&](const json::value& item) {
    const int64_t* id = item.if_int64();
    if (id == nullptr || *id < 0 || *id >= kMaxId || ids.size() == kMaxIds) return false;
    ids.push_back(static_cast<int32_t>(*id));
    return true;
  };
  if (const json::array* list = value->if_array()) {
    for (const json::value& item : *list) {
      if (!add(item)) return wrong(key, "holds more than 64 ids, or what is no token id");
    }
  } else if (!add(*value)) {
    return wrong(key, "is neither a token id nor a list of them");
  }
  return ids;
}

}  // namespace studio::engine
