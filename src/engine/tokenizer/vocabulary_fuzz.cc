// Any bytes as a model file whose vocabulary is wanted: a tokenizer that gives ids of its own, or an error.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/formats/gguf.h"
#include "engine/formats/gguf_mutator.h"
#include "engine/tokenizer/tokenizer.h"

namespace {

constexpr std::string_view kText = "Hello, w\u00f6rld 42\n<|im_end|>\t\u4f60\u597d \xff don't";

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace studio::engine;
  auto file = GgufFile::parse({data, size});
  if (!file.ok()) return 0;
  auto made = Tokenizer::from_gguf(*file);
  if (!made.ok()) {
    check(!made.error().message().empty());
    return 0;
  }
  const Tokenizer& tokenizer = **made;
  for (TokenId id : tokenizer.encode(kText)) check(id >= 0 && id < tokenizer.vocab_size() && !tokenizer.is_control(id));
  auto ids = tokenizer.encode_template(kText);
  for (TokenId id : ids) check(id >= 0 && id < tokenizer.vocab_size());
  (void)tokenizer.decode(ids, true);
  for (TokenId id = -1; id <= tokenizer.vocab_size(); ++id) (void)tokenizer.token_bytes(id);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::GgufMutator>(data, size, max_size, seed);
}
