// SentencePiece's table of what characters become (precompiled_charsmap): a double-array trie over the bytes of UTF-8,
// and the texts that it leads to.
//
// Layout: u32 bytes of the trie, its units (u32 each), then texts that end with a NUL each. A unit holds the byte that
// led to it, the distance to its children, and whether one of them is a value.
// Source: Darts-clone, as sentencepiece 0.2 writes it; a text takes the shortest entry that begins it, as Hugging Face
// `tokenizers` has it. Foreign: a unit or a text that lies outside is none.
// Immutable: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace studio::engine {

class CharacterMap {
 public:
  // corrupt_data where the parts do not fit into the bytes.
  static Result<CharacterMap> read(std::string_view bytes);

  // What the shortest entry that begins `text` becomes; nothing where there is none.
  std::optional<std::string_view> find(std::string_view text) const;

 private:
  std::vector<uint32_t> units_;
  std::string texts_;
};

}  // namespace studio::engine
