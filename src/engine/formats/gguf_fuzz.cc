// Any bytes at all: the reader answers with a file or an error, and a file it accepts can be read to its last byte.
#include <cstdint>
#include <cstdlib>

#include "engine/formats/gguf.h"
#include "engine/formats/gguf_mutator.h"
#include "engine/formats/gguf_test_support.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto file = studio::engine::GgufFile::parse({data, size});
  if (file.ok()) {
    volatile uint64_t sum = studio::engine::walk_everything(*file);
    (void)sum;
  } else if (file.error().message().empty()) {
    std::abort();  // every refusal says why
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_gguf(data, size, max_size, seed);
}
