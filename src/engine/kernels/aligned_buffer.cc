#include "engine/kernels/aligned_buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

namespace studio::engine {
namespace {

constexpr size_t kAlignment = 64;
// From this size on a buffer is a mapping of its own: fresh pages are zero already, and large ones save most of the
// address translations of a pass over all weights.
constexpr size_t kMappedBytes = 4u << 20;

size_t rounded_up(size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

AlignedBuffer::AlignedBuffer(size_t bytes) {
  if (bytes == 0 || bytes > SIZE_MAX - kAlignment) return;
  void* memory = nullptr;
  if (bytes >= kMappedBytes) {
    memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return;
    madvise(memory, bytes, MADV_HUGEPAGE);  // a hint: refusal changes nothing
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
