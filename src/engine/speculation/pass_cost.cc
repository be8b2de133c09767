#include "engine/speculation/pass_cost.h"

#include <algorithm>

namespace studio::engine {
namespace {

// Of the newest pass in what one column takes, more where it had one column; and of its error in the curve.
constexpr double kSecondsWeight = 0.1, kOwnSecondsWeight = 0.3, kCurveWeight = 0.2;
// A pass that took longer than this many times what was expected was held up by another program: it counts as this
// much. Where the machine really is that slow from now on, the next passes say so too. The same of the curve where a
// pass was quicker: what one column takes was held up before.
constexpr double kMostSurprise = 1.5;

}  // namespace

PassCost::Between PassCost::between(int columns) {
  size_t i = 0;
  while (i + 2 < kColumns.size() && columns > kColumns[i + 1]) ++i;
  return {i, static_cast<double>(columns - kColumns[i]) / (kColumns[i + 1] - kColumns[i])};
}

double PassCost::of(int columns) const {
  if (columns > kMostColumns) return cost_.back() * columns / kMostColumns;
  const auto [i, share] = between(columns);
  return cost_[i] + share * (cost_[i + 1] - cost_[i]);
}

void PassCost::note(int columns, double seconds) {
  if (!(seconds > 0) || columns < 1) return;
  if (seconds_ == 0) seconds_ = seconds / of(columns);
  const double surprise = std::min(seconds / (seconds_ * of(columns)), kMostSurprise);
  const double error = of(columns) * (std::max(surprise, 1 / kMostSurprise) - 1);
  seconds_ *= 1 + (columns == 1 ? kOwnSecondsWeight : kSecondsWeight) * (surprise - 1);
  if (columns > kMostColumns) return;
  const auto [i, share] = between(columns);
  correct(i, (1 - share) * kCurveWeight * error);
  correct(i + 1, share * kCurveWeight * error);
}

void PassCost::correct(size_t place, double by) {
  if (place == 0 || by == 0) return;  // what one column costs is the unit
  cost_[place] = std::clamp(cost_[place] + by, 1.0, static_cast<double>(kColumns[place]));
  const auto passes = [](int columns, int of) { return (columns + of - 1) / of; };
  for (size_t i = 1; i < cost_.size(); ++i) {
    if (i < place) cost_[i] = std::clamp(cost_[i], cost_[place] / passes(kColumns[place], kColumns[i]), cost_[place]);
    if (i > place) cost_[i] = std::clamp(cost_[i], cost_[place], cost_[place] * passes(kColumns[i], kColumns[place]));
  }
}

}  // namespace studio::engine
