// The part of a target behind '?': names and values, decoded.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace studio::http {

class Query {
 public:
  // "a=1&b=x%20y+z". Errors: invalid_argument on a bad escape, a name that comes twice, or more than kMaxParameters.
  static Result<Query> parse(std::string_view text);

  const std::string* find(std::string_view name) const;  // nullptr where there is none
  const std::vector<std::pair<std::string, std::string>>& all() const { return parameters_; }

 private:
  std::vector<std::pair<std::string, std::string>> parameters_;
};

inline constexpr size_t kMaxParameters = 64;  // more than any route has

}  // namespace studio::http
