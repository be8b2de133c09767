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
  answer();
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
  Pending& pending = pending_[pending_count_++];
  pending.at = text.data() + begin;
  if (size > WordKey::kMaxBytes) [[unlikely]] {
    pending.key = {size, 0};
  } else {
    pending.key = begin + WordKey::kReadBytes <= text.size() ? WordKey::of_readable(pending.at, size)
                                                             : WordKey::of(text.substr(begin, size));
    cache_.prefetch(pending.key);
  }
  if (pending_count_ == kBatch) answer();
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

void PieceEncoder::answer() {
  for (size_t i = 0; i < pending_count_; ++i) {
    const Pending& pending = pending_[i];
    const size_t size = pending.key.size();
    if (size == 0) {
      answer_long({pending.at, static_cast<size_t>(pending.key.low)});
    } else if (const WordCache::Entry* entry = cache_.find(pending.key); entry != nullptr) [[likely]] {
      std::memcpy(buffer_.data() + count_, entry->ids.data(), sizeof entry->ids);
      count_ += entry->count();
      if (count_ >= kBuffered) flush();
    } else {
      merge({pending.at, size});
      if (!merged_.empty() && merged_.size() <= WordCache::kMaxIds) cache_.put(pending.key, merged_);
    }
  }
  pending_count_ = 0;
}

void PieceEncoder::answer_long(std::string_view piece) {
  using Entry = WordCache::LongEntry;
  if (piece.size() > Entry::kMaxBytes) {
    flush();
    return merges_.encode(piece, ids_);
  }
  Entry& entry = cache_.long_entry(piece);
  if (entry.is_of(piece)) return add(std::span(entry.ids).first(entry.count));
  merge(piece);
  if (merged_.size() > Entry::kMaxIds) return;
  std::copy(piece.begin(), piece.end(), entry.text.begin());
  std::copy(merged_.begin(), merged_.end(), entry.ids.begin());
  entry.size = static_cast<uint8_t>(piece.size());
  entry.count = static_cast<uint8_t>(merged_.size());
}

void PieceEncoder::merge(std::string_view piece) {
  merged_.clear();
  merges_.encode(piece, merged_);
  add(merged_);
}

void PieceEncoder::add(std::span<const TokenId> ids) {
  if (count_ + ids.size() > kBuffered) flush();
  std::copy(ids.begin(), ids.end(), buffer_.begin() + static_cast<std::ptrdiff_t>(count_));
  count_ += ids.size();
}

void PieceEncoder::flush() {
  ids_.insert(ids_.end(), buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(count_));
  count_ = 0;
}

}  // namespace studio::engine
