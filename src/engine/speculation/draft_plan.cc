#include "engine/speculation/draft_plan.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace studio::engine {
namespace {

// Chances are estimates, and the pass' cost another: drafts must be worth somewhat more than they seem to cost.
constexpr double kLeastGain = 1.03;

}  // namespace

void plan_drafts(std::span<DraftOffer> offers, int columns, const PassCost& cost) {
  std::vector<DraftOffer*> order;                   // whose draft is fed next, by chance
  std::vector<double> reached(offers.size(), 1.0);  // that all taken come
  double tokens = columns, best = kLeastGain * tokens / cost.of(columns);
  size_t worth = 0;  // so many of them: the most tokens in the time
  while (columns + static_cast<int>(order.size()) < kMostColumns) {
    size_t likely = offers.size();
    double chance = 0;  // that this one's next draft comes, with all before it
    for (size_t i = 0; i < offers.size(); ++i) {
      if (offers[i].taken >= offers[i].most) continue;
      const double next = reached[i] * offers[i].chances[static_cast<size_t>(offers[i].taken)];
      if (next > chance) chance = next, likely = i;
    }
    if (likely == offers.size()) break;
    ++offers[likely].taken;
    reached[likely] = chance;
    tokens += chance;
    order.push_back(&offers[likely]);
    const double rate = tokens / cost.of(columns + static_cast<int>(order.size()));
    if (rate > best) best = rate, worth = order.size();
  }
  for (size_t i = worth; i < order.size(); ++i) --order[i]->taken;
}

double least_chance(int columns, const PassCost& cost) {
  const double rate = kLeastGain * columns / cost.of(columns);
  double least = std::numeric_limits<double>::infinity();
  for (int more = 1; columns + more <= kMostColumns; ++more) {
    least = std::min(least, (rate * cost.of(columns + more) - columns) / more);
  }
  return least;
}

}  // namespace studio::engine
