// The pre-check of a request's head and the parser behind it: no input may crash them, and what the check accepts the
// parser must read the same way.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/line_mutator.h"
#include "http/head_check.h"
#include "http/head_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace studio::http;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  HeadProgress progress = find_head_end(bytes, 0);
  if (progress.end > bytes.size()) std::abort();
  if (progress.end > 0) {
    std::string_view head = bytes.substr(0, progress.end);
    HeadFacts facts = check_request_head(head);
    if (describe(facts.fault).empty() || status_of(facts.fault) < 400) std::abort();
    auto parsed = parse_request_head(head);
    if (facts.fault == HeadFault::kNone && parsed.ok()) {
      std::string target = parsed->path + (facts.target.find('?') == std::string_view::npos ? "" : "?") + parsed->query;
      if (target != facts.target) std::abort();
      const std::string* host = parsed->fields.find("host");
      if (host == nullptr || *host != facts.host) std::abort();
      if (facts.chunked != (parsed->fields.find("transfer-encoding") != nullptr)) std::abort();
    }
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::LineMutator>(data, size, max_size, seed);
}
