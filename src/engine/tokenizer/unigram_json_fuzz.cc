// Any text as the tokenizer.json of an XLM-R encoder: refused with a reason, or a tokenizer that gives ids of its own.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json_mutator.h"
#include "engine/tokenizer/unigram.h"

namespace {

constexpr std::string_view kText = "ab\taab xyz \u4f60\u597d \uff21\u2581 e\u0301\r\n \xff\xe4 a";

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace studio::engine;
  const auto made = Unigram::from_json({reinterpret_cast<const char*>(data), size});
  if (!made.ok()) {
    check(!made.error().message().empty());
    return 0;
  }
  const Unigram& unigram = **made;
  const auto ids = unigram.encode(kText);
  for (const TokenId id : ids) check(id >= 0 && id < unigram.vocab_size());
  check(unigram.encode_for_model(kText).size() == ids.size() + unigram.before().size() + unigram.after().size());
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::JsonMutator>(data, size, max_size, seed);
}
