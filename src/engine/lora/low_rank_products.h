// What adapters add to the products of a layer, for the rows of a step that have one.
//
// Rows of one adapter that stand together are one group: y[rows] += up (scales * (down x[rows])). The sums run over K
// and over R ascending, one accumulator for each value (kernels/factor_product.h), so that a row gets the same bits
// whatever stands beside it.
//
// project() is one loop over the pool for all matrices that read the same x; updates() then go along with the products
// themselves (kernels/matmul.h) and cost no loop of their own.
// Threads: the scheduler thread.
#pragma once

#include <array>
#include <initializer_list>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "engine/kernels/kernel_set.h"
#include "engine/kernels/matmul.h"
#include "engine/lora/adapter.h"

namespace studio::engine {

// Rows first .. first + n - 1 of every [N, ...] array of a step.
struct AdapterRows {
  const Adapter* adapter = nullptr;
  int first = 0;
  int n = 0;
};

class LowRankProducts {
 public:
  LowRankProducts(const KernelSet& kernels, ThreadPool& pool) : product_(factor_product(kernels.isa)), pool_(pool) {}

  void begin();
  // In ascending order of rows. nullptr: they have no adapter.
  void add(const Adapter* adapter, int rows);
  // From here on the step has these of its rows alone, ascending, which move to the front.
  void keep(std::span<const int> rows);
  bool empty() const { return groups_.empty(); }

  // For the matrices `targets` of layer `layer`, which all read x [N, k].
  void project(int layer, std::initializer_list<LoraTarget> targets, const float* x, int k);
  // Of one of the targets of the last project(); valid until the next.
  std::span<const LowRankUpdate> updates(LoraTarget target) const { return updates_[static_cast<size_t>(target)]; }

 private:
  // Some rows of one group's product with `down`.
  struct Piece {
    const LowRank* product;
    int first, n;  // rows of x
    float* mid;    // [n, R]
  };
  void compute(const Piece& piece, const float* x, int k) const;

  const FactorProduct product_;
  ThreadPool& pool_;
  std::vector<AdapterRows> groups_;
  int rows_ = 0;
  std::vector<float> mid_;  // of all groups and targets
  std::vector<Piece> pieces_;
  std::array<std::vector<LowRankUpdate>, kLoraTargetNames.size()> updates_;
};

}  // namespace studio::engine
