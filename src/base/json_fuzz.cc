// Any bytes as JSON: refused with a reason and a place, or a value that is printed on one line, read back as itself,
// and no deeper than promised.
#include <boost/json/serialize.hpp>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/json_mutator.h"

namespace {

using boost::json::value;

void check(bool holds) {
  if (!holds) std::abort();
}

size_t depth_of(const value& node) {
  size_t deepest = 0;
  if (const auto* object = node.if_object()) {
    for (const auto& entry : *object) deepest = std::max(deepest, depth_of(entry.value()));
    return deepest + 1;
  }
  if (const auto* array = node.if_array()) {
    for (const value& item : *array) deepest = std::max(deepest, depth_of(item));
    return deepest + 1;
  }
  return 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace studio;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  constexpr JsonLimits kLimits{.depth = 64, .bytes = 60'000};
  auto parsed = parse_json(text, kLimits);
  if (!parsed.ok()) {
    const std::string& reason = parsed.error().message();
    check(reason.find("JSON") != std::string::npos);
    check(parsed.error().code() == (size > kLimits.bytes ? Code::kPayloadTooLarge : Code::kInvalidArgument));
    return 0;
  }
  check(depth_of(*parsed) <= kLimits.depth);
  const std::string line = to_json(*parsed);
  check(line.find_first_of("\r\n") == std::string::npos);
  check(line.find("\xE2\x80\xA8") == std::string::npos && line.find("\xE2\x80\xA9") == std::string::npos);
  auto again = parse_json(line);
  check(again.ok() && to_json(*again) == line);
  // A second opinion: what the library itself prints, which knows nothing of our escapes and digits, reads the same.
  auto other = parse_json(boost::json::serialize(*parsed));
  check(other.ok() && other->kind() == parsed->kind());
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::JsonMutator>(data, size, max_size, seed);
}
