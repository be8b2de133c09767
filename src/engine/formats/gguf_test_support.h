// For the reader's tests and its fuzz target: files built byte by byte, right or wrong, and a walk through all of one.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/formats/block_codec.h"
#include "engine/formats/gguf.h"

namespace studio::engine {

// Appends what it is told and checks nothing: how a test writes a file that GgufWriter would refuse.
class RawGguf {
 public:
  explicit RawGguf(uint64_t tensors, uint64_t entries, uint32_t version = 3) {
    bytes({'G', 'G', 'U', 'F'}).u32(version).u64(tensors).u64(entries);
  }

  RawGguf& u32(uint32_t value) { return raw(&value, sizeof value); }
  RawGguf& u64(uint64_t value) { return raw(&value, sizeof value); }
  RawGguf& bytes(std::initializer_list<uint8_t> values) { return raw(values.begin(), values.size()); }
  RawGguf& string(std::string_view text) { return u64(text.size()).raw(text.data(), text.size()); }
  RawGguf& key(std::string_view name, GgufType type) { return string(name).u32(static_cast<uint32_t>(type)); }
  RawGguf& entry_u32(std::string_view name, uint32_t value) { return key(name, GgufType::kUint32).u32(value); }
  RawGguf& tensor(std::string_view name, std::initializer_list<uint64_t> shape, DType type, uint64_t offset) {
    string(name).u32(static_cast<uint32_t>(shape.size()));
    for (uint64_t length : shape) u64(length);
    return u32(static_cast<uint32_t>(type)).u64(offset);
  }
  RawGguf& pad(size_t alignment = 32) {
    while (bytes_.size() % alignment != 0) bytes_.push_back(0);
    return *this;
  }
  RawGguf& zeros(size_t count) {
    bytes_.resize(bytes_.size() + count);
    return *this;
  }

  size_t size() const { return bytes_.size(); }
  // A block of exactly the file's size on the heap, so that a sanitizer sees the first byte read past it.
  std::vector<uint8_t> take() const { return {bytes_.begin(), bytes_.end()}; }

 private:
  RawGguf& raw(const void* data, size_t size) {
    const uint8_t* begin = static_cast<const uint8_t*>(data);
    bytes_.insert(bytes_.end(), begin, begin + size);
    return *this;
  }

  std::vector<uint8_t> bytes_;
};

// What is there is found as it is got; what is not there is nothing, and no error.
template <typename T>
uint64_t found_alike(const Result<std::optional<T>>& found, const Result<T>& got,
                     const Result<std::optional<T>>& missing) {
  return static_cast<uint64_t>(found.ok() == got.ok()) + static_cast<uint64_t>(missing.ok() && !missing->has_value());
}

// Reads all a file offers: every value by every accessor, the first and the last row of every tensor. Returns a sum
// that depends on it, so that nothing is optimised away.
inline uint64_t walk_everything(const GgufFile& file) {
  uint64_t sum = file.version() + file.alignment() + file.file_bytes();
  for (const MetadataEntry& entry : file.metadata()) {
    sum += file.find_entry(entry.key) == &entry;
    const std::string none = std::string(entry.key) + "?";
    sum += found_alike(file.find_u64(entry.key), file.get_u64(entry.key), file.find_u64(none));
    sum += found_alike(file.find_f32(entry.key), file.get_f32(entry.key), file.find_f32(none));
    sum += found_alike(file.find_bool(entry.key), file.get_bool(entry.key), file.find_bool(none));
    sum += found_alike(file.find_string(entry.key), file.get_string(entry.key), file.find_string(none));
    sum +=
        found_alike(file.find_string_array(entry.key), file.get_string_array(entry.key), file.find_string_array(none));
    sum += found_alike(file.find_i32_array(entry.key), file.get_i32_array(entry.key), file.find_i32_array(none));
    sum += found_alike(file.find_f32_array(entry.key), file.get_f32_array(entry.key), file.find_f32_array(none));
    sum += file.has_key(entry.key) && !file.get_u64(none).ok();
    sum += gguf_type_name(entry.type).size();
    if (auto value = file.get_u64(entry.key); value.ok()) sum += *value;
    if (auto value = file.get_f32(entry.key); value.ok()) sum += *value > 0;
    if (auto value = file.get_bool(entry.key); value.ok()) sum += *value;
    if (auto value = file.get_string(entry.key); value.ok()) {
      for (char c : *value) sum += static_cast<unsigned char>(c);
    }
    if (auto values = file.get_string_array(entry.key); values.ok()) {
      for (std::string_view value : *values) sum += value.empty() ? 0u : static_cast<unsigned char>(value.back());
    }
    if (auto values = file.get_i32_array(entry.key); values.ok()) {
      for (int32_t value : *values) sum += static_cast<uint32_t>(value);
    }
    if (auto values = file.get_f32_array(entry.key); values.ok()) {
      for (float value : *values) sum += value > 0;
    }
  }
  for (const TensorInfo& tensor : file.tensors()) {
    sum += file.find_tensor(tensor.name) == &tensor;
    sum += file.get_tensor(tensor.name).ok() && !file.get_tensor(std::string(tensor.name) + "?").ok();
    size_t bytes = row_bytes(tensor.dtype, tensor.row_elements());
    std::vector<float> row(tensor.row_elements());
    for (size_t at : {size_t{0}, static_cast<size_t>(tensor.rows() - 1)}) {
      decode_row(tensor.dtype, tensor.data.data() + at * bytes, row.data(), row.size());
      sum += row.back() > 0;
    }
  }
  return sum;
}

}  // namespace studio::engine
