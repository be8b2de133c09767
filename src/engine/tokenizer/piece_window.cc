#include "engine/tokenizer/piece_window.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "engine/tokenizer/quick_splitter.h"
#include "engine/tokenizer/unicode_classes.h"

namespace studio::engine {
namespace {

constexpr uint64_t kOne = 1;
constexpr size_t kMaxContraction = 3;  // bytes: 're

uint64_t below(size_t count) {
  return count >= 64 ? ~uint64_t{0} : (kOne << count) - 1;
}

// How many bits in a row are set below bit `end`, 1 to 64.
size_t run_before(uint64_t bits, size_t end) {
  return static_cast<size_t>(std::countl_one(bits << (64 - end)));
}

// Where a contraction ends that begins at text[at] and has letters behind it; `bytes` can be looked at. 0: none.
size_t contraction_stop(const char* text, size_t at, size_t bytes) {
  if (at + 1 >= bytes) return 0;
  const auto lower = [&](size_t i) { return static_cast<char>(text[i] | 0x20); };
  const char a = lower(at + 1);
  if (a == 's' || a == 't' || a == 'm' || a == 'd') return at + 2;
  if (at + 2 >= bytes) return 0;
  const char b = lower(at + 2);
  return (a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l') ? at + 3 : 0;
}

}  // namespace

PieceWindow qwen_window(const char* text, WindowClasses classes, uint64_t seams) {
  const auto& [letters, digits, symbols, white, newlines, spaces, apostrophes, three, bytes, is_whole,
               has_last_unseen] = classes;
  if (bytes == 0) return {};

  // ` ?[^\s\p{L}\p{N}]+[\r\n]*`: symbols, one of which stands before letters instead where it is alone.
  const uint64_t symbol_runs = symbols & ~(symbols << 1);  // their first bytes
  const uint64_t free_symbols = symbol_runs & ~(spaces << 1);
  const uint64_t behind_symbols = (symbols << 1) & newlines;
  const uint64_t taken = newlines & ~(newlines + behind_symbols);  // line breaks that follow symbols

  // `\s*[\r\n]+|\s+(?!\S)|\s+`: white space breaks behind its last line break and before its last character.
  const uint64_t spaced = white & ~taken;
  const uint64_t white_runs = spaced & ~(spaced << 1);
  const uint64_t blanks = white & ~newlines;
  uint64_t behind_lines = ((newlines & ~taken) << 1) & blanks;
  // Not where another line break follows.
  for (uint64_t lines = (blanks + behind_lines) & ~blanks & newlines; behind_lines != 0 && lines != 0;
       lines &= lines - 1) {
    const auto line = static_cast<size_t>(std::countr_zero(lines));
    behind_lines &= ~(kOne << (line - run_before(blanks, line)));
  }
  uint64_t last_blanks = blanks & ~(white >> 1);
  if (is_whole) last_blanks &= ~(kOne << (bytes - 1));

  // `[^\r\n\p{L}\p{N}]?\p{L}+`: letters, and what stands before them.
  const uint64_t leading = free_symbols & ~three, leading_three = free_symbols & three;
  const uint64_t letter_runs = letters & ~(letters << 1) & ~(leading << 1 | leading_three << 3 | blanks << 1);

  uint64_t starts = digits | digits << 1 | white_runs | behind_lines | last_blanks | free_symbols | letter_runs;
  for (uint64_t marks = apostrophes & free_symbols & letters >> 1; marks != 0; marks &= marks - 1) {
    const size_t stop = contraction_stop(text, static_cast<size_t>(std::countr_zero(marks)), bytes);
    if (stop != 0 && stop < bytes) starts |= letters & kOne << stop;
  }

  starts &= below(bytes);
  if (is_whole) return {(starts | seams) & ~kOne, bytes};
  // Up to there, with what begins there.
  const auto upto = [&](size_t known) { return PieceWindow{(starts | seams) & below(known + 1) & ~kOne, known}; };
  const uint64_t end = kOne << (bytes - 1);
  if ((spaced & end) != 0) return upto(bytes - run_before(spaced, bytes));  // more may make it one piece
  const size_t last = starts == 0 ? 0 : static_cast<size_t>(std::bit_width(starts) - 1);
  // Of letters the last one begins the next look, where it is settled that they are no contraction.
  const bool is_settled = (apostrophes >> last & 1) == 0 || bytes - last > kMaxContraction;
  if ((letters & end) == 0 || has_last_unseen || !is_settled) return upto(last);
  return upto((three & end >> 2) != 0 ? bytes - 3 : bytes - 1);
}

void add_last_character(std::string_view text, size_t at, WindowClasses& classes) {
  const uint64_t here = kOne << classes.bytes;
  const uint8_t of_character = char_class(decode_utf8(text, at + classes.bytes).value);
  if ((of_character & kIsLetter) != 0) {
    classes.letters |= here;
  } else if ((of_character & kIsNumber) != 0) {
    classes.digits |= here;
  } else if ((of_character & kIsSpace) != 0) {
    classes.white |= here;
  } else {
    classes.symbols |= here;
  }
  ++classes.bytes;
  classes.has_last_unseen = true;
}

PieceWindow piece_window_base(std::string_view text, size_t at, const Seams&) {
  const size_t size = std::min(kWindowBytes, text.size() - at);
  const char* bytes = text.data() + at;
  char copy[kWindowBytes] = {};
  if (size < kWindowBytes) {
    std::memcpy(copy, bytes, size);
    bytes = copy;
  }
  WindowClasses classes;
  uint64_t others = 0;
  for (size_t block = 0; block < kWindowBytes; block += kQuickBytes) {
    const AsciiBits bits(bytes + block);
    classes.letters |= uint64_t{bits.letters()} << block;
    classes.digits |= uint64_t{bits.digits()} << block;
    classes.newlines |= uint64_t{bits.newlines()} << block;
    classes.white |= uint64_t{bits.white()} << block;
    classes.spaces |= uint64_t{bits.spaces()} << block;
    classes.apostrophes |= uint64_t{bits.apostrophes()} << block;
    others |= uint64_t{bits.others()} << block;
  }
  classes.bytes = std::min(size, static_cast<size_t>(std::countr_zero(others)));
  classes.is_whole = at + classes.bytes == text.size();
  const uint64_t there = below(classes.bytes);
  classes.letters &= there, classes.digits &= there, classes.newlines &= there, classes.white &= there;
  classes.spaces &= there, classes.apostrophes &= there;
  classes.symbols = there & ~(classes.letters | classes.digits | classes.white);
  if (classes.bytes < size) add_last_character(text, at, classes);
  return qwen_window(bytes, classes, 0);
}

bool has_piece_window_avx512() {
  return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2") &&
         __builtin_cpu_supports("bmi2");
}

PieceWindowFn piece_window() {
  static const PieceWindowFn chosen = has_piece_window_avx512() ? piece_window_avx512 : piece_window_base;
  return chosen;
}

}  // namespace studio::engine
