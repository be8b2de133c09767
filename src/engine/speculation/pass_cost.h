// What a pass of the model costs by the number of its columns, in passes of one column.
//
// A curve through a few numbers of columns: flat where the weights' way from memory bounds a pass, steep where
// arithmetic does, with a step behind a tile of sixteen. Every pass corrects what one column takes at once, as a
// machine's speed changes from a minute to the next, and its place of the curve slowly, as that is the machine's and
// the model's own. A place that is corrected holds the others to two rules, so that a few passes of any size tell of
// all: more columns take no less time, and no more than as many smaller passes. It decides what is tried, never what
// comes out.
// Threads: one.
#pragma once

#include <array>
#include <cstddef>

namespace studio::engine {

class PassCost {
 public:
  static constexpr int kMostColumns = 32;  // in proportion behind

  // In passes of one column.
  double of(int columns) const;
  // Of one column; 0: no pass was seen.
  double seconds() const { return seconds_; }

  // A pass in which every column was a token of an answer.
  void note(int columns, double seconds);

 private:
  static constexpr std::array<int, 9> kColumns = {1, 2, 4, 8, 12, 16, 17, 24, kMostColumns};
  // Where it begins: the 0.5B and the 1.5B in Q4_K_M on two cores with AVX-512 VNNI have 1.02, 1.06, 1.16, 1.35, 1.56,
  // 2.07, 2.47, 2.95 and 1.03, 1.03, 1.13, 1.48, 1.92, 2.58, 3.03, 3.75; arithmetic weighs more where memory is faster.
  static constexpr std::array<double, kColumns.size()> kFirst = {1, 1.05, 1.12, 1.35, 1.65, 2, 2.5, 3, 3.6};

  // Columns lie between place i and the next, at a share of the way.
  struct Between {
    size_t i;
    double share;
  };
  static Between between(int columns);
  void correct(size_t place, double by);

  std::array<double, kColumns.size()> cost_ = kFirst;  // [0] is 1
  double seconds_ = 0;
};

}  // namespace studio::engine
