#include "engine/tokenizer/piece_encoder.h"

#include <algorithm>
#include <cstring>

#include "engine/tokenizer/quick_splitter.h"
#include "engine/tokenizer/unicode_classes.h"

namespace studio::engine {

void PieceEncoder::encode(SplitPattern pattern, std::string_view text) {
  switch (pattern) {
    case SplitPattern::kQwen2:
      encode_by<SplitPattern::kQwen2>(text);
      break;
    case SplitPattern::kGpt2:
      encode_by<SplitPattern::kGpt2>(text);
      break;
    case SplitPattern::kSmolLm:
      encode_by<SplitPattern::kSmolLm>(text);
      break;
  }
  flush();
}

template <SplitPattern pattern>
void PieceEncoder::encode_by(std::string_view text) {
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = next_segment(pattern, text, begin);
    for (size_t at = begin; at < end;) {
      size_t stop = quick_piece<pattern>(text.data(), at, end, text.size());
      if (stop != 0) {
        add_piece(text, at, stop);
      } else {
        stop = begin + next_piece(pattern, text.substr(begin, end - begin), at - begin);
        add_at_seams(text, at, stop);
      }
      at = stop;
    }
    begin = end;
  }
}

inline void PieceEncoder::add_piece(std::string_view text, size_t begin, size_t end) {
  const size_t size = end - begin;
  if (size > WordKey::kMaxBytes) return merge(text.substr(begin, size));
  const WordKey key = begin + WordKey::kReadBytes <= text.size() ? WordKey::of_readable(text.data() + begin, size)
                                                                 : WordKey::of(text.substr(begin, size));
  const WordCache::Entry& entry = cache_.at(key);
  if (entry.key == key) [[likely]] {
    std::memcpy(buffer_.data() + count_, entry.ids.data(), sizeof entry.ids);
    count_ += entry.count();
    if (count_ >= kBuffered) flush();
    return;
  }
  merge(text.substr(begin, size));
  if (!merged_.empty() && merged_.size() <= WordCache::kMaxIds) cache_.put(key, merged_);
}

void PieceEncoder::add_at_seams(std::string_view text, size_t begin, size_t end) {
  const std::string_view piece = text.substr(0, end);
  CodePoint left = decode_utf8(piece, begin);
  for (size_t at = begin + static_cast<size_t>(left.bytes); at < end;) {
    const CodePoint right = decode_utf8(piece, at);
    const bool may_be = (left.value | right.value) >= 0x80 && !left.is_stray() && !right.is_stray();
    if (may_be && seams_.between(left.value, text.data() + at, right.value)) {
      add_piece(text, begin, at);
      begin = at;
    }
    left = right;
    at += static_cast<size_t>(right.bytes);
  }
  add_piece(text, begin, end);
}

void PieceEncoder::merge(std::string_view piece) {
  merged_.clear();
  merges_.encode(piece, merged_);
  if (count_ + merged_.size() > kBuffered) flush();
  if (merged_.size() > kBuffered) {
    ids_.insert(ids_.end(), merged_.begin(), merged_.end());
  } else {
    std::copy(merged_.begin(), merged_.end(), buffer_.begin() + static_cast<std::ptrdiff_t>(count_));
    count_ += merged_.size();
  }
}

void PieceEncoder::flush() {
  ids_.insert(ids_.end(), buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(count_));
  count_ = 0;
}

}  // namespace studio::engine
