// Bytes at a 64-byte border, zeroed, backed by large pages where they are many. Move-only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace studio::engine {

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  // Empty when memory is short: check data() where the size comes from a file.
  explicit AlignedBuffer(size_t bytes);
  AlignedBuffer(AlignedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~AlignedBuffer();

  uint8_t* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  template <typename T>
  T* as() const {
    return reinterpret_cast<T*>(data_);
  }

 private:
  uint8_t* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace studio::engine
