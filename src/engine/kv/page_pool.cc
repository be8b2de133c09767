#include "engine/kv/page_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <utility>

namespace studio::engine {

Result<PagePool> PagePool::create(const KvShape& shape, int pages) {
  if (pages < 1 || shape.bytes_per_page() == 0) {
    return Error(Code::kInvalidArgument, "a page pool needs at least one page of at least one layer");
  }
  // Pages are taken from the front on.
  AlignedBuffer memory(shape.bytes_per_page() * static_cast<size_t>(pages), AlignedBuffer::Use::kFromFront);
  if (memory.data() == nullptr) return Error(Code::kUnavailable, "there is not enough memory for the KV pages");
  return PagePool(shape, pages, std::move(memory));
}

PagePool::PagePool(const KvShape& shape, int pages, AlignedBuffer memory)
    : shape_(shape),
      memory_(std::move(memory)),
      holders_(static_cast<size_t>(pages), 0),
      kept_(static_cast<size_t>(pages), false) {
  empty_.reserve(holders_.size());
  for (int32_t page = pages - 1; page >= 0; --page) empty_.push_back(page);
}

void PagePool::touch(int pages) {
  const auto count = static_cast<size_t>(std::clamp(pages, 0, total()));
  (void)::madvise(memory_.data(), count * shape_.bytes_per_page(), MADV_POPULATE_WRITE);  // Linux 5.14; or not
}

int32_t PagePool::take() {
  if (empty_.empty() && idle_ > 0) keeper_->give_up_page();
  if (empty_.empty()) return -1;
  const int32_t page = empty_.back();
  empty_.pop_back();
  holders_[static_cast<size_t>(page)] = 1;
  return page;
}

void PagePool::hold(int32_t page) {
  if (++holders_[static_cast<size_t>(page)] == 1) --idle_;
}

void PagePool::release(int32_t page) {
  if (--holders_[static_cast<size_t>(page)] > 0) return;
  if (is_kept(page)) {
    ++idle_;
  } else {
    empty_.push_back(page);
  }
}

void PagePool::keep(int32_t page) {
  kept_[static_cast<size_t>(page)] = true;
}

void PagePool::drop(int32_t page) {
  kept_[static_cast<size_t>(page)] = false;
  if (holders(page) > 0) return;
  --idle_;
  empty_.push_back(page);
}

std::span<uint8_t> PagePool::bytes(int32_t page) {
  return {memory_.as<uint8_t>() + static_cast<size_t>(page) * shape_.bytes_per_page(), shape_.bytes_per_page()};
}

void PagePool::copy(int32_t from, int32_t to) {
  auto* const base = memory_.as<uint8_t>();
  const size_t bytes = shape_.bytes_per_page();
  std::copy_n(base + static_cast<size_t>(from) * bytes, bytes, base + static_cast<size_t>(to) * bytes);
}

KvPages PagePool::view(int layer, int kv_head) {
  const size_t block = kv_block_bytes(shape_.head_dim, shape_.type);
  const size_t index = static_cast<size_t>(layer) * static_cast<size_t>(shape_.kv_heads) + static_cast<size_t>(kv_head);
  KvPages pages;
  pages.base = memory_.as<uint8_t>();
  pages.page_stride = shape_.bytes_per_page();
  pages.k_offset = index * 2 * block;
  pages.v_offset = pages.k_offset + block;
  pages.head_dim = shape_.head_dim;
  pages.type = shape_.type;
  return pages;
}

}  // namespace studio::engine
