// The input of a matrix product: N columns (tokens) of K values, quantised once by whoever produced them.
//
// Quantised weights read `codes`: blocks of 32 along K as int8 with one f32 scale each, interleaved by column so that a
// kernel walks them in order. Float weights read `values`. A producer (rms_norm_quantize, swiglu_quantize, quantize)
// writes the parts the object keeps, so consumers of any weight type share one Activations.
// How a value is quantised is part of the numerics class: numerics.md, section 2.
//
// Threads: disjoint columns (or blocks) may be written at once; reading needs all writes done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/kernels/aligned_buffer.h"
#include "engine/kernels/kernel_args.h"

namespace studio::engine {

// Which parts an Activations keeps.
struct ActivationParts {
  bool codes = true;    // for quantised weights; K must be a multiple of 32
  bool values = false;  // for F32, F16 and BF16 weights
  int max_terms = 1;    // 2 leaves room for two coded terms a value
  // Room for the values where they are wanted in some steps only; it costs no memory before the first of them.
  bool may_keep_values = false;
};

class Activations {
 public:
  // Room for max_columns x max_k. The shape is then set by reset().
  Activations(int max_columns, int max_k, ActivationParts parts);

  // The shape of what is written next: 1 <= columns <= max_columns, 1 <= k <= max_k, 1 <= terms <= max_terms. Contents
  // become undefined.
  void reset(int columns, int k, int terms = 1);
  // From the next reset() on the values are kept, or no longer; those of float weights are in any case.
  void keep_values(bool wanted) { keeps_values_ = wanted; }

  // Values [k_begin, k_end), whole blocks, of columns [begin, end) become the first terms of x's; this has one term,
  // and x's columns and K. What one producer wrote then serves products of either number of terms.
  void take_first_terms(const Activations& x, int begin, int end, int k_begin, int k_end);

  int columns() const { return view_.columns; }
  int k() const { return view_.k; }
  ActivationParts parts() const { return parts_; }
  const ActivationView& view() const { return view_; }

 private:
  int max_columns_;
  int max_k_;
  ActivationParts parts_;
  bool keeps_values_ = false;
  AlignedBuffer values_, codes_, scales_, sums_, minus_sums_, minus_halves_, exponents_, quarters_;
  std::unique_ptr<int32_t> wild_;
  ActivationView view_;
};

}  // namespace studio::engine
