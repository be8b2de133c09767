#include "engine/kernels/int16_scratch.h"

namespace studio::engine {
namespace {

constexpr size_t kLine = 64;

// Hands out parts of a buffer, each at a border of lines; first with no buffer, to find its size.
class Parts {
 public:
  explicit Parts(uint8_t* base) : base_(base) {}
  size_t size() const { return size_; }

  template <typename T>
  T* take(size_t count) {
    uint8_t* const at = base_ == nullptr ? nullptr : base_ + size_;
    size_ += (count * sizeof(T) + kLine - 1) / kLine * kLine;
    return reinterpret_cast<T*>(at);
  }

 private:
  uint8_t* base_;
  size_t size_ = 0;
};

Int16Scratch divided(Parts& parts, size_t tokens, size_t dim) {
  const size_t whole = (tokens + kPanelRows - 1) / kPanelRows * kPanelRows, queries = kInt16Queries;
  const size_t groups = (dim + kInt16Group - 1) / kInt16Group;
  Int16Scratch view;
  view.keys = parts.take<int16_t>(whole * dim);
  view.key_scales = parts.take<float>(whole);
  view.values = parts.take<int16_t>(whole * dim);
  view.value_scales = parts.take<float>(dim);
  view.queries = parts.take<int16_t>(queries * dim);
  view.query_scales = parts.take<float>(queries * groups);
  view.scores = parts.take<float>(queries * whole);
  view.shares = parts.take<int16_t>(queries * whole);
  return view;
}

}  // namespace

Int16ScratchMemory::Int16ScratchMemory(int max_tokens, int head_dim) {
  const auto tokens = static_cast<size_t>(max_tokens), dim = static_cast<size_t>(head_dim);
  Parts sizes(nullptr);
  divided(sizes, tokens, dim);
  memory_ = AlignedBuffer(sizes.size(), AlignedBuffer::Use::kFromFront);
  if (!has_memory()) return;
  Parts parts(memory_.data());
  view_ = divided(parts, tokens, dim);
}

}  // namespace studio::engine
