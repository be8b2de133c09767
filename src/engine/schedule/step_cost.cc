#include "engine/schedule/step_cost.h"

#include <algorithm>
#include <cmath>

namespace studio::engine {
namespace {

// Of the newest step in the mean of its size: some five steps are remembered, a quarter of a second or so.
constexpr double kWeight = 0.2;
// A step that took longer than this many times what was expected was held up from outside; it counts as this much.
// Where the machine really is that slow from now on, the next steps say so too.
constexpr double kMostSurprise = 4;

}  // namespace

double StepCost::units(int tokens, int depth) const {
  return tokens * (1 + (depth + tokens / 2.0) / depth_unit_);
}

// t (1 + d / D) + t^2 / 2D = units, solved for t; written so that an infinite D divides nothing by nothing.
int StepCost::tokens_within(double units, int depth) const {
  if (units <= 0) return 0;
  const double first = 1 + depth / depth_unit_;
  return static_cast<int>(2 * units / (first + std::sqrt(first * first + 2 * units / depth_unit_)));
}

void StepCost::observe(double units, double seconds) {
  if (!(units >= 1) || !(seconds >= 0)) return;
  if (is_known()) seconds = std::min(seconds, kMostSurprise * this->seconds(units));
  Point& seen = points_[static_cast<size_t>(std::min(std::ilogb(units), kSizes - 1))];
  const double weight = seen.units > 0 ? kWeight : 1;
  seen.units += weight * (units - seen.units);
  seen.seconds += weight * (seconds - seen.seconds);
  for (Point& other : points_) {
    if (&other == &seen || other.units == 0) continue;
    const double in_proportion = seen.seconds * other.units / seen.units;
    other.seconds = other.units < seen.units ? std::clamp(other.seconds, in_proportion, seen.seconds)
                                             : std::clamp(other.seconds, seen.seconds, in_proportion);
  }
}

bool StepCost::is_known() const {
  return std::any_of(points_.begin(), points_.end(), [](const Point& point) { return point.units > 0; });
}

// The line on which a place of the curve lies: through the two points around it, or the first two where it lies before
// them; and behind the last one in proportion to it, which is what the first one is held to where it is the only one.
template <typename IsBefore>
StepCost::Line StepCost::line(IsBefore&& is_before) const {
  Point below, above;
  for (const Point& point : points_) {
    if (point.units == 0) continue;
    below = above;
    above = point;
    if (below.units > 0 && is_before(above)) break;
  }
  if (!is_before(above)) below = {};
  return {above, above.units > 0 ? (above.seconds - below.seconds) / (above.units - below.units) : 0};
}

double StepCost::seconds(double units) const {
  const auto [point, slope] = line([&](const Point& one) { return units < one.units; });
  return point.seconds + slope * (units - point.units);
}

double StepCost::units_within(double seconds) const {
  const auto [point, slope] = line([&](const Point& one) { return seconds < one.seconds; });
  if (slope == 0) return seconds < point.seconds ? 0 : point.units;
  return std::max(0.0, point.units + (seconds - point.seconds) / slope);
}

}  // namespace studio::engine
