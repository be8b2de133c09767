#include "engine/tokenizer/seams.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace studio::engine {

using seam_bits::of_bytes, seam_bits::of_pair, seam_bits::part_of_character;

SeamFiller::SeamFiller(std::span<uint64_t> pairs, std::span<uint64_t> bytes) : pairs_(pairs), bytes_(bytes) {
  std::fill(pairs_.begin(), pairs_.end(), 0);
  std::fill(bytes_.begin(), bytes_.end(), 0);
}

void SeamFiller::add_token(std::string_view bytes) {
  if (std::all_of(bytes.begin(), bytes.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; })) return;
  CodePoint left = decode_utf8(bytes, 0);
  for (size_t at = static_cast<size_t>(left.bytes); at < bytes.size();) {
    const CodePoint right = decode_utf8(bytes, at);
    if (left.is_stray() || right.is_stray()) {
      const auto before = static_cast<uint8_t>(bytes[at - 1]), after = static_cast<uint8_t>(bytes[at]);
      set(bytes_, of_bytes(before, after));
      set(pairs_, of_pair(left.is_stray() ? part_of_character(before) : left.value,
                          right.is_stray() ? part_of_character(after) : right.value));
    } else {
      set(pairs_, of_pair(left.value, right.value));
    }
    at += static_cast<size_t>(right.bytes);
    left = right;
  }
}

void SeamFiller::add_missing_byte(uint8_t byte) {
  // Inside of a character it would be seen by no neighbour; bytes that are in no character are beside no seam.
  if (byte >= 0x80) {
    if (byte < 0xC0 || (byte >= 0xC2 && byte <= 0xF4)) close_all();
    return;
  }
  for (size_t other = 0; other < 256; ++other) {
    set(bytes_, of_bytes(byte, static_cast<uint8_t>(other)));
    set(bytes_, of_bytes(static_cast<uint8_t>(other), byte));
  }
}

void SeamFiller::close_all() {
  std::fill(bytes_.begin(), bytes_.end(), ~uint64_t{0});
  std::fill(pairs_.begin(), pairs_.end(), ~uint64_t{0});
}

Seams::Seams(std::span<const uint64_t> pairs, std::span<const uint64_t> bytes) : pairs_(pairs), bytes_(bytes) {
  const auto set = [](uint8_t& bits, bool is_set, uint32_t first) {
    bits = static_cast<uint8_t>(bits | (is_set ? kSeamRowBits[first % 64] : 0));
  };
  const auto beside = [&](uint32_t before, uint32_t after) {
    return seam_bits::has(bytes_, of_bytes(static_cast<uint8_t>(before), static_cast<uint8_t>(after)));
  };
  for (uint32_t i = 0; i < 64; ++i) {
    const uint32_t last = 0x80 + i;
    for (uint32_t first = 0xE2; first <= 0xE9; ++first) {
      set(rows_.before_han[i], beside(last, first), first);
      const uint32_t left = part_of_character(static_cast<uint8_t>(last));
      set(rows_.parts[i], seam_bits::has(pairs_, of_pair(left, part_of_character(static_cast<uint8_t>(first)))), first);
    }
    for (uint32_t first = 0; first < 0x80; ++first)
      rows_.before_others[i] |= beside(last, first) ? SeamRows::kAscii : 0;
    rows_.before_others[i] |= beside(last, 0xEF) ? SeamRows::kWide : 0;
  }
  for (uint32_t last = 0; last < 0x80; ++last) {
    for (const uint32_t first : {0xE2u, 0xE3u, 0xE4u, 0xE5u, 0xE6u, 0xE7u, 0xE8u, 0xE9u, 0xEFu}) {
      set(rows_.behind_ascii[last / 64][last % 64], beside(last, first), first);
    }
  }
}

bool Seams::is_closed() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](uint64_t bits) { return bits == ~uint64_t{0}; });
}

Seams::Places Seams::between_han(uint32_t left, uint8_t before_text, const char* text, size_t most) const {
  using namespace seam_bits;
  Places places{0, 0, left};
  uint64_t closed = 0, parts = 0;
  uint32_t before = before_text, of_last = of_left(left);
  for (; places.count < most; ++places.count) {
    uint32_t bytes;
    std::memcpy(&bytes, text + 3 * places.count, sizeof bytes);
    const uint32_t index = ((bytes & 0x0F) << 12 | (bytes >> 2 & 0xFC0) | (bytes >> 16 & 0x3F)) - kHanFirst;
    if ((bytes & 0xC0C0F0) != 0x8080E0 || index >= kHanCount) break;
    const uint32_t right = kHanFirst + index;
    closed |= uint64_t{has(pairs_, (of_last + of_right(right)) >> (32 - kPairBitsLog2))} << places.count;
    parts |= uint64_t{has(bytes_, of_bytes(static_cast<uint8_t>(before), static_cast<uint8_t>(bytes)))} << places.count;
    of_last = of_left(right);
    before = bytes >> 16 & 0xFF;
    places.last = right;
  }
  for (parts &= ~closed; parts != 0; parts &= parts - 1) {
    const auto place = static_cast<size_t>(std::countr_zero(parts));
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
    const auto han_at = [&](size_t i) { return kHanFirst + han_index(byte(i), byte(i + 1), byte(i + 2)); };
    const size_t at = 3 * place;
    const bool is_closed = place == 0 ? splits(left, before_text, byte(0), han_at(0))
                                      : splits(han_at(at - 3), byte(at - 1), byte(at), han_at(at));
    closed |= uint64_t{is_closed} << place;
  }
  places.seams = ~closed & (places.count == 64 ? ~uint64_t{0} : (uint64_t{1} << places.count) - 1);
  return places;
}

}  // namespace studio::engine
