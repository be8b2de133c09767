// The ways of cutting text by the names that GGUF gives them in tokenizer.ggml.pre.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/tokenizer/splitter.h"

namespace studio::engine {

struct KnownSplit {
  std::string_view name;
  SplitPattern pattern;
  bool nfc;  // text is brought to normal form C first
};

inline constexpr KnownSplit kKnownSplits[] = {
    {"qwen2", SplitPattern::kQwen2, true},
    {"gpt-2", SplitPattern::kGpt2, false},
    {"smollm", SplitPattern::kSmolLm, false},
};

inline Result<const KnownSplit*> find_split(std::string_view name) {
  std::string names;
  for (const KnownSplit& candidate : kKnownSplits) {
    if (candidate.name == name) return &candidate;
    names += (names.empty() ? "" : ", ") + std::string(candidate.name);
  }
  return Error(Code::kUnimplemented,
               "tokenizer.ggml.pre = " + std::string(name.substr(0, 64)) + " is not supported; known are " + names);
}

}  // namespace studio::engine
