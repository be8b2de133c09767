#include "engine/kernels/aligned_buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

namespace studio::engine {
namespace {

constexpr size_t kAlignment = 64;
// From this size on with large pages, which save most of the address translations of a pass over all weights.
constexpr size_t kLargePagesFrom = 4u << 20;
// From this size on a buffer is a mapping of its own: fresh pages are zero already, and what is not used is never
// touched.
#ifdef STUDIO_SANITIZED
constexpr size_t kMappedBytes = kLargePagesFrom;  // past a mapping's end no sanitizer sees a write
#else
constexpr size_t kMappedBytes = 128u << 10;
#endif
constexpr size_t kSmallFront = 2u << 20;  // a large page of x86-64: the activations of 32 tokens and more

size_t rounded_up(size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

AlignedBuffer::AlignedBuffer(size_t bytes, Use use) {
  if (bytes == 0 || bytes > SIZE_MAX - kAlignment) return;
  void* memory = nullptr;
  if (bytes >= kMappedBytes) {
    memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return;
    const size_t front = use == Use::kFromFront ? kSmallFront : 0;
    // A hint: refusal changes nothing.
    if (bytes >= kLargePagesFrom) madvise(static_cast<uint8_t*>(memory) + front, bytes - front, MADV_HUGEPAGE);
  } else {
    memory = std::aligned_alloc(kAlignment, rounded_up(bytes));
    if (memory == nullptr) return;
    std::memset(memory, 0, rounded_up(bytes));
  }
  data_ = static_cast<uint8_t*>(memory);
  bytes_ = bytes;
}

AlignedBuffer::~AlignedBuffer() {
  if (data_ == nullptr) return;
  if (bytes_ >= kMappedBytes) {
    munmap(data_, bytes_);
  } else {
    std::free(data_);
  }
}

}  // namespace studio::engine
