// tokenizer.json of a Hugging Face model folder (library `tokenizers`, format version 1.0, read 2026-11): the
// vocabulary of a byte-level BPE, and how text is cut before it.
//
// What the tokenizer of this engine does not do is refused by name. Errors: corrupt_data, unimplemented.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace studio::engine {

struct HfAddedToken {
  int32_t id = -1;
  std::string content;
  bool special = false;
};

struct HfTokenizer {
  std::vector<std::string> tokens;  // by id, in the byte alphabet of GPT-2; empty where no token has the id
  std::vector<std::string> merges;  // "left right", by rank
  std::vector<HfAddedToken> added;
  std::string_view split;  // how GGUF names the way text is cut: "qwen2", "gpt-2", "smollm"
  bool nfc = false;        // text is brought to normal form C first

  static Result<HfTokenizer> parse(std::string_view json);
};

}  // namespace studio::engine
