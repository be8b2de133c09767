// Whole-vocabulary passes of the sampler: maximum, sums of exponentials as integer weights, what reaches a bound.
//
// The vocabulary is cut into blocks of 128 logits. A weight is exp((logit - max) / temperature) as an integer multiple
// of 2^-40, so that sums are exact in any order and the same on every machine; weights below 2^-41 of the largest are
// 0 and never drawn. Nothing of the row's length is written: a weight that is needed again is computed again.
// One source is compiled for three instruction sets; every operation is an elementwise IEEE one, so all three give the
// same bits.
#pragma once

#include <cstdint>

namespace studio::engine {

inline constexpr int kVocabBlock = 128;
inline constexpr int kWeightBits = 40;  // V < 2^23 weights of 2^40 sum in 63 bits
inline constexpr int64_t kFullWeight = int64_t{1} << kWeightBits;
// A token this far under the maximum, in (logit - max) / temperature, weighs 0: e^-28.43 < 2^-41.
inline constexpr float kWeightless = -28.43f;

constexpr int vocab_blocks(int vocab_size) {
  return (vocab_size + kVocabBlock - 1) / kVocabBlock;
}

// A histogram over (max - logit) / temperature: buckets of 1/64. A weight is 0 from 28.42 on (2^-41 = e^-28.42), which
// is bucket 1,819; what lies past the last one can never be drawn and falls into one of the places aside. They are many
// because additions to one place wait for each other.
inline constexpr int kBuckets = 1823, kAside = 64;
struct Histogram {
  int64_t weight[kBuckets + kAside];
  int32_t count[kBuckets + kAside];
};

struct VocabMax {
  float max;
  bool finite;  // no NaN and no infinity in the row
};

// One row under selection, what find_max found in it and its temperature.
struct VocabRow {
  const float* logits;  // [V]
  int vocab_size;
  const float* block_max;  // [vocab_blocks(V)]
  float max;
  float inverse_temperature;
};

// The tokens that may be drawn: of larger logit, or of the same and no larger id; and heavy enough.
struct Kept {
  float logit = -__builtin_inff();
  int32_t id = INT32_MAX;
  int64_t min_weight = 0;
  float furthest = kWeightless;  // no token kept lies under this, in (logit - max) / temperature
};

struct VocabPasses {
  const char* name;
  // logits [V] -> block_max [vocab_blocks(V)].
  VocabMax (*find_max)(const float* logits, int vocab_size, float* block_max);
  // A logit that `count` block maxima reach, so that as many tokens do; the largest such one or a little under it.
  // -inf where there are not so many blocks.
  float (*bound_of_first)(const VocabRow& row, int count);
  // The ids [V] of all tokens with a logit >= bound, rising. Returns how many.
  int (*gather_reaching)(const VocabRow& row, float bound, int32_t* ids);
  // The same for the tokens of one bucket of the histogram.
  int (*gather_bucket)(const VocabRow& row, int bucket, int32_t* ids);
  // Weights per block into block_sums [vocab_blocks(V)]. Returns the total.
  int64_t (*weigh)(const VocabRow& row, int64_t* block_sums);
  // The same, of the kept tokens alone.
  int64_t (*weigh_kept)(const VocabRow& row, const Kept& kept, int64_t* block_sums);
  // Adds every weight (and, if asked, every token) to its bucket.
  void (*fill_histogram)(const VocabRow& row, bool with_counts, Histogram* histogram);
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
