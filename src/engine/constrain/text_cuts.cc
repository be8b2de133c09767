#include "engine/constrain/text_cuts.h"

#include <algorithm>
#include <string_view>

#include "engine/constrain/hash.h"

namespace studio::engine::constrain {

TextCuts::Cut TextCuts::cut(std::string_view text) {
  Cut cut;
  if (!encode_ || text.empty()) return cut;
  const size_t slot = mix(std::hash<std::string_view>()(text), text.size()) % kSlots;
  {
    std::scoped_lock lock(mutex_);
    const Kept& kept = kept_[slot];
    if (std::string_view(kept.text.data(), kept.size) == text) {
      std::ranges::copy(kept.ids, cut.ids.begin());
      cut.count = kept.count;
      return cut;
    }
  }
  const std::vector<TokenId> ids = encode_(text);
  cut.count = std::min(ids.size(), kMostTokens);
  std::copy_n(ids.begin(), cut.count, cut.ids.begin());
  std::scoped_lock lock(mutex_);
  Kept& kept = kept_[slot];
  if (text.size() > kept.text.size() || ids.size() > kept.ids.size()) return cut;
  kept.size = static_cast<uint8_t>(text.size());
  kept.count = static_cast<uint8_t>(ids.size());
  std::ranges::copy(text, kept.text.begin());
  std::ranges::copy(ids, kept.ids.begin());
  return cut;
}

}  // namespace studio::engine::constrain
