// Parameters of lists: where to go on, how many, which; read as strictly as fields.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/query.h"

namespace studio::api {

class ListQuery {
 public:
  // Errors: invalid_argument; a parameter that is not in `known` with the nearest one that is.
  static Result<ListQuery> parse(std::string_view query, std::initializer_list<std::string_view> known);

  const std::string* text(std::string_view name) const;  // nullptr where absent or empty
  Result<int64_t> number(std::string_view name, int64_t min, int64_t max, int64_t fallback) const;
  // A time in one of the vendor's forms (api/files/times.h).
  Result<std::optional<int64_t>> time(std::string_view name) const;
  // "a,b,c".
  Result<std::vector<std::string>> words(std::string_view name, size_t most) const;

 private:
  explicit ListQuery(http::Query query) : query_(std::move(query)) {}
  http::Query query_;
};

}  // namespace studio::api
