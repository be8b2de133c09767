#include "api/responses/query.h"

#include <algorithm>
#include <charconv>

#include "api/serving/call_fields.h"
#include "http/router.h"

namespace studio::api::responses {
namespace {

constexpr size_t kMaxQueryBytes = 4096;  // a few ids and words; request lines end at 8 KiB anyway
constexpr int64_t kMaxPage = 100;        // the original's own

Error refused(std::string_view name, const std::string& problem) {
  const std::string shown = excerpt(name);
  return Error(Code::kInvalidArgument, shown + " " + problem + ".").with_param(shown);
}

// A form's '+' is a blank.
Result<std::string> decode(std::string_view text) {
  std::string blanks(text);
  std::replace(blanks.begin(), blanks.end(), '+', ' ');
  return http::percent_decode(blanks);
}

}  // namespace

Result<Query> Query::parse(std::string_view text, std::span<const std::string_view> names) {
  if (text.size() > kMaxQueryBytes) return Error(Code::kInvalidArgument, "The query is too long.");
  Query query;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    STUDIO_TRY(std::string name, decode(pair.substr(0, equals)));
    STUDIO_TRY(std::string value, decode(pair.substr(std::min(equals + 1, pair.size()))));
    if (name.ends_with("[]")) name.resize(name.size() - 2);
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return refused(name, "is not a parameter of this request");
    }
    query.values_.emplace_back(std::move(name), std::move(value));
  }
  return query;
}

const std::string* Query::find(std::string_view name) const {
  for (const auto& [known, value] : values_) {
    if (known == name) return &value;
  }
  return nullptr;
}

std::string Query::text(std::string_view name) const {
  const std::string* value = find(name);
  return value ? *value : std::string();
}

Result<bool> Query::flag(std::string_view name) const {
  const std::string* value = find(name);
  if (!value || *value == "false") return false;
  if (*value == "true") return true;
  return refused(name, "must be true or false; it is " + quoted(*value));
}

Result<int64_t> Query::integer(std::string_view name, int64_t min, int64_t max, int64_t otherwise) const {
  const std::string* value = find(name);
  if (!value) return otherwise;
  int64_t number = 0;
  const char* end = value->data() + value->size();
  const auto [stop, error] = std::from_chars(value->data(), end, number);
  if (error == std::errc() && stop == end && number >= min && number <= max) return number;
  return refused(name, "must be a whole number " +
                           (max == INT64_MAX ? "of at least " + std::to_string(min)
                                             : "from " + std::to_string(min) + " to " + std::to_string(max)) +
                           "; it is " + quoted(*value));
}

Result<PageQuery> parse_page(std::string_view text) {
  // What `include` may add is in every item already, or in none.
  static constexpr std::string_view kNames[] = {"after", "limit", "order", "include"};
  STUDIO_TRY(const Query query, Query::parse(text, kNames));
  PageQuery page{.after = query.text("after")};
  STUDIO_TRY(page.limit, query.integer("limit", 1, kMaxPage, page.limit));
  const std::string order = query.text("order");
  if (!order.empty() && order != "asc" && order != "desc") {
    return refused("order", "must be asc or desc; it is " + quoted(order));
  }
  page.is_ascending = order == "asc";
  return page;
}

}  // namespace studio::api::responses
