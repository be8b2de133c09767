// Strict reading of a request's JSON object against its table of fields.
//
// Each object of a dialect has one table: fields that are honoured, fields without effect on the answer (accepted and
// listed), fields that are not built. A name in no table is an error that names the nearest one. Getters keep the first
// error, so a parser reads straight through and asks once at the end. null counts as absent.
// One per object; not thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace studio::api {

enum class FieldUse {
  kHonoured,
  kNoEffect,  // documented, harmless by nature
  kNotBuilt,  // refused, but for values that ask for nothing
};

struct FieldRule {
  std::string_view name;
  FieldUse use = FieldUse::kHonoured;
  // kNotBuilt: the values that ask for nothing and are accepted, as JSON texts separated by spaces ("false []
  // \"auto\""). kNoEffect: the kind that the value must be of, as json_kind() says it ("a text"). kHonoured: the only
  // values that are taken, as JSON texts, where vendors know others; the parser refuses these, the table tells it.
  std::string_view values = {};
  std::string_view reason = {};  // kNotBuilt: why, where it is more than that nobody has built it
};

// Reasons that several dialects have.
inline constexpr std::string_view kTextAlone = "this server reads and writes text alone";
inline constexpr std::string_view kNoSearch = "this server searches nothing";
inline constexpr std::string_view kNoKeptTime = "how long a prompt stays cached is not the caller's";
inline constexpr std::string_view kNoSuchSampler = "the sampler has no such step";

// Two tables as one, where endpoints share fields.
template <size_t kFirst, size_t kSecond>
constexpr std::array<FieldRule, kFirst + kSecond> join(const FieldRule (&first)[kFirst],
                                                       const FieldRule (&second)[kSecond]) {
  std::array<FieldRule, kFirst + kSecond> all;
  std::copy_n(first, kFirst, all.begin());
  std::copy_n(second, kSecond, all.begin() + kFirst);
  return all;
}

struct Range {
  double min = 0, max = 0;
  bool excludes_min = false, excludes_max = false;
};

class FieldReader {
 public:
  // `path` goes before the names in errors: "" or "messages[2]". The object and the rules must outlive the reader.
  // `ignored` collects the names of fields without effect, of those too whose value asks for nothing, each once:
  // "user", "messages[].name".
  FieldReader(const boost::json::object& object, std::string path, std::span<const FieldRule> rules,
              std::vector<std::string>* ignored);

  const boost::json::value* find(std::string_view name) const;  // nullptr where absent or null
  std::optional<bool> flag(std::string_view name);
  std::optional<int64_t> integer(std::string_view name, int64_t min, int64_t max);
  std::optional<double> number(std::string_view name, Range range);
  std::optional<std::string> text(std::string_view name);
  const boost::json::array* list(std::string_view name);
  const boost::json::object* object(std::string_view name);

  std::string path_of(std::string_view name) const;
  // Keeps the first failure; `problem` is a sentence's rest: "must be a text; it is a number".
  void fail(std::string_view name, std::string_view problem, Code code = Code::kInvalidArgument);
  void fail(Error error);
  bool ok() const { return !error_; }
  Status status() const;

 private:
  void check_names(std::vector<std::string>* ignored);
  void fail_unknown(std::string_view name);
  void check_not_built(const FieldRule& rule, const boost::json::value& value, std::vector<std::string>* ignored);
  void list_ignored(std::string_view name, std::vector<std::string>* ignored) const;
  void fail_type(std::string_view name, std::string_view wanted, const boost::json::value& got);

  const boost::json::object& object_;
  const std::string path_;
  const std::span<const FieldRule> rules_;
  std::optional<Error> error_;
};

// A request's body as an object. Errors: invalid_argument with the place of the fault.
Result<boost::json::value> parse_body(std::string_view body, size_t limit_bytes);

std::string_view json_kind(const boost::json::value& value);  // "a number", "a list", ...

// A stranger's text as it may stand in our own message: the start of it, whole characters, always UTF-8.
std::string excerpt(std::string_view text);

}  // namespace studio::api
