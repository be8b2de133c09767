#include "engine/speculation/draft_plan.h"

#include <algorithm>
#include <vector>

namespace studio::engine {
namespace {

// Chances are estimates, and the pass' cost another: a draft must be worth somewhat more than it seems to cost, ...
constexpr double kMargin = 1.15;
// ... and all of them together more than the step from one column to the next kernel.
constexpr double kLeastGain = 1.04;

}  // namespace

void plan_drafts(std::span<DraftOffer> offers, int columns, const PassCost& cost) {
  const double plain = columns / cost.of(columns);
  std::vector<double> reached(offers.size(), 1.0);  // that all taken come
  double tokens = columns;
  while (columns < kMostColumns) {
    size_t best = offers.size();
    double chance = 0;  // that the best one's next draft comes, with all before it
    for (size_t i = 0; i < offers.size(); ++i) {
      if (offers[i].taken >= offers[i].most) continue;
      const double next = reached[i] * offers[i].chances[static_cast<size_t>(offers[i].taken)];
      if (next > chance) chance = next, best = i;
    }
    if (chance <= kMargin * cost.slope() * tokens / cost.of(columns)) break;
    ++offers[best].taken;
    reached[best] = chance;
    tokens += chance;
    ++columns;
  }
  if (tokens / cost.of(columns) >= kLeastGain * plain) return;
  for (DraftOffer& offer : offers) offer.taken = 0;
}

}  // namespace studio::engine
