#include "engine/tokenizer/seams.h"

#include <algorithm>

namespace studio::engine {

using seam_bits::of_bytes, seam_bits::of_pair;

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
      set(bytes_, of_bytes(static_cast<uint8_t>(bytes[at - 1]), static_cast<uint8_t>(bytes[at])));
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
}

}  // namespace studio::engine
