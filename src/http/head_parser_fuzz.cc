// The heads of answers, which our own client reads: refused, or a status, a body length that is one, fields without a
// line end in them.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/line_mutator.h"
#include "http/head_parser.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void check_fields(const studio::http::Fields& fields) {
  for (const auto& field : fields) {
    check(field.name.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
    check(field.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace studio;
  const std::string_view head(reinterpret_cast<const char*>(data), size);
  auto answer = http::parse_response_head(head);
  if (answer.ok()) {
    check(answer->status >= 100 && answer->status <= 999);
    check(!(answer->chunked && answer->has_length));
    check(answer->has_length || answer->content_length == 0);
    check_fields(answer->fields);
  } else {
    check(answer.error().code() == Code::kCorruptData);
  }
  auto request = http::parse_request_head(head);
  if (request.ok()) {
    check(request->path.find('?') == std::string::npos);
    check_fields(request->fields);
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::LineMutator>(data, size, max_size, seed);
}
