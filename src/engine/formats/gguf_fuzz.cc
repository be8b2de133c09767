// Any bytes at all: the reader answers with a file or an error, and a file it accepts can be read to its last byte. By
// its path, mapped or its head alone, it is the same file.
#include <cstdint>
#include <cstdlib>

#include "base/memory_file.h"
#include "engine/formats/gguf.h"
#include "engine/formats/gguf_mutator.h"
#include "engine/formats/gguf_test_support.h"

namespace {

using namespace studio;
using namespace studio::engine;

void check(bool holds) {
  if (!holds) std::abort();
}

void read_by_path(const std::string& path, const Result<GgufFile>& whole) {
  for (const auto& other : {GgufFile::open(path), GgufFile::read_head(path)}) {
    check(other.ok() == whole.ok());
    if (whole.ok()) {
      check(other->tensors().size() == whole->tensors().size() && other->metadata().size() == whole->metadata().size());
    } else {
      check(other.error().message() == whole.error().message());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::MemoryFile memory;
  auto file = GgufFile::parse({data, size});
  if (file.ok()) {
    volatile uint64_t sum = walk_everything(*file);
    (void)sum;
  } else {
    check(!file.error().message().empty());
  }
  read_by_path(memory.write({data, size}), file);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::GgufMutator>(data, size, max_size, seed);
}
