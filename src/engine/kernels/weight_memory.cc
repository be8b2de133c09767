#include "engine/kernels/weight_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <mutex>

namespace studio::engine {
namespace {

constexpr size_t kLine = 64;
constexpr size_t kLargePage = 2u << 20;
// What matrices share: the layers of a small model fill some, and what the last one leaves empty is never touched.
constexpr size_t kMappingBytes = 64u << 20;
// Smaller ones gain nothing from large pages, and memory of their own shows a read past their end to the sanitizers.
constexpr size_t kSharedBytes = 256u << 10;

constexpr size_t rounded_up(size_t bytes, size_t step) {
  return (bytes + step - 1) / step * step;
}

}  // namespace

class WeightMemory::Mapping {
 public:
  // Begins at a large page. null when memory is short.
  static std::shared_ptr<Mapping> make(size_t bytes) {
    const size_t mapped = bytes + kLargePage;
    void* memory = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    madvise(memory, mapped, MADV_HUGEPAGE);  // a hint: refusal changes nothing
    return std::shared_ptr<Mapping>(new Mapping(static_cast<uint8_t*>(memory), mapped));
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { munmap(memory_, mapped_); }

  // The next `bytes` of it, or null where so many are not left.
  uint8_t* take(size_t bytes) {
    if (bytes > static_cast<size_t>(memory_ + mapped_ - free_)) return nullptr;
    uint8_t* taken = free_;
    free_ += bytes;
    return taken;
  }

 private:
  Mapping(uint8_t* memory, size_t mapped) : memory_(memory), mapped_(mapped) {
    free_ = memory + (kLargePage - reinterpret_cast<uintptr_t>(memory) % kLargePage) % kLargePage;
  }

  uint8_t* memory_;
  size_t mapped_;
  uint8_t* free_;
};

// The mapping that is being filled.
struct WeightMemory::Open {
  std::mutex mutex;
  std::weak_ptr<Mapping> mapping;
};

WeightMemory::WeightMemory(size_t bytes) {
  if (bytes < kSharedBytes) {
    own_ = AlignedBuffer(bytes);
    data_ = own_.data();
    return;
  }
  if (bytes > SIZE_MAX / 2) return;
  bytes = rounded_up(bytes, kLine);
  static Open open;
  const std::lock_guard lock(open.mutex);
  mapping_ = open.mapping.lock();
  if (mapping_ != nullptr) data_ = mapping_->take(bytes);
  if (data_ != nullptr) return;
  mapping_ = Mapping::make(std::max(rounded_up(bytes, kLargePage), kMappingBytes));
  if (mapping_ == nullptr) return;
  data_ = mapping_->take(bytes);
  open.mapping = mapping_;
}

}  // namespace studio::engine
