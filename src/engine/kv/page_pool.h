// Keys and values in fixed pages of 16 positions, so that sequences grow, share and leave without moving data.
//
// One page holds 16 positions of every layer and kv head: [L, KV, keys and values] blocks of bytes that the attention
// kernel reads in order (KvPages in kernels/kernel_args.h). Memory is reserved at construction and touched on first
// use. A page is in one of three states: empty; held, by one sequence or several; or idle, which is kept by the prefix
// tree and held by nobody. Idle pages are free too: the keeper gives them up, one at a time, when no empty one is left.
// Running out is an answer (false), not an error: the scheduler decides who waits.
// Source: PagedAttention (Kwon et al., 2023), section 4.
//
// Threads: the scheduler thread alone changes counts; kernels read and write page contents from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/kernels/aligned_buffer.h"
#include "engine/kernels/kernel_set.h"

namespace studio::engine {

// Names what the bytes of a page mean; a new name with every change of it, so that no file of pages is read wrongly.
constexpr std::string_view kv_format(KvType type) {
  return type == KvType::kInt8 ? "i8-pages16-1" : "i16-pages16-1";
}

struct KvShape {
  int layers = 0;    // L
  int kv_heads = 0;  // KV
  int head_dim = 0;  // D
  KvType type = KvType::kInt16;

  size_t bytes_per_page() const {
    return static_cast<size_t>(layers) * static_cast<size_t>(kv_heads) * 2 * kv_block_bytes(head_dim, type);
  }
};

constexpr int pages_for(int tokens) {
  return (tokens + kPageTokens - 1) / kPageTokens;
}

class PagePool {
 public:
  // Who keeps idle pages. give_up_page() drops one of them at least; it is called only while there are some.
  class Keeper {
   public:
    virtual void give_up_page() = 0;

   protected:
    ~Keeper() = default;
  };

  // invalid_argument for no pages; unavailable when the memory cannot be reserved.
  static Result<PagePool> create(const KvShape& shape, int pages);

  PagePool(PagePool&&) = default;  // before it has a keeper
  PagePool& operator=(PagePool&&) = default;

  int total() const { return static_cast<int>(holders_.size()); }
  int free() const { return static_cast<int>(empty_.size()) + idle_; }  // that nobody holds
  int idle() const { return idle_; }                                    // of them, kept for their content
  const KvShape& shape() const { return shape_; }

  // A page with one holder, or -1 when none is free.
  int32_t take();
  void hold(int32_t page);     // one holder more, of a page that is not empty
  void release(int32_t page);  // one holder less; the last one frees it
  int holders(int32_t page) const { return holders_[static_cast<size_t>(page)]; }

  void set_keeper(Keeper* keeper) { keeper_ = keeper; }
  void keep(int32_t page);  // a held page: it will be idle, not empty, once its last holder lets go
  void drop(int32_t page);  // the end of that; an idle page is empty now
  bool is_kept(int32_t page) const { return kept_[static_cast<size_t>(page)]; }

  // Asks the system now for the memory of `pages` that take() gives first, where it would on their first use. A hint.
  void touch(int pages);
  std::span<uint8_t> bytes(int32_t page);  // all of its content
  // All of one page's content into another, held by its writer alone.
  void copy(int32_t from, int32_t to);

  // Where one (layer, kv head) lies in every page.
  KvPages view(int layer, int kv_head);

 private:
  PagePool(const KvShape& shape, int pages, AlignedBuffer memory);

  KvShape shape_;
  AlignedBuffer memory_;
  std::vector<int32_t> holders_;  // [N pages]
  std::vector<bool> kept_;        // [N pages]
  std::vector<int32_t> empty_;    // a stack: the page used last is the warmest
  int idle_ = 0;
  Keeper* keeper_ = nullptr;
};

}  // namespace studio::engine
