#include "http/query.h"

#include <algorithm>

#include "http/router.h"

namespace studio::http {
namespace {

// In a form's coding a plus is a blank (WHATWG URL, 5.1).
Result<std::string> decode(std::string_view text) {
  std::string blanks(text);
  std::ranges::replace(blanks, '+', ' ');
  return percent_decode(blanks);
}

}  // namespace

Result<Query> Query::parse(std::string_view text) {
  Query query;
  while (!text.empty()) {
    const size_t end = text.find('&');
    const std::string_view pair = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    auto name = decode(pair.substr(0, equals));
    auto value = decode(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
    if (!name.ok() || !value.ok()) return Error(Code::kInvalidArgument, "The address's query cannot be decoded.");
    if (query.find(*name)) {
      return Error(Code::kInvalidArgument, "The address's query names a parameter twice.").with_param(*name);
    }
    if (query.parameters_.size() == kMaxParameters) {
      return Error(Code::kInvalidArgument, "The address's query has too many parameters.");
    }
    query.parameters_.emplace_back(std::move(*name), std::move(*value));
  }
  return query;
}

const std::string* Query::find(std::string_view name) const {
  const auto found = std::ranges::find(parameters_, name, &std::pair<std::string, std::string>::first);
  return found == parameters_.end() ? nullptr : &found->second;
}

}  // namespace studio::http
