// Whole-vocabulary passes of the sampler: maximum, exponentials as integer weights, sums per block.
//
// The vocabulary is cut into blocks of 64 logits. A weight is exp((logit - max) / temperature) as an integer multiple
// of 2^-40, so that sums are exact in any order and the same on every machine; weights below 2^-41 of the largest are
// 0 and never drawn. One source is compiled for three instruction sets; every operation is an elementwise IEEE one, so
// all three give the same bits.
#pragma once

#include <cstdint>

namespace studio::engine {

inline constexpr int kVocabBlock = 64;
inline constexpr int kWeightBits = 40;  // V < 2^23 weights of 2^40 sum in 63 bits
inline constexpr int64_t kFullWeight = int64_t{1} << kWeightBits;

constexpr int vocab_blocks(int vocab_size) {
  return (vocab_size + kVocabBlock - 1) / kVocabBlock;
}

// A histogram over (max - logit) / temperature: buckets of 1/64. A weight is 0 from 28.42 on (2^-41 = e^-28.42), which
// is bucket 1,819; what lies further off shares the last one.
inline constexpr int kBuckets = 1824;
struct Histogram {
  int64_t weight[kBuckets];
  int32_t count[kBuckets];
};

struct VocabMax {
  float max;
  bool finite;  // no NaN and no infinity in the row
};

struct VocabPasses {
  const char* name;
  // logits [V] -> block_max [vocab_blocks(V)].
  VocabMax (*find_max)(const float* logits, int vocab_size, float* block_max);
  // weights [vocab_blocks(V) * 64] f32 in [0, 1], 0 past V; block_sums [vocab_blocks(V)]. Returns the total.
  int64_t (*exponentials)(const float* logits, int vocab_size, float max, float inverse_temperature, float* weights,
                          int64_t* block_sums);
  // buckets [vocab_blocks(V) * 64]: each logit's. Adds every weight (and, if asked, every token) to its bucket.
  void (*fill_histogram)(const float* logits, const float* weights, int vocab_size, float max,
                         float inverse_temperature, bool with_counts, uint16_t* buckets, Histogram* histogram);
  // Sets to 0 what the boundary (see truncation.h) or min_weight drops, and sums again. Returns the total.
  int64_t (*drop_and_sum)(const float* logits, int vocab_size, float boundary_logit, int32_t boundary_id,
                          int64_t min_weight, float* weights, int64_t* block_sums);
};

extern const VocabPasses kVocabPassesBase, kVocabPassesAvx2, kVocabPassesAvx512;

// The fastest that this CPU runs.
const VocabPasses& vocab_passes();

// exp((logit - max) * inverse_temperature), the very value the passes compute. logit <= max.
float sampling_weight(float logit, float max, float inverse_temperature);

// A weight in [0, 1] as an integer multiple of 2^-40, rounded to nearest even.
inline int64_t weight_units(float weight) {
  // Adding 1.5 * 2^12 puts the unit 2^-40 in the last place of the double; its low bits are then the integer.
  constexpr double kShift = 1.5 * 4096.0;
  return __builtin_bit_cast(int64_t, static_cast<double>(weight) + kShift) - __builtin_bit_cast(int64_t, kShift);
}

}  // namespace studio::engine
