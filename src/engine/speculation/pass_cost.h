// What a pass of the model costs by the number of its columns, in passes of one column.
//
// A straight line through the passes of late, fitted by least squares: each column more costs the same share of a pass
// of one, between a hundredth where memory bounds it and a half where a core has no vector instructions. Measured here,
// as machines and models differ, and even one machine from a minute to the next. It decides what is tried, never what
// comes out.
#pragma once

#include <algorithm>

namespace studio::engine {

class PassCost {
 public:
  static constexpr double kFirstSlope = 0.1;  // until something is known
  static constexpr double kLeastSlope = 0.01, kMostSlope = 0.5;

  double slope() const { return slope_; }
  double of(int columns) const { return 1 + slope_ * (columns - 1); }

  // Of one column; 0: no pass was seen.
  double seconds() const { return weight_ == 0 ? 0 : expected(1); }

  // A pass in which every column was a token of an answer.
  void note(int columns, double seconds) {
    if (seconds <= 0) return;
    if (weight_ == 0) {
      const double one = seconds / of(columns);
      add(1, one, kFirstWeight);
      add(kFarColumns, one * of(kFarColumns), kFirstWeight);
    } else if (seconds > kOutlier * expected(columns)) {
      return;  // another program had the core
    }
    for (double* sum : {&weight_, &n_, &nn_, &t_, &nt_}) *sum *= kFade;
    add(columns, seconds, 1);
    fit();
  }

 private:
  static constexpr double kFade = 0.97;        // some thirty passes are remembered
  static constexpr double kFirstWeight = 3;    // passes that the first slope counts for
  static constexpr int kFarColumns = 9;        // where it is held to be right
  static constexpr double kLeastVariance = 1;  // of the columns: too like each other, they tell no slope
  static constexpr double kOutlier = 4;

  void add(double columns, double seconds, double weight) {
    weight_ += weight;
    n_ += weight * columns;
    nn_ += weight * columns * columns;
    t_ += weight * seconds;
    nt_ += weight * columns * seconds;
  }
  double expected(int columns) const {
    const double mean = n_ / weight_;
    return t_ / weight_ * of(columns) / std::max(1.0, 1 + slope_ * (mean - 1));
  }
  void fit() {
    const double n = n_ / weight_, t = t_ / weight_, variance = nn_ / weight_ - n * n;
    if (variance < kLeastVariance) return;
    const double column = (nt_ / weight_ - n * t) / variance, one = t - column * (n - 1);
    slope_ = one > 0 ? std::clamp(column / one, kLeastSlope, kMostSlope) : kMostSlope;
  }

  double weight_ = 0, n_ = 0, nn_ = 0, t_ = 0, nt_ = 0;  // sums over passes, faded
  double slope_ = kFirstSlope;
};

}  // namespace studio::engine
