// One constraint over one vocabulary, for all answers that are held to it, from any thread: what is learnt of its
// states serves all of them. A matcher is used under the mutex alone.
#pragma once

#include <memory>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/constrain/matcher.h"
#include "engine/constrain/text_cuts.h"

namespace studio::engine::constrain {

// A model's vocabulary as constraints see it.
struct Vocabulary {
  std::shared_ptr<const TokenTrie> tokens;
  // How a text that must come is likely to be cut: what comes is drawn all the same.
  std::shared_ptr<TextCuts> cuts;
  std::vector<uint64_t> all_but_ends;  // a mask as TokenMask::words()

  // `encode`: empty, and nothing is guessed.
  static std::shared_ptr<const Vocabulary> of(std::span<const std::string_view> tokens, std::span<const TokenId> ends,
                                              TextCuts::Encode encode);
};

struct SharedMatchers {
  SharedMatchers(std::shared_ptr<const Constraint> constraint, std::shared_ptr<const Vocabulary> words)
      : vocabulary(std::move(words)), pool(std::move(constraint), vocabulary->tokens) {
    pool.make_ahead();
  }

  const std::shared_ptr<const Vocabulary> vocabulary;
  std::mutex mutex;
  MatcherPool pool;  // guarded by mutex, as what it starts
};

}  // namespace studio::engine::constrain
