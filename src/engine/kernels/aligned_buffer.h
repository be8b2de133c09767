// Bytes at a 64-byte border, zeroed, backed by large pages where they are many. Move-only.
//
// Memory is taken when it is first touched. That is cheap in small pages; a large one is cleared whole, which takes
// 0.1 ms, and 4 ms where the memory has to come from the host of a virtual machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace studio::engine {

class AlignedBuffer {
 public:
  enum class Use {
    kWhole,      // all of it, such as weights: large pages throughout
    kFromFront,  // as much as there is work, such as activations: small pages in front, so that little work is begun
                 // at once
  };

  AlignedBuffer() = default;
  // Empty when memory is short: check data() where the size comes from a file.
  explicit AlignedBuffer(size_t bytes, Use use = Use::kWhole);
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
