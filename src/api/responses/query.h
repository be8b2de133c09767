// What stands behind a path's '?', read as strictly as a body: an unknown name is an error. Pure functions: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace studio::api::responses {

class Query {
 public:
  // `names` are those that may be there; "NAME[]" is a list's NAME. Errors: invalid_argument, with the name.
  static Result<Query> parse(std::string_view text, std::span<const std::string_view> names);

  const std::string* find(std::string_view name) const;
  std::string text(std::string_view name) const;   // "" where it is not there
  Result<bool> flag(std::string_view name) const;  // false where it is not there
  Result<int64_t> integer(std::string_view name, int64_t min, int64_t max, int64_t otherwise) const;

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

// How lists are paged here: `after`, `limit` (1 to 100, 20), `order` (asc or desc, desc).
struct PageQuery {
  std::string after;
  int64_t limit = 20;
  bool is_ascending = false;
};
Result<PageQuery> parse_page(std::string_view text);

}  // namespace studio::api::responses
