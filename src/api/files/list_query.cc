#include "api/files/list_query.h"

#include <algorithm>
#include <charconv>

#include "api/files/times.h"
#include "api/serving/fields.h"
#include "base/nearest_name.h"

namespace studio::api {

Result<ListQuery> ListQuery::parse(std::string_view text, std::initializer_list<std::string_view> known) {
  STUDIO_TRY(auto query, http::Query::parse(text));
  const std::vector<std::string> names(known.begin(), known.end());
  for (const auto& [name, value] : query.all()) {
    if (std::ranges::find(known, name) != known.end()) continue;
    const std::string hint = did_you_mean(name, names);
    return Error(Code::kInvalidArgument,
                 excerpt(name) + " is not a parameter of this list" + (hint.empty() ? "." : hint))
        .with_param(excerpt(name));
  }
  return ListQuery(std::move(query));
}

const std::string* ListQuery::text(std::string_view name) const {
  const std::string* value = query_.find(name);
  return value && !value->empty() ? value : nullptr;
}

Result<int64_t> ListQuery::number(std::string_view name, int64_t min, int64_t max, int64_t fallback) const {
  const std::string* value = text(name);
  if (!value) return fallback;
  int64_t number = 0;
  const auto [end, fault] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (fault == std::errc() && end == value->data() + value->size() && number >= min && number <= max) return number;
  return Error(Code::kOutOfRange, std::string(name) + " must be from " + std::to_string(min) + " to " +
                                      std::to_string(max) + "; it is " + excerpt(*value) + ".")
      .with_param(std::string(name));
}

Result<std::optional<int64_t>> ListQuery::time(std::string_view name) const {
  const std::string* value = text(name);
  if (!value) return std::optional<int64_t>();
  const auto seconds = parse_beijing_time(*value);
  if (seconds) return seconds;
  return Error(Code::kInvalidArgument, std::string(name) +
                                           " must be a time in UTC+8, such as 20261127103000 or 2026-11-27; it is " +
                                           excerpt(*value) + ".")
      .with_param(std::string(name));
}

Result<std::vector<std::string>> ListQuery::words(std::string_view name, size_t most) const {
  std::vector<std::string> words;
  const std::string* value = text(name);
  if (!value) return words;
  std::string_view rest = *value;
  while (true) {
    const size_t comma = rest.find(',');
    if (comma != 0 && !rest.empty()) words.emplace_back(rest.substr(0, comma));
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  if (words.size() <= most) return words;
  return Error(Code::kInvalidArgument, std::string(name) + " may hold " + std::to_string(most) + " entries; it holds " +
                                           std::to_string(words.size()) + ".")
      .with_param(std::string(name));
}

}  // namespace studio::api
