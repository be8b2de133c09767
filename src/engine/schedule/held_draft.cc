#include "engine/schedule/held_draft.h"

#include <algorithm>
#include <cstddef>

#include "engine/speculation/drafter.h"

namespace studio::engine {
namespace {

// A text that must come may be cut into other tokens than the usual ones, which models seldom do. The last token of
// it may be the beginning of a longer one.
constexpr float kLikely = 0.97f;
constexpr float kLikelyAtEnd = 0.7f;

}  // namespace

void HeldDraft::add(std::span<const TokenId> ids, std::span<const float> chances_of_ids) {
  tokens.insert(tokens.end(), ids.begin(), ids.end());
  const auto end = chances_of_ids.begin() + static_cast<std::ptrdiff_t>(ids.size());
  chances.insert(chances.end(), chances_of_ids.begin(), end);
}

void HeldDraft::add_likely(std::span<const TokenId> likely) {
  const size_t room = size_t{Drafter::kLongestDraft} - std::min(size_t{Drafter::kLongestDraft}, tokens.size());
  const bool is_cut = likely.size() > room;
  likely = likely.first(std::min(likely.size(), room));
  tokens.insert(tokens.end(), likely.begin(), likely.end());
  chances.resize(tokens.size(), kLikely);
  if (!likely.empty() && !is_cut) chances.back() = kLikelyAtEnd;
}

float HeldDraft::expected() const {
  float tokens_expected = 0, reached = 1;
  for (const float chance : chances) tokens_expected += reached *= chance;
  return tokens_expected;
}

}  // namespace studio::engine
