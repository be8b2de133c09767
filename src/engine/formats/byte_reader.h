// The one reader of binary formats: little-endian values from a span, each read proved to lie inside it.
//
// Lengths and offsets of a foreign file pass through here before they are used: sums and products are checked for
// overflow, and an Extent, the only thing bytes can be taken with, is made by prove() alone. A failed read moves
// nothing and returns nullopt; the caller knows what it was reading and says so. Views live as long as the bytes.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace studio::engine {

inline std::optional<uint64_t> checked_add(uint64_t a, uint64_t b) {
  uint64_t sum;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

inline std::optional<uint64_t> checked_multiply(uint64_t a, uint64_t b) {
  uint64_t product;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

// The next multiple of alignment, a power of two.
inline std::optional<uint64_t> checked_align_up(uint64_t value, uint64_t alignment) {
  uint64_t mask = alignment - 1;
  auto raised = checked_add(value, mask);
  if (!raised) return std::nullopt;
  return *raised & ~mask;
}

// A range of bytes known to lie inside a file.
class Extent {
 public:
  // [offset, offset + size) if it lies inside the first limit bytes.
  static std::optional<Extent> prove(uint64_t offset, uint64_t size, uint64_t limit) {
    auto end = checked_add(offset, size);
    if (!end || *end > limit) return std::nullopt;
    return Extent(offset, size);
  }

  uint64_t offset() const { return offset_; }
  uint64_t size() const { return size_; }
  uint64_t end() const { return offset_ + size_; }  // proved not to overflow

  // bytes is the file (or a longer one) the extent was proved against.
  std::span<const uint8_t> of(std::span<const uint8_t> bytes) const { return bytes.subspan(offset_, size_); }

 private:
  Extent(uint64_t offset, uint64_t size) : offset_(offset), size_(size) {}
  uint64_t offset_;
  uint64_t size_;
};

class ByteReader {
 public:
  explicit ByteReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  uint64_t position() const { return position_; }
  uint64_t remaining() const { return bytes_.size() - position_; }

  // The next size bytes.
  std::optional<std::span<const uint8_t>> read_bytes(uint64_t size) {
    auto extent = Extent::prove(position_, size, bytes_.size());
    if (!extent) return std::nullopt;
    position_ = extent->end();
    return extent->of(bytes_);
  }

  // The next number: an integer or a float of 1, 2, 4 or 8 bytes.
  template <typename T>
  std::optional<T> read() {
    static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>);
    static_assert(std::endian::native == std::endian::little, "reads are copies: a big-endian machine has to swap");
    auto bytes = read_bytes(sizeof(T));
    if (!bytes) return std::nullopt;
    T value;
    std::memcpy(&value, bytes->data(), sizeof value);
    return value;
  }

  // A string after its length in 8 bytes; nullopt if the length is over limit too.
  std::optional<std::string_view> read_string(uint64_t limit) {
    uint64_t start = position_;
    auto size = read<uint64_t>();
    if (size && *size <= limit) {
      if (auto bytes = read_bytes(*size)) return std::string_view(reinterpret_cast<const char*>(bytes->data()), *size);
    }
    position_ = start;
    return std::nullopt;
  }
  // Over `count` strings, or up to the first that read_string(limit) would not give. Returns how many.
  uint64_t skip_strings(uint64_t count, uint64_t limit) {
    for (uint64_t i = 0; i < count; ++i) {
      uint64_t size;
      if (remaining() < sizeof size) return i;
      std::memcpy(&size, bytes_.data() + position_, sizeof size);
      if (size > limit || size > remaining() - sizeof size) return i;
      position_ += sizeof size + size;
    }
    return count;
  }

 private:
  std::span<const uint8_t> bytes_;
  uint64_t position_ = 0;  // <= bytes_.size()
};

}  // namespace studio::engine
