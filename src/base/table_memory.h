// Memory for tables that are looked up all over, and for megabytes that a file is read into: in large pages, so that a
// look does not miss the list of pages too, and the system hands out few of them.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>

namespace studio {

class TableMemory {
  struct Free {
    Free() : alignment(kLine) {}
    explicit Free(std::align_val_t of) : alignment(of) {}
    void operator()(uint8_t* bytes) const { ::operator delete(bytes, alignment); }
    std::align_val_t alignment;
  };

 public:
  TableMemory() = default;
  // The content is undefined.
  explicit TableMemory(size_t size)
      : bytes_(static_cast<uint8_t*>(::operator new(size, alignment_of(size))), Free{alignment_of(size)}), size_(size) {
    // Refused or without effect it is slower, and nothing else.
    if (size >= kLargePage) ::madvise(bytes_.get(), size / kLargePage * kLargePage, MADV_HUGEPAGE);
  }

  std::span<uint8_t> bytes() { return {bytes_.get(), size_}; }
  std::span<const uint8_t> bytes() const { return {bytes_.get(), size_}; }
  // Of what is there, the first bytes.
  void shrink(size_t size) { size_ = size; }

 private:
  static constexpr size_t kLargePage = 2u << 20;  // of x86-64
  static constexpr std::align_val_t kLine{64};
  static std::align_val_t alignment_of(size_t size) {
    return size >= kLargePage ? std::align_val_t{kLargePage} : kLine;
  }

  std::unique_ptr<uint8_t[], Free> bytes_;
  size_t size_ = 0;
};

// Zeros in large pages, as the machine hands them out: what is never written takes no memory.
class ZeroMemory {
 public:
  // A multiple of kLargePage.
  explicit ZeroMemory(size_t size) : mapped_bytes_(size + kLargePage) {
    mapped_ = ::mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped_ == MAP_FAILED) throw std::bad_alloc();
    const auto begin = reinterpret_cast<uintptr_t>(mapped_);
    bytes_ = reinterpret_cast<uint8_t*>((begin + kLargePage - 1) / kLargePage * kLargePage);
    ::madvise(bytes_, size, MADV_HUGEPAGE);  // refused or without effect it is slower, and nothing else
  }
  ~ZeroMemory() { ::munmap(mapped_, mapped_bytes_); }
  ZeroMemory(const ZeroMemory&) = delete;
  ZeroMemory& operator=(const ZeroMemory&) = delete;

  uint8_t* bytes() { return bytes_; }

 private:
  static constexpr size_t kLargePage = 2u << 20;  // of x86-64

  size_t mapped_bytes_;
  void* mapped_;
  uint8_t* bytes_;
};

}  // namespace studio
