#include "engine/tokenizer/piece_encoder.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "engine/tokenizer/quick_splitter.h"
#include "engine/tokenizer/unicode_classes.h"

namespace studio::engine {
namespace {

constexpr std::array<WordCache::Entry, 2> kNobodys{};  // what the cache has of a piece that it cannot have

}  // namespace

void PieceEncoder::encode(SplitPattern pattern, std::string_view text) {
  switch (pattern) {
    case SplitPattern::kQwen2:
      encode_by_windows(text);
      break;
    case SplitPattern::kGpt2:
      encode_by<SplitPattern::kGpt2>(text);
      break;
    case SplitPattern::kSmolLm:
      encode_by<SplitPattern::kSmolLm>(text);
      break;
  }
  answer();
}

template <SplitPattern pattern>
void PieceEncoder::encode_by(std::string_view text) {
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = next_segment(pattern, text, begin);
    for (size_t at = begin; at < end;) {
      const bool is_ascii = static_cast<uint8_t>(text[at]) < 0x80;
      size_t stop = is_ascii ? quick_piece<pattern>(text.data(), at, end, text.size()) : 0;
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

void PieceEncoder::encode_by_windows(std::string_view text) {
  // Looks at a time, so that what one waits for from memory does not hold up the next.
  constexpr size_t kLooks = 4;
  struct Look {
    size_t at;
    uint64_t cuts;
  };
  std::array<Look, kLooks> looks;
  size_t begin = 0;  // of the piece that is not put yet
  for (size_t at = 0; at < text.size();) {
    size_t count = 0;
    bool is_known = true;
    while (is_known && count < kLooks && at < text.size()) {
      const PieceWindow window = window_(text, at, seams_);
      looks[count] = {at, window.cuts};
      is_known = window.bytes != 0;
      count += is_known ? 1 : 0;
      at += window.bytes;
    }
    for (size_t i = 0; i < count; ++i) begin = put_pieces(text, begin, looks[i].at, looks[i].cuts);
    if (!is_known) begin = at = add_unknown(text, begin, at);
  }
  if (begin < text.size()) add_piece(text, begin, text.size());
}

inline size_t PieceEncoder::put_pieces(std::string_view text, size_t begin, size_t at, uint64_t cuts) {
  if (pending_count_ > kBatch - kWindowBytes) {
    answer();
  } else if (pending_count_ >= looked_up_ + 2 * kLookUps) {
    look_up(looked_up_ + kLookUps);
  }
  for (; cuts != 0; cuts &= cuts - 1) {
    const size_t end = at + static_cast<size_t>(std::countr_zero(cuts));
    put_piece(text, begin, end);
    begin = end;
  }
  return begin;
}

size_t PieceEncoder::add_unknown(std::string_view text, size_t begin, size_t at) {
  if (begin < at) {
    const CodePoint left = decode_utf8(text, at);
    return add_more_letters(text, begin, at + static_cast<size_t>(left.bytes), text.size(), left);
  }
  if (const size_t stop = add_letters(text, at, text.size()); stop != 0) return stop;
  const size_t stop = next_piece(SplitPattern::kQwen2, text, at);
  add_at_seams(text, at, stop);
  return stop;
}

inline void PieceEncoder::add_piece(std::string_view text, size_t begin, size_t end) {
  put_piece(text, begin, end);
  if (pending_count_ == kBatch) answer();
}

inline void PieceEncoder::put_piece(std::string_view text, size_t begin, size_t end) {
  const size_t size = end - begin;
  Pending& pending = pending_[pending_count_++];
  pending.at = text.data() + begin;
  if (size > WordKey::kMaxBytes) [[unlikely]] {
    pending.key = {size, 0};
    pending.entry = kNobodys.data();
  } else {
    pending.key = begin + WordKey::kReadBytes <= text.size() ? WordKey::of_readable(pending.at, size)
                                                             : WordKey::of(text.substr(begin, size));
    pending.entry = cache_.sent_for(pending.key);
  }
}

// The first two alternatives of next_piece() for letters, but for contractions; and the fourth where it begins with
// something else than ASCII.
size_t PieceEncoder::add_letters(std::string_view text, size_t begin, size_t end) {
  const std::string_view segment = text.substr(0, end);
  const auto is_letter = [](CodePoint c) { return (char_class(c.value) & kIsLetter) != 0; };
  size_t at = begin;
  CodePoint left{0, 0};
  if (!skip_han(text, end, &begin, &at, &left)) {
    left = decode_utf8(segment, begin);
    at += static_cast<size_t>(left.bytes);
    const uint8_t classes = char_class(left.value);
    if ((classes & kIsLetter) == 0) {
      const bool may_lead =
          left.value != '\'' && left.value != '\n' && left.value != '\r' && (classes & kIsNumber) == 0;
      const bool has_letter =
          may_lead && at < end && (skip_han(text, end, &begin, &at, &left) || is_letter(decode_utf8(segment, at)));
      if (!has_letter) {
        const bool is_symbol = left.value >= 0x80 && (classes & (kIsSpace | kIsNumber)) == 0;
        return is_symbol ? add_symbols(text, begin, end, left) : 0;
      }
    }
  }
  return add_more_letters(text, begin, at, end, left);
}

size_t PieceEncoder::add_more_letters(std::string_view text, size_t begin, size_t at, size_t end, CodePoint left) {
  const std::string_view segment = text.substr(0, end);
  while (at < end) {
    if (static_cast<uint8_t>(text[at]) < 0x80) {
      if (kAsciiClasses[static_cast<uint8_t>(text[at])] != AsciiClass::kLetter) break;
    } else if (skip_han(text, end, &begin, &at, &left)) {
      continue;
    }
    const CodePoint right = decode_utf8(segment, at);
    if ((char_class(right.value) & kIsLetter) == 0) break;
    cut_at_seam(left, text, at, right, &begin);
    left = right;
    at += static_cast<size_t>(right.bytes);
  }
  add_piece(text, begin, at);
  return at;
}

// Symbols from `left` on, the first of them, and the line breaks behind them.
size_t PieceEncoder::add_symbols(std::string_view text, size_t begin, size_t end, CodePoint left) {
  const std::string_view segment = text.substr(0, end);
  bool is_behind = false;  // the symbols
  for (size_t at = begin + static_cast<size_t>(left.bytes);; at += static_cast<size_t>(left.bytes)) {
    const CodePoint right = at < end ? decode_utf8(segment, at) : CodePoint{0, 0};
    is_behind |= at == end || (char_class(right.value) & (kIsSpace | kIsLetter | kIsNumber)) != 0;
    if (at == end || (is_behind && right.value != '\n' && right.value != '\r')) {
      add_piece(text, begin, at);
      return at;
    }
    cut_at_seam(left, text, at, right, &begin);
    left = right;
  }
}

// Over the characters of Chinese from *at on, cut at their seams; false where there are none. *left is what stands
// before them, nothing where the piece begins with them.
inline bool PieceEncoder::skip_han(std::string_view text, size_t end, size_t* begin, size_t* at, CodePoint* left) {
  const auto byte = static_cast<uint8_t>(text[*at]);
  if (byte < 0xE4 || byte > 0xE9) return false;
  const size_t readable = (std::min(end, text.size() - 1) - *at) / 3;
  const auto before = static_cast<uint8_t>(left->bytes == 0 ? 0 : text[*at - 1]);
  const auto places = seams_.between_han(left->value, before, text.data() + *at, std::min<size_t>(64, readable));
  if (places.count == 0) return false;
  const bool may_begin = left->bytes != 0 && !left->is_stray();
  for (uint64_t seams = may_begin ? places.seams : places.seams & ~uint64_t{1}; seams != 0; seams &= seams - 1) {
    const size_t seam = *at + 3 * static_cast<size_t>(std::countr_zero(seams));
    add_piece(text, *begin, seam);
    *begin = seam;
  }
  *at += 3 * places.count;
  *left = {places.last, 3};
  return true;
}

void PieceEncoder::add_at_seams(std::string_view text, size_t begin, size_t end) {
  const std::string_view piece = text.substr(0, end);
  CodePoint left = decode_utf8(piece, begin);
  for (size_t at = begin + static_cast<size_t>(left.bytes); at < end;) {
    const CodePoint right = decode_utf8(piece, at);
    cut_at_seam(left, text, at, right, &begin);
    left = right;
    at += static_cast<size_t>(right.bytes);
  }
  add_piece(text, begin, end);
}

void PieceEncoder::answer() {
  look_up(pending_count_);
  if (new_count_ > 0) answer_new();
  size_t done = 0;
  for (size_t i = 0; i < special_count_; ++i) {
    emit(done, specials_[i].pending);
    add_special(specials_[i]);
    done = specials_[i].pending + 1;
  }
  emit(done, pending_count_);
  flush();
  // Only now, as entries of the cache were what others waited for.
  for (size_t i = 0; i < new_count_; ++i) {
    const WordCache::Entry& entry = new_entries_[i];
    if (entry.count() > 0 && !(cache_.entry(entry.key)->key == entry.key)) cache_.put(entry);
  }
  pending_count_ = looked_up_ = new_count_ = special_count_ = 0;
}

// Nearly without branches for each piece: which of them are in the cache is nothing that a processor could guess.
inline void PieceEncoder::look_up(size_t end) {
  const size_t known = new_count_;
  for (; looked_up_ < end; ++looked_up_) {
    Pending& pending = pending_[looked_up_];
    pending.entry = WordCache::entry(pending.entry, pending.key);
    new_[new_count_].pending = looked_up_;
    new_count_ += pending.entry->key == pending.key ? 0 : 1;
  }
  for (size_t i = known; i < new_count_; ++i) words_.prefetch(pending_[new_[i].pending].key);
}

inline void PieceEncoder::emit(size_t from, size_t to) {
  for (size_t i = from; i < to; ++i) {
    const WordCache::Entry& entry = *pending_[i].entry;
    std::memcpy(buffer_.data() + count_, entry.ids.data(), sizeof entry.ids);
    count_ += entry.count();
  }
}

// Entries for the pieces that the cache does not have.
void PieceEncoder::answer_new() {
  size_t unknown_count = 0;
  for (size_t i = 0; i < new_count_; ++i) {
    Pending& pending = pending_[new_[i].pending];
    pending.entry = &new_entries_[i];
    const size_t size = pending.key.size();
    const TokenId word = size == 0 ? -1 : words_.find(pending.key);
    new_entries_[i] = WordCache::Entry::of(pending.key, {&word, 1});
    new_[i].begin = new_[i].end = 0;
    if (word >= 0 || size == 0) continue;
    unknown_[unknown_count] = i;
    unknown_pieces_[unknown_count++] = {pending.at, size};
  }
  merges_.encode_together<MergeTable::kWord>(std::span(unknown_pieces_).first(unknown_count), new_ids_, unknown_counts_,
                                             least_of_unknown_);
  for (size_t i = 0; i < unknown_count; ++i) {
    New& piece = new_[unknown_[i]];
    piece.begin = i * MergeTable::kWord;
    piece.end = piece.begin + unknown_counts_[i];
    if (unknown_counts_[i] > WordCache::kMaxIds) continue;
    const auto ids = std::span<const TokenId>(new_ids_).subspan(piece.begin, unknown_counts_[i]);
    new_entries_[unknown_[i]] = WordCache::Entry::of(new_entries_[unknown_[i]].key, ids);
  }
  for (size_t i = 0; i < new_count_; ++i) {
    const bool is_long = new_entries_[i].key.size() == 0;
    if (is_long || new_[i].end - new_[i].begin > WordCache::kMaxIds) specials_[special_count_++] = new_[i];
  }
}

// A piece whose ids no entry has room for.
void PieceEncoder::add_special(const New& piece) {
  const Pending& pending = pending_[piece.pending];
  if (pending.key.size() == 0) {
    answer_long({pending.at, static_cast<size_t>(pending.key.low)});
  } else {
    add(std::span<const TokenId>(new_ids_).subspan(piece.begin, piece.end - piece.begin));
  }
}

void PieceEncoder::answer_long(std::string_view piece) {
  using Entry = WordCache::LongEntry;
  if (piece.size() > Entry::kMaxBytes) {
    flush();
    return merges_.encode(piece, ids_);
  }
  Entry& entry = cache_.long_entry(piece);
  if (entry.is_of(piece)) return add(std::span(entry.ids).first(entry.count));
  merged_.clear();
  merges_.encode(piece, merged_);
  add(merged_);
  if (merged_.size() > Entry::kMaxIds) return;
  std::copy(piece.begin(), piece.end(), entry.text.begin());
  std::copy(merged_.begin(), merged_.end(), entry.ids.begin());
  entry.size = static_cast<uint8_t>(piece.size());
  entry.count = static_cast<uint8_t>(merged_.size());
}

void PieceEncoder::add(std::span<const TokenId> ids) {
  flush();
  ids_.insert(ids_.end(), ids.begin(), ids.end());
}

void PieceEncoder::flush() {
  ids_.insert(ids_.end(), buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(count_));
  count_ = 0;
}

}  // namespace studio::engine
