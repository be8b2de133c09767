// How a text is cut into tokens, that of short texts kept: what must come in an answer is mostly one of a few dozen
// texts between values, and a tokenizer's tables are in no cache when one is asked for.
//
// Threads: any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/tensor/token.h"

namespace studio::engine::constrain {

class TextCuts {
 public:
  using Encode = std::function<std::vector<TokenId>(std::string_view)>;
  // Of a longer cut the first ones are told.
  static constexpr size_t kMostTokens = 24;
  struct Cut {
    std::array<TokenId, kMostTokens> ids{};
    size_t count = 0;

    std::span<const TokenId> tokens() const { return std::span(ids).first(count); }
  };

  // `encode`: empty, and every text is cut into nothing.
  explicit TextCuts(Encode encode) : encode_(std::move(encode)), kept_(encode_ ? kSlots : 0) {}

  Cut cut(std::string_view text);

 private:
  // A line of memory, found by the text's hash; another text takes its place.
  struct alignas(64) Kept {
    uint8_t size = 0;  // 0: none
    uint8_t count = 0;
    std::array<char, 30> text{};
    std::array<TokenId, 8> ids{};
  };
  static constexpr size_t kSlots = 1024;

  const Encode encode_;
  std::mutex mutex_;
  std::vector<Kept> kept_;  // guarded by mutex_
};

}  // namespace studio::engine::constrain
