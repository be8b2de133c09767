// Any bytes as a file of safetensors: refused with a reason, or tensors that cover the data and can be read.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "engine/formats/block_codec.h"
#include "engine/formats/safetensors.h"
#include "engine/formats/safetensors_test_support.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void read_all(const std::vector<uint8_t>& bytes) {
  using namespace studio::engine;
  auto file = SafetensorsFile::parse(bytes);
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
  check(covered < bytes.size());
}

}  // namespace

// The first byte chooses: the file as it is, or its header alone, with a right length and so many zeros behind it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  if (data[0] % 2 == 0) {
    read_all({data + 1, data + size});
  } else {
    read_all(studio::engine::safetensors_bytes({reinterpret_cast<const char*>(data + 1), size - 1}, data[0] / 2));
  }
  return 0;
}
