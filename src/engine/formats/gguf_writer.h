// Writes GGUF version 3 files: metadata and tensors, for tests, tools and converters.
//
// Collects everything in memory, then lays it out in the order given. finish() reads its own result back through
// GgufFile::parse, so what it returns is a file this program accepts. Not thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/formats/gguf.h"
#include "engine/tensor/dtype.h"

namespace studio::engine {

class GgufWriter {
 public:
  void add_u32(std::string_view key, uint32_t value);
  void add_u64(std::string_view key, uint64_t value);
  void add_i32(std::string_view key, int32_t value);
  void add_f32(std::string_view key, float value);
  void add_bool(std::string_view key, bool value);
  void add_string(std::string_view key, std::string_view value);
  void add_string_array(std::string_view key, std::span<const std::string> values);
  void add_i32_array(std::string_view key, std::span<const int32_t> values);
  void add_f32_array(std::string_view key, std::span<const float> values);
  // An entry of another file as it is, whatever its type. "general.alignment" is refused by finish() unless it is 32.
  void add_entry(const MetadataEntry& entry);

  // shape in ne order (shape[0] = row length), 1 to 4 numbers; data is exactly the encoded tensor.
  void add_tensor(std::string_view name, DType dtype, std::span<const uint64_t> shape, std::vector<uint8_t> data);
  // The same with the values encoded by encode_tensor().
  void add_tensor_f32(std::string_view name, DType dtype, std::span<const uint64_t> shape,
                      std::span<const float> values);

  // The file's bytes; the reader's error if what was added makes no valid file (duplicate names, wrong sizes).
  Result<std::vector<uint8_t>> finish() const;
  Status write(const std::string& path) const;

 private:
  struct Tensor {
    std::string name;
    DType dtype;
    std::vector<uint64_t> shape;
    std::vector<uint8_t> data;
  };
  void begin_entry(std::string_view key, GgufType type);

  std::vector<uint8_t> metadata_;  // entries, already laid out
  uint64_t metadata_count_ = 0;
  std::vector<Tensor> tensors_;
};

}  // namespace studio::engine
