// piece_window_base() for all of ASCII and most of Chinese text: 64 bytes in one register, their characters in four.
#include <immintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "engine/tokenizer/piece_window.h"
#include "engine/tokenizer/unicode_classes.h"

namespace studio::engine {
namespace {

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi,bmi2"))), \
                             apply_to = function)

constexpr int kLanes = 16;
constexpr std::array<uint8_t, kWindowBytes> kPlaces = [] {
  std::array<uint8_t, kWindowBytes> places{};
  for (size_t i = 0; i < places.size(); ++i) places[i] = static_cast<uint8_t>(i);
  return places;
}();

__mmask64 are_bytes(__m512i bytes, char first, char count) {
  return _mm512_cmplt_epu8_mask(_mm512_sub_epi8(bytes, _mm512_set1_epi8(first)), _mm512_set1_epi8(count));
}
__mmask64 is_byte(__m512i bytes, char which) {
  return _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(which));
}
// Punctuation of Chinese text: of U+2010 to 2027, 3001 to 3020, FF01 to FF65 those that are all symbols.
uint64_t are_symbols(__m512i first, __m512i second, __m512i third) {
  const uint64_t is_80 = is_byte(second, '\x80');
  return (is_byte(first, '\xE2') & is_80 & are_bytes(third, '\x90', 0x18)) |
         (is_byte(first, '\xE3') & is_80 & (are_bytes(third, '\x81', 3) | are_bytes(third, '\x88', 0x19))) |
         (is_byte(first, '\xEF') &
          ((is_byte(second, '\xBC') &
            (are_bytes(third, '\x81', 0x0F) | are_bytes(third, '\x9A', 7) | are_bytes(third, '\xBB', 5))) |
           (is_byte(second, '\xBD') & are_bytes(third, '\x9B', 0x0B))));
}

// The block-th kLanes bytes as u32.
__m512i lanes(__m512i bytes, int block) {
  switch (block) {
    case 0:
      return _mm512_cvtepu8_epi32(_mm512_castsi512_si128(bytes));
    case 1:
      return _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(bytes, 1));
    case 2:
      return _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(bytes, 2));
    default:
      return _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(bytes, 3));
  }
}

// Characters by their bytes; those of ASCII by the `only` one.
__m512i values_of(__m512i first, __m512i second, __m512i third, __m512i only) {
  const __m512i six = _mm512_set1_epi32(0x3F);
  const __m512i upper = _mm512_slli_epi32(_mm512_and_si512(first, _mm512_set1_epi32(0x0F)), 12);
  const __m512i middle = _mm512_slli_epi32(_mm512_and_si512(second, six), 6);
  const __m512i three = _mm512_or_si512(_mm512_or_si512(upper, middle), _mm512_and_si512(third, six));
  return _mm512_mask_mov_epi32(three, _mm512_cmplt_epu32_mask(only, _mm512_set1_epi32(0x80)), only);
}

// Bit i: a token may hold left[i] and right[i] beside each other; of the first `count` lanes.
uint32_t are_pairs(const Seams& seams, __m512i left, __m512i right, int count) {
  const __m512i sum =
      _mm512_add_epi32(_mm512_mullo_epi32(left, _mm512_set1_epi32(static_cast<int>(seam_bits::of_left(1)))),
                       _mm512_mullo_epi32(right, _mm512_set1_epi32(static_cast<int>(seam_bits::of_right(1)))));
  const __m512i places = _mm512_srli_epi32(sum, 32 - seam_bits::kPairBitsLog2);
  const __m512i at = _mm512_srli_epi32(places, 5);
  const void* const words = seams.pairs().data();
  // Each lane is a look at memory.
  const __m512i found = count > kLanes / 2
                            ? _mm512_i32gather_epi32(at, words, sizeof(uint32_t))
                            : _mm512_castsi256_si512(_mm256_i32gather_epi32(
                                  static_cast<const int*>(words), _mm512_castsi512_si256(at), sizeof(uint32_t)));
  const __m512i bit = _mm512_sllv_epi32(_mm512_set1_epi32(1), _mm512_and_si512(places, _mm512_set1_epi32(31)));
  return _mm512_test_epi32_mask(found, bit);
}

__m512i permuted(__m512i at, char distance, __m512i bytes) {
  return _mm512_permutexvar_epi8(_mm512_add_epi8(at, _mm512_set1_epi8(distance)), bytes);
}

// Of the places before these bytes those that a token of whole characters may lie across.
uint64_t joined_by_pairs(__m512i bytes, uint64_t asked, const Seams& seams) {
  const __m512i at = _mm512_maskz_compress_epi8(asked, _mm512_loadu_si512(kPlaces.data()));
  const __m512i first = permuted(at, 0, bytes), second = permuted(at, 1, bytes), third = permuted(at, 2, bytes);
  const __m512i before = permuted(at, -1, bytes), before_it = permuted(at, -2, bytes),
                third_last = permuted(at, -3, bytes);
  const int count = std::popcount(asked);
  uint64_t found = 0;
  for (int block = 0; kLanes * block < count; ++block) {
    const __m512i here = lanes(first, block), last = lanes(before, block);
    const __m512i right = values_of(here, lanes(second, block), lanes(third, block), here);
    const __m512i left = values_of(lanes(third_last, block), lanes(before_it, block), last, last);
    found |= uint64_t{are_pairs(seams, left, right, count - kLanes * block)} << kLanes * block;
  }
  return _pdep_u64(found, asked);
}

// Of the places between characters of Chinese those that a token may lie across that holds the whole of one and a part
// of the other.
uint64_t joined_by_parts(__m512i bytes, uint64_t asked, const Seams& seams) {
  constexpr int kPlacesAtOnce = kLanes / 2;
  const __m512i part = _mm512_set1_epi32(static_cast<int>(seam_bits::part_of_character(0)));
  uint64_t found = 0;
  while (asked != 0) {
    const uint64_t now = _pdep_u64((1u << kPlacesAtOnce) - 1, asked);
    asked &= ~now;
    // The lower half of the lanes asks with parts on the left, the upper one with parts on the right.
    const __m128i some = _mm512_castsi512_si128(_mm512_maskz_compress_epi8(now, _mm512_loadu_si512(kPlaces.data())));
    const __m512i at = _mm512_castsi128_si512(_mm_unpacklo_epi64(some, some));
    const __m512i first = lanes(permuted(at, 0, bytes), 0), last = lanes(permuted(at, -1, bytes), 0);
    const __m512i right = values_of(first, lanes(permuted(at, 1, bytes), 0), lanes(permuted(at, 2, bytes), 0), first);
    const __m512i left = values_of(lanes(permuted(at, -3, bytes), 0), lanes(permuted(at, -2, bytes), 0), last, last);
    const uint32_t pairs = are_pairs(seams, _mm512_mask_add_epi32(left, 0x00FF, part, last),
                                     _mm512_mask_add_epi32(right, 0xFF00, part, first), kLanes);
    found |= _pdep_u64((pairs | pairs >> kPlacesAtOnce) & ((1u << kPlacesAtOnce) - 1), now);
  }
  return found;
}

// Seams before bytes that begin characters, the first of the look left out. Of what is not ASCII there are only
// characters of three bytes.
uint64_t seams_before(__m512i bytes, uint64_t starts, uint64_t others, uint64_t han, const Seams& seams) {
  const SeamRows& rows = seams.rows();
  const auto row = [](const SeamRows::Row& of) { return _mm512_loadu_si512(of.data()); };
  const __m512i before = permuted(_mm512_loadu_si512(kPlaces.data()), -1, bytes);
  const __m512i bit = _mm512_permutexvar_epi8(bytes, row(kSeamRowBits));
  const uint64_t behind_others = others << 1, asked = starts & (others | behind_others) & ~uint64_t{1};
  const auto by_last = [&](const SeamRows::Row& of, __m512i bits) {
    return _mm512_test_epi8_mask(_mm512_permutexvar_epi8(before, row(of)), bits);
  };
  // Where the bytes beside the place are in a token that holds a part of a character.
  const uint64_t ascii_first = starts & ~others, wide_first = is_byte(bytes, '\xEF');
  const uint64_t behind_ascii = _mm512_test_epi8_mask(
      _mm512_permutex2var_epi8(row(rows.behind_ascii[0]), before, row(rows.behind_ascii[1])), bit);
  const uint64_t behind_tail = (by_last(rows.before_han, bit) & ~ascii_first & ~wide_first) |
                               (by_last(rows.before_others, _mm512_set1_epi8(SeamRows::kAscii)) & ascii_first) |
                               (by_last(rows.before_others, _mm512_set1_epi8(SeamRows::kWide)) & wide_first);
  const uint64_t parts = asked & ((behind_ascii & ~behind_others) | (behind_tail & behind_others));
  const uint64_t between_han = han & han << 3;
  uint64_t open = asked & ~(parts & ~between_han) & ~(parts & by_last(rows.parts, bit));
  open &= ~joined_by_pairs(bytes, open, seams);
  if (const uint64_t unsure = open & parts; unsure != 0) open &= ~joined_by_parts(bytes, unsure, seams);
  return open;
}

PieceWindow look(std::string_view text, size_t at, const Seams& seams) {
  const size_t size = std::min(kWindowBytes, text.size() - at);
  uint64_t there = _bzhi_u64(~uint64_t{0}, static_cast<unsigned>(size));
  const __m512i bytes = _mm512_maskz_loadu_epi8(there, text.data() + at);
  WindowClasses classes;
  classes.letters = are_bytes(_mm512_or_si512(bytes, _mm512_set1_epi8(0x20)), 'a', 26);
  classes.digits = are_bytes(bytes, '0', 10);
  classes.spaces = is_byte(bytes, ' ');
  classes.newlines = is_byte(bytes, '\n') | is_byte(bytes, '\r');
  classes.white = classes.spaces | are_bytes(bytes, '\t', 5);
  classes.apostrophes = is_byte(bytes, '\'');
  classes.bytes = size;
  const uint64_t others = _mm512_movepi8_mask(bytes);
  if (others == 0) {
    classes.symbols = there & ~(classes.letters | classes.digits | classes.white);
    classes.is_whole = at + size == text.size();
    return qwen_window(text.data() + at, classes, 0);
  }
  // A character of three bytes by each of them.
  const __m512i second = _mm512_maskz_loadu_epi8(there >> 1, text.data() + at + 1);
  const __m512i third = _mm512_maskz_loadu_epi8(there >> 2, text.data() + at + 2);
  const uint64_t tails = others & ~are_bytes(bytes, '\xC0', 0x40);
  const uint64_t three = are_bytes(bytes, '\xE0', 0x10) & tails >> 1 & tails >> 2;
  const uint64_t han = three & (are_bytes(bytes, '\xE5', 5) | (is_byte(bytes, '\xE4') & are_bytes(second, '\xB8', 8)));
  uint64_t symbols = 0;
  if (three != han) symbols = three & are_symbols(bytes, second, third);
  const auto whole = [](uint64_t first) { return first | first << 1 | first << 2; };
  const uint64_t unknown = others & ~whole(han | symbols);
  if (unknown != 0) {
    classes.bytes = static_cast<size_t>(std::countr_zero(unknown));
    there = _bzhi_u64(~uint64_t{0}, static_cast<unsigned>(classes.bytes));
  }
  classes.letters = (classes.letters | whole(han)) & there;
  classes.digits &= there, classes.white &= there, classes.newlines &= there;
  classes.spaces &= there, classes.apostrophes &= there;
  classes.symbols = there & ~(classes.letters | classes.digits | classes.white);
  classes.three = three & there;
  classes.is_whole = at + classes.bytes == text.size();
  const uint64_t starts = there & (~others | three);
  const uint64_t found = classes.three == 0 ? 0 : seams_before(bytes, starts, others, han & there, seams);
  if (classes.bytes < size) add_last_character(text, at, classes);
  return qwen_window(text.data() + at, classes, found);
}

#pragma clang attribute pop

}  // namespace

PieceWindow piece_window_avx512(std::string_view text, size_t at, const Seams& seams) {
  return look(text, at, seams);
}

}  // namespace studio::engine
