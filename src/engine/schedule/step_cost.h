// How long a step takes, learned from the steps that ran.
//
// Work is counted in units: one is a token that looks back at nothing, and attention makes a token at depth d cost
// 1 + d / depth_unit of them. Seconds over units are a curve that starts flat, for the weights are read once whatever
// the number of tokens, and ends in proportion. It is kept as one mean point for each power of two of units. A point
// that is seen holds the others to two rules, so that one step of any size corrects what is known of all sizes when the
// machine became faster or slower: more units take no less time, and no more than in proportion.
//
// Threads: one.
#pragma once

#include <array>
#include <limits>

namespace studio::engine {

class StepCost {
 public:
  // Depth at which attention costs a token as much as everything else does.
  explicit StepCost(double depth_unit = std::numeric_limits<double>::infinity()) : depth_unit_(depth_unit) {}

  // Of `tokens` in a row, the first of which looks back at `depth` positions.
  double units(int tokens, int depth) const;
  // The most tokens at `depth` that cost no more than that.
  int tokens_within(double units, int depth) const;

  void observe(double units, double seconds);

  bool is_known() const;
  // Of one step of so many units. 0 while nothing is known.
  double seconds(double units) const;
  // The most units that take no longer; 0 where less than anything that was seen would. Not while nothing is known.
  double units_within(double seconds) const;

 private:
  struct Point {
    double units = 0, seconds = 0;  // 0: nothing seen of this size
  };
  struct Line {
    Point through;
    double slope = 0;  // seconds by unit
  };
  template <typename IsBefore>
  Line line(IsBefore&& is_before) const;

  static constexpr int kSizes = 20;  // up to 2^20 units: a batch of 512 tokens at depths of a thousand depth units

  double depth_unit_;
  std::array<Point, kSizes> points_;  // [i]: mean of the steps with 2^i <= units < 2^(i + 1); units ascend
};

}  // namespace studio::engine
