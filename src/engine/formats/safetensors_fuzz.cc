// Any bytes as a file of safetensors: refused with a reason, or tensors that cover the data and can be read. By its
// path, mapped or its header alone, it is the same file.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/json_mutator.h"
#include "base/memory_file.h"
#include "engine/formats/block_codec.h"
#include "engine/formats/safetensors.h"
#include "engine/formats/safetensors_test_support.h"

namespace {

using namespace studio;
using namespace studio::engine;

void check(bool holds) {
  if (!holds) std::abort();
}

void read_by_path(const std::string& path, const Result<SafetensorsFile>& whole) {
  for (const auto& other : {SafetensorsFile::open(path), SafetensorsFile::read_header(path)}) {
    check(other.ok() == whole.ok());
    if (!whole.ok()) continue;
    check(other->tensors().size() == whole->tensors().size());
    for (size_t i = 0; i < whole->tensors().size(); ++i) {
      check(other->tensors()[i].name == whole->tensors()[i].name);
      check(other->tensors()[i].offset == whole->tensors()[i].offset);
    }
  }
}

void read_all(const std::vector<uint8_t>& bytes) {
  static fuzz::MemoryFile memory;
  auto file = SafetensorsFile::parse(bytes);
  read_by_path(memory.write(bytes), file);
  if (!file.ok()) {
    check(!file.error().message().empty());
    return;
  }
  uint64_t covered = 0;
  for (const SafetensorsTensor& tensor : file->tensors()) {
    covered += tensor.data.size();
    check(!tensor.name.empty() && tensor.data.data() + tensor.data.size() <= bytes.data() + bytes.size());
    const uint64_t width = tensor.shape.back();
    std::vector<float> row(width);
    decode_row(tensor.dtype, tensor.data.data() + tensor.data.size() - row_bytes(tensor.dtype, width), row.data(),
               width);
  }
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  check(kSafetensorsLengthBytes + header + covered == bytes.size());  // no byte is nobody's
}

}  // namespace

// The first byte chooses: the file as it is, or its header alone, with a right length and so many zeros behind it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  if (data[0] % 2 == 0) {
    read_all({data + 1, data + size});
  } else {
    read_all(safetensors_bytes({reinterpret_cast<const char*>(data + 1), size - 1}, data[0] / 2));
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  // In a whole file the length before the header would no longer fit.
  if (size == 0 || data[0] % 2 == 0) return LLVMFuzzerMutate(data, size, max_size);
  return studio::fuzz::mutate_as<studio::fuzz::JsonMutator>(data, size, max_size, seed, 1);
}
