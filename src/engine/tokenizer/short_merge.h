// Merging of one short piece, a step at a time, so that several pieces go on in turns while what they look for comes
// from memory. A part of bpe.cc.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "engine/tokenizer/bpe.h"
#include "engine/tokenizer/seams.h"

namespace studio::engine {

inline constexpr int kPlaceBits = 6;  // of a place in a short piece
static_assert(MergeTable::kShortPiece <= size_t{1} << kPlaceBits && kCodeBits + kPlaceBits < 32);

// A symbol's place is its number at the start; what it swallowed merges no more. Nearly without branches: which pair
// merges next is nothing that a processor could guess.
template <size_t kMost>
class MergeTable::ShortMerge {
 public:
  // Of at most kMost bytes, of which at least `least` symbols stay.
  void begin(const MergeTable& table, std::string_view piece, size_t least) {
    least_ = least;
    count_ = 0;
    has_characters_ = false;
    for (size_t at = 0; at < piece.size();) at += add(table, piece, at);
    next_[count_] = static_cast<uint8_t>(count_);
    previous_[0] = previous_[kNobody] = kNobody;
    next_[kNobody] = static_cast<uint8_t>(count_);
    merged_ = kNobody;
    symbols_[kNobody] = symbols_[count_] = 0;
    left_ = count_;
    if (is_done()) return;
    orders_.fill(kNone);
    for (size_t i = 0; i + 1 < count_; ++i) {
      if (has_characters_) {
        table.prefetch(key_of(i, i + 1));
      } else {
        orders_[i] = order(table.code_of_bytes(symbols_[i], symbols_[i + 1]));
      }
    }
  }

  // As few symbols as there can be: nothing merges any more.
  bool is_done() const { return left_ <= least_; }

  // Looks for what the last merge made possible. Between this and merge() others take their turns: a vector that is
  // read right after a part of it was written waits for that.
  void look(const MergeTable& table) {
    if (has_characters_) [[unlikely]]
      return look_everywhere(table);
    static constexpr MergeLine kEmpty{};
    const size_t after = next_[merged_], before = previous_[merged_];
    const MergeKey right = key_of(merged_, after), left = key_of(before, merged_);
    const MergeLine* const lines = table.tables_.lines.data();
    // Where there is no neighbour, in a line that is empty.
    const MergeLine* const right_line = after < count_ ? lines + right.line(table.shift_) : &kEmpty;
    const MergeLine* const left_line = before != kNobody ? lines + left.line(table.shift_) : &kEmpty;
    orders_[merged_] = order(table.code_in(*right_line, right));
    orders_[before] = order(table.code_in(*left_line, left));
  }

  // Merges once, and sends for what it makes possible; false where nothing merges any more. Not once it is done.
  bool merge(const MergeTable& table) {
    Order least = kNone;
    for (size_t i = 0; i < kMost; ++i) least = std::min(least, orders_[i] | static_cast<Order>(i));
    if (least >= kNone) return false;
    merged_ = static_cast<size_t>(least) % (size_t{1} << kPlaceBits);
    const size_t right = next_[merged_], after = next_[right];
    symbols_[merged_] = table.merged_by(static_cast<MergeCode>(least >> kPlaceBits));
    next_[merged_] = static_cast<uint8_t>(after);
    previous_[after] = static_cast<uint8_t>(merged_);
    orders_[right] = kNone;
    table.prefetch_id(symbols_[merged_]);
    if (--left_ <= least_) return false;
    table.prefetch(key_of(merged_, after));
    table.prefetch(key_of(previous_[merged_], merged_));
    return true;
  }

  // Once nothing merges any more: writes the ids, at most kMost, and returns how many.
  size_t write_to(TokenId* ids, const MergeTable& table) const {
    size_t written = 0;
    for (size_t i = 0; i < count_; i = next_[i]) ids[written++] = table.id_of(symbols_[i]);
    return written;
  }

 private:
  // A merge's code and below it its place: the least goes first, the leftmost among equals. Signed, as the first vector
  // instructions of x86-64 compare nothing else.
  using Order = int32_t;
  static constexpr Order kNone = Order{kNoMerge} << kPlaceBits;
  static constexpr uint8_t kNobody = kMost;  // before the first and behind the last
  static Order order(MergeCode code) { return static_cast<Order>(code << kPlaceBits); }

  // A character of Chinese, or else a byte; returns its length.
  size_t add(const MergeTable& table, std::string_view piece, size_t at) {
    const auto byte = static_cast<uint8_t>(piece[at]);
    Symbol symbol = byte;
    size_t length = 1;
    if (byte >= 0x80) {
      if (const Symbol character = table.han_at(piece, at); character != 0) {
        symbol = character;
        length = 3;
        has_characters_ = true;
        table.prefetch_id(character);
      }
    }
    if (table.lacks_bytes_ && length == 1 && !table.has_token(piece[at])) return length;
    symbols_[count_] = symbol;
    next_[count_] = static_cast<uint8_t>(count_ + 1);
    previous_[count_ + 1] = static_cast<uint8_t>(count_);
    ++count_;
    return length;
  }

  MergeKey key_of(size_t left, size_t right) const { return {symbols_[left], symbols_[right]}; }
  void look_everywhere(const MergeTable& table) {
    for (size_t i = 0; i + 1 < count_; ++i) orders_[i] = order(table.code_of(key_of(i, i + 1)));
    has_characters_ = false;
  }

  std::array<Symbol, kMost + 1> symbols_;  // the last is nobody's
  std::array<Order, kMost + 1> orders_;    // of each symbol with the next one; the last is nobody's
  std::array<uint8_t, kMost + 1> next_, previous_;
  size_t count_ = 0;             // of symbols at the start
  size_t left_ = 0, least_ = 1;  // of those that are not swallowed; where they end
  size_t merged_ = 0;            // the place of the symbol that the last merge made; before the first: kNobody
  bool has_characters_ = false;  // whose pairs are to be looked for
};

}  // namespace studio::engine
