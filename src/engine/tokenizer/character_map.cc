#include "engine/tokenizer/character_map.h"

#include <cstring>

namespace studio::engine {
namespace {

bool leads_to_value(uint32_t unit) {
  return (unit >> 8 & 1) != 0;
}
uint32_t value_of(uint32_t unit) {
  return unit & 0x7FFF'FFFFu;
}
// The byte, with the bit that only values have.
uint32_t label_of(uint32_t unit) {
  return unit & (0x8000'0000u | 0xFFu);
}
uint32_t distance_of(uint32_t unit) {
  return unit >> 10 << ((unit & 0x200u) >> 6);
}

}  // namespace

Result<CharacterMap> CharacterMap::read(std::string_view bytes) {
  uint32_t trie_bytes = 0;
  if (bytes.size() >= sizeof trie_bytes) std::memcpy(&trie_bytes, bytes.data(), sizeof trie_bytes);
  if (trie_bytes == 0 || trie_bytes % sizeof(uint32_t) != 0 || trie_bytes > bytes.size() - sizeof trie_bytes) {
    return Error(Code::kCorruptData, "tokenizer.json: normalizer.precompiled_charsmap is cut off");
  }
  bytes.remove_prefix(sizeof trie_bytes);
  CharacterMap map;
  map.units_.resize(trie_bytes / sizeof(uint32_t));
  std::memcpy(map.units_.data(), bytes.data(), trie_bytes);
  map.texts_ = std::string(bytes.substr(trie_bytes));
  return map;
}

std::optional<std::string_view> CharacterMap::find(std::string_view text) const {
  uint32_t at = distance_of(units_[0]);
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    at ^= byte;
    if (byte == 0 || at >= units_.size() || label_of(units_[at]) != byte) return std::nullopt;
    const uint32_t unit = units_[at];
    at ^= distance_of(unit);
    if (!leads_to_value(unit)) continue;
    const size_t begin = at < units_.size() ? value_of(units_[at]) : texts_.size();
    const size_t end = texts_.find('\0', begin);
    if (begin >= texts_.size() || end == std::string::npos) return std::nullopt;
    return std::string_view(texts_).substr(begin, end - begin);
  }
  return std::nullopt;
}

}  // namespace studio::engine
