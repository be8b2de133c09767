#include "api/serving/fields.h"

#include <algorithm>
#include <boost/json/value.hpp>
#include <cmath>
#include <limits>

#include "base/json.h"
#include "base/nearest_name.h"
#include "engine/tokenizer/stream_decoder.h"

namespace studio::api {
namespace {

constexpr size_t kMaxExcerptBytes = 96;  // enough to know one's own text again
constexpr size_t kFewNames = 4;          // of an object's fields: as many as a sentence bears
constexpr size_t kMaxBodyDepth = 64;  // of objects and lists in a request: deeper than any schema or tool call in use

std::string joined(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

std::string shown(double value) {
  std::string text = to_json(boost::json::value(value));
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

// The float that a number becomes; what is past every float stays as it is.
double as_float(double value) {
  if (std::fabs(value) > std::numeric_limits<float>::max()) return value;
  return static_cast<double>(static_cast<float>(value));
}

bool is_neutral(const FieldRule& rule, const boost::json::value& value) {
  std::string text = to_json(value);
  std::string_view rest = rule.values;
  while (!rest.empty()) {
    size_t end = std::min(rest.find(' '), rest.size());
    if (rest.substr(0, end) == text) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

// "messages[12].content[3]" as "messages[].content[]": a list of names must not grow with a conversation.
std::string without_indices(std::string_view path) {
  std::string shape;
  bool is_index = false;
  for (char c : path) {
    if (c == ']') is_index = false;
    if (!is_index) shape += c;
    if (c == '[') is_index = true;
  }
  return shape;
}

}  // namespace

std::string excerpt(std::string_view text) {
  engine::StreamDecoder decoder;  // holds back a character that the cut would halve
  if (text.size() > kMaxExcerptBytes) return decoder.push(text.substr(0, kMaxExcerptBytes)) + "...";
  std::string whole = decoder.push(text);
  return whole + decoder.flush();
}

Result<boost::json::value> parse_body(std::string_view body, size_t limit_bytes) {
  auto json = parse_json(body, {.depth = kMaxBodyDepth, .bytes = limit_bytes});
  if (!json.ok()) return Error(json.error().code(), "The body is not valid JSON: " + json.error().message());
  if (!json->is_object()) {
    return Error(Code::kInvalidArgument,
                 "The body must be a JSON object; it is " + std::string(json_kind(*json)) + ".");
  }
  return json;
}

std::string_view json_kind(const boost::json::value& value) {
  if (value.is_null()) return "null";
  if (value.is_bool()) return "true or false";
  if (value.is_number()) return "a number";
  if (value.is_string()) return "a text";
  return value.is_array() ? "a list" : "an object";
}

FieldReader::FieldReader(const boost::json::object& object, std::string path, std::span<const FieldRule> rules,
                         std::vector<std::string>* ignored)
    : object_(object), path_(std::move(path)), rules_(rules) {
  check_names(ignored);
}

void FieldReader::check_names(std::vector<std::string>* ignored) {
  for (const auto& field : object_) {
    std::string_view name = field.key();
    auto rule = std::find_if(rules_.begin(), rules_.end(), [&](const FieldRule& known) { return known.name == name; });
    // One fault is told, so the rest of a hostile body is not looked at.
    if (rule == rules_.end()) return fail_unknown(name);
    if (field.value().is_null()) continue;
    if (rule->use == FieldUse::kNotBuilt) check_not_built(*rule, field.value(), ignored);
    if (rule->use == FieldUse::kNoEffect) {
      if (!rule->values.empty() && json_kind(field.value()) != rule->values) {
        fail_type(name, rule->values, field.value());
      }
      list_ignored(name, ignored);
    }
  }
}

void FieldReader::fail_unknown(std::string_view name) {
  std::vector<std::string> known;
  for (const FieldRule& each : rules_) {
    if (each.use == FieldUse::kHonoured) known.emplace_back(each.name);
  }
  std::string hint = did_you_mean(name, known);
  if (hint.empty() && known.size() <= kFewNames) hint = "; it may hold " + joined(known);
  fail(excerpt(name), "is not a field of this request" + hint, Code::kUnimplemented);
}

void FieldReader::check_not_built(const FieldRule& rule, const boost::json::value& value,
                                  std::vector<std::string>* ignored) {
  if (is_neutral(rule, value)) return list_ignored(rule.name, ignored);
  const std::string why = rule.reason.empty() ? " by this version" : ": " + std::string(rule.reason);
  fail(rule.name, "is not supported" + why + "; leave it out", Code::kUnimplemented);
}

void FieldReader::list_ignored(std::string_view name, std::vector<std::string>* ignored) const {
  if (!ignored) return;
  std::string shape = without_indices(path_of(name));
  if (std::find(ignored->begin(), ignored->end(), shape) == ignored->end()) ignored->push_back(std::move(shape));
}

const boost::json::value* FieldReader::find(std::string_view name) const {
  const boost::json::value* value = object_.if_contains(name);
  return value && !value->is_null() ? value : nullptr;
}

std::optional<bool> FieldReader::flag(std::string_view name) {
  const boost::json::value* value = find(name);
  if (!value) return std::nullopt;
  if (value->is_bool()) return value->get_bool();
  fail_type(name, "true or false", *value);
  return std::nullopt;
}

std::optional<int64_t> FieldReader::integer(std::string_view name, int64_t min, int64_t max) {
  const boost::json::value* value = find(name);
  if (!value) return std::nullopt;
  bool is_integer = value->is_int64() || value->is_uint64();
  if (!is_integer) {
    fail_type(name, "a whole number", *value);
    return std::nullopt;
  }
  bool is_huge = value->is_uint64() && value->get_uint64() > static_cast<uint64_t>(INT64_MAX);
  int64_t number = is_huge ? INT64_MAX : value->to_number<int64_t>();
  if (is_huge || number < min || number > max) {
    fail(name,
         max == INT64_MAX
             ? "must be at least " + std::to_string(min) + "; it is " + to_json(*value)
             : "must be from " + std::to_string(min) + " to " + std::to_string(max) + "; it is " + to_json(*value),
         Code::kOutOfRange);
    return std::nullopt;
  }
  return number;
}

std::optional<double> FieldReader::number(std::string_view name, Range range) {
  const boost::json::value* value = find(name);
  if (!value) return std::nullopt;
  if (!value->is_number()) {
    fail_type(name, "a number", *value);
    return std::nullopt;
  }
  double number = value->to_number<double>();
  // Numbers go on as floats: one that a float cannot tell from an excluded border is out of range as the border is.
  bool is_low = range.excludes_min ? number <= range.min || as_float(number) <= range.min : number < range.min;
  bool is_high = range.excludes_max ? number >= range.max || as_float(number) >= range.max : number > range.max;
  if (is_low || is_high) {
    fail(name,
         "must be " + std::string(range.excludes_min ? "above " : "at least ") + shown(range.min) + " and " +
             (range.excludes_max ? "below " : "at most ") + shown(range.max) + "; it is " + shown(number),
         Code::kOutOfRange);
    return std::nullopt;
  }
  return number;
}

std::optional<std::string> FieldReader::text(std::string_view name) {
  const boost::json::value* value = find(name);
  if (!value) return std::nullopt;
  if (value->is_string()) return std::string(value->get_string());
  fail_type(name, "a text", *value);
  return std::nullopt;
}

const boost::json::array* FieldReader::list(std::string_view name) {
  const boost::json::value* value = find(name);
  if (!value) return nullptr;
  if (value->is_array()) return &value->get_array();
  fail_type(name, "a list", *value);
  return nullptr;
}

const boost::json::object* FieldReader::object(std::string_view name) {
  const boost::json::value* value = find(name);
  if (!value) return nullptr;
  if (value->is_object()) return &value->get_object();
  fail_type(name, "an object", *value);
  return nullptr;
}

std::string FieldReader::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

void FieldReader::fail(std::string_view name, std::string_view problem, Code code) {
  std::string path = path_of(name);
  std::string sentence = path + " " + std::string(problem);
  if (!sentence.ends_with('?')) sentence += '.';
  fail(Error(code, std::move(sentence)).with_param(path));
}

void FieldReader::fail(Error error) {
  if (!error_) error_ = std::move(error);
}

void FieldReader::fail_type(std::string_view name, std::string_view wanted, const boost::json::value& got) {
  std::string kind(json_kind(got));
  if (got.is_double() && wanted == "a whole number") kind = to_json(got);
  fail(name, "must be " + std::string(wanted) + "; it is " + kind);
}

Status FieldReader::status() const {
  if (error_) return *error_;
  return Ok{};
}

}  // namespace studio::api
