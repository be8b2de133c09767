// What may come next in an answer that is held to a constraint, as far as guessed.
#pragma once

#include <span>
#include <vector>

#include "engine/tensor/token.h"

namespace studio::engine {

struct HeldDraft {
  std::vector<TokenId> tokens;
  std::vector<float> chances;  // [tokens] that each comes, if those before it did
  // Said before, and a guess instead of those: whether it may come was not looked at.
  std::span<const TokenId> said;

  void clear() {
    tokens.clear();
    chances.clear();
    said = {};
  }
  // chances [at least ids].
  void add(std::span<const TokenId> ids, std::span<const float> chances_of_ids);
  // What the constraint's text is likely to be (HeldAnswer::likely), up to the longest draft.
  void add_likely(std::span<const TokenId> likely);
  // Tokens that come true, on the average.
  float expected() const;
};

}  // namespace studio::engine
