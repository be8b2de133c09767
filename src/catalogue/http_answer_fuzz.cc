// Any lines as the head of an answer: what is read from them stays within its own bounds.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/line_mutator.h"
#include "catalogue/http_answer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace studio::catalogue;
  HttpAnswer answer;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  while (!text.empty()) {
    size_t end = text.find('\n');
    answer.add_line(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  Validators found = answer.validators();
  if (found.bytes < -1 || answer.range_start() < -1) std::abort();
  if (!found.sha256.empty() && found.sha256.size() != 64) std::abort();
  if (answer.status() < 0 || answer.status() > 999) std::abort();
  if (answer.is_complete() && answer.status() / 100 == 3) std::abort();
  if (answer.retry_after() && answer.retry_after()->count() < 0) std::abort();
  if (error_of_answer(answer, "hub").message().empty()) std::abort();
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::LineMutator>(data, size, max_size, seed);
}
