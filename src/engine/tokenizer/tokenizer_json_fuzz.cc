// Any text as a Hugging Face tokenizer.json: refused with a reason, or a tokenizer that gives ids of its own.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json_mutator.h"
#include "engine/tokenizer/tokenizer.h"

namespace {

constexpr std::string_view kText = "Hello, w\u00f6rld 42\n<|im_end|>\t\u4f60\u597d \xff don't";

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace studio::engine;
  auto made = Tokenizer::from_json({reinterpret_cast<const char*>(data), size});
  if (!made.ok()) {
    check(!made.error().message().empty());
    return 0;
  }
  const Tokenizer& tokenizer = **made;
  for (TokenId id : tokenizer.encode(kText)) check(id >= 0 && id < tokenizer.vocab_size() && !tokenizer.is_control(id));
  const auto ids = tokenizer.encode_template(kText);
  for (TokenId id : ids) check(id >= 0 && id < tokenizer.vocab_size());
  (void)tokenizer.decode(ids, true);
  for (const AddedToken& token : tokenizer.added()) check(tokenizer.is_control(token.id));
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::JsonMutator>(data, size, max_size, seed);
}
