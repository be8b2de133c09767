// Beginnings of prompts that the operator calls public: what everybody knows, such as the system message of a product.
//
// Computed prefixes are shared within a key, because what is found tells what others have asked. Of a public prefix it
// tells nothing, so it is computed once for all keys.
#pragma once

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "engine/tensor/token.h"

namespace studio::inference {

class PublicPrefixes {
 public:
  using Ids = std::vector<engine::TokenId>;

  // What both begin with is public: the same prompt, gone on with in two ways.
  void add_common(const Ids& one, const Ids& other) {
    const auto end = std::ranges::mismatch(one, other).in1;
    if (end != one.begin()) prefixes_.emplace_back(one.begin(), end);
  }

  // How many of the first ids are public.
  int count(std::span<const engine::TokenId> ids) const {
    std::ptrdiff_t longest = 0;
    for (const Ids& prefix : prefixes_) {
      longest = std::max(longest, std::ranges::mismatch(ids, prefix).in2 - prefix.begin());
    }
    return static_cast<int>(longest);
  }

 private:
  std::vector<Ids> prefixes_;
};

}  // namespace studio::inference
