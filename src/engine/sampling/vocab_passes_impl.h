// The passes of vocab_passes.h, written once with vector types. Included by one .cc per instruction set, inside a
// namespace and a target pragma of its own; the includer has included vocab_passes.h and <cstring>.
//
// Exponentials are computed for a whole block side by side: each is a chain of 25 operations that wait for each other,
// and one register's worth of them leaves most of the processor idle (151,936 weights: 52 us by 16, 30 us by 128).
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi"  // vectors are passed to functions that are always inlined

using Floats = float __attribute__((ext_vector_type(16), aligned(4)));
using Ints = int32_t __attribute__((ext_vector_type(16), aligned(4)));
using Bools = bool __attribute__((ext_vector_type(16)));
using Longs = uint64_t __attribute__((ext_vector_type(16)));
constexpr int kVectors = kVocabBlock / 16;

using BlockFloats = float __attribute__((ext_vector_type(kVocabBlock), aligned(4)));
using BlockInts = int32_t __attribute__((ext_vector_type(kVocabBlock), aligned(4)));
using BlockDoubles = double __attribute__((ext_vector_type(kVocabBlock)));
using BlockLongs = uint64_t __attribute__((ext_vector_type(kVocabBlock)));

// exp(x) for x <= 0, relative error under 2^-22; below -64 as at -64. x = n ln 2 + r, |r| <= ln 2 / 2, a Taylor
// polynomial of degree 7 in r (its error 5e-9 is under half a unit in the last place), n added to the exponent.
// No fused multiply-add: the same bits with and without the instruction.
template <typename F, typename I>
static inline __attribute__((always_inline)) void exp_in_place(F& x) {
  constexpr float kLog2E = 1.44269504f;
  constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;  // the high part has 10 bits: n * high is exact
  constexpr float kRound = 12582912.0f;                                // 1.5 * 2^23: adding it rounds to an integer
  x = x > F(-64.0f) ? x : F(-64.0f);
  const F shifted = x * kLog2E + kRound;
  const F n = shifted - kRound;
  const F r = (x - n * kLn2High) - n * kLn2Low;
  F p = r * (1.0f / 5040) + (1.0f / 720);
  p = p * r + (1.0f / 120);
  p = p * r + (1.0f / 24);
  p = p * r + (1.0f / 6);
  p = p * r + 0.5f;
  p = p * r * r + r + 1.0f;
  const I exponent = (__builtin_bit_cast(I, shifted) - 0x4B400000) << 23;  // 0x4B400000: the bits of kRound
  x = __builtin_bit_cast(F, __builtin_bit_cast(I, p) + exponent);
}

// `fill` stands in for what the last, partial block lacks.
template <typename Block>
static inline __attribute__((always_inline)) void load_block(const float* logits, int begin, int vocab_size, float fill,
                                                             Block& block) {
  if (begin + kVocabBlock <= vocab_size) {
    std::memcpy(&block, logits + begin, sizeof(block));
    return;
  }
  float padded[kVocabBlock];
  for (float& value : padded) value = fill;
  std::memcpy(padded, logits + begin, static_cast<size_t>(vocab_size - begin) * sizeof(float));
  std::memcpy(&block, padded, sizeof(block));
}

template <typename Values>
static inline __attribute__((always_inline)) float largest(const Values& of) {
  if constexpr (sizeof(Values) == 2 * sizeof(float)) {
    return of.lo > of.hi ? of.lo : of.hi;
  } else {
    return largest(of.lo > of.hi ? of.lo : of.hi);
  }
}

template <typename Values>
static inline __attribute__((always_inline)) Ints folded_max(const Values& of) {
  if constexpr (sizeof(Values) == sizeof(Ints)) {
    return of;
  } else {
    return folded_max(__builtin_elementwise_max(of.lo, of.hi));
  }
}

static VocabMax find_max(const float* logits, int vocab_size, float* block_max) {
  Ints magnitude = 0;  // bits of absolute values: those of NaN and infinity are the largest
  float max = -__builtin_inff();
  for (int begin = 0; begin < vocab_size; begin += kVocabBlock) {
    BlockFloats block;
    load_block(logits, begin, vocab_size, logits[begin], block);
    magnitude = __builtin_elementwise_max(magnitude, folded_max(__builtin_bit_cast(BlockInts, block) & 0x7FFFFFFF));
    const float found = largest(block);
    block_max[begin / kVocabBlock] = found;
    max = found > max ? found : max;
  }
  return {max, __builtin_reduce_max(magnitude) < 0x7F800000};
}

// How many block maxima reach `bound`.
static inline __attribute__((always_inline)) int count_reaching(const float* block_max, int blocks, float bound) {
  Ints reaching = 0;  // minus one for each
  int i = 0;
  for (; i + 16 <= blocks; i += 16) {
    Floats some;
    std::memcpy(&some, block_max + i, sizeof(some));
    reaching += some >= bound;
  }
  int count = -__builtin_reduce_add(reaching);
  for (; i < blocks; ++i) count += block_max[i] >= bound;
  return count;
}

// Integers in the order of the floats, and back.
static inline int32_t order_of(float value) {
  const auto bits = __builtin_bit_cast(int32_t, value);
  return bits ^ (bits >> 31 & 0x7FFFFFFF);
}

static inline float value_of(int64_t order) {
  const auto bits = static_cast<int32_t>(order);
  return __builtin_bit_cast(float, bits ^ (bits >> 31 & 0x7FFFFFFF));
}

static float bound_of_first(const VocabRow& row, int count) {
  const int blocks = vocab_blocks(row.vocab_size);
  // A bisection over the floats: enough maxima reach `low`, too few `high`.
  int64_t low = order_of(-__builtin_inff()), high = int64_t{order_of(row.max)} + 1;
  while (count <= blocks && high - low > 1) {
    const int64_t middle = (low + high) >> 1;
    const int reaching = count_reaching(row.block_max, blocks, value_of(middle));
    (reaching >= count ? low : high) = middle;
    if (reaching >= count && reaching <= count + count / 8) break;
  }
  return value_of(low);
}

static inline __attribute__((always_inline)) int append_ids(const Ints& mask, int first, int vocab_size, int32_t* ids,
                                                            int found) {
  uint32_t lanes = __builtin_bit_cast(uint16_t, __builtin_convertvector(mask, Bools));
  if (first + 16 > vocab_size) lanes &= first < vocab_size ? (1u << (vocab_size - first)) - 1 : 0;
  for (; lanes != 0; lanes &= lanes - 1) ids[found++] = first + __builtin_ctz(lanes);
  return found;
}

static int gather_reaching(const VocabRow& row, float bound, int32_t* ids) {
  int found = 0;
  for (int begin = 0; begin < row.vocab_size; begin += kVocabBlock) {
    if (row.block_max[begin / kVocabBlock] < bound) continue;
    Floats block[kVectors];
    load_block(row.logits, begin, row.vocab_size, -__builtin_inff(), block);
    for (int v = 0; v < kVectors; ++v) {
      found = append_ids(block[v] >= bound, begin + 16 * v, row.vocab_size, ids, found);
    }
  }
  return found;
}

template <typename F, typename I>
static inline __attribute__((always_inline)) I buckets_of(const F& logits, const VocabRow& row) {
  constexpr float kBucketsPerUnit = 64.0f, kFurthest = 28.49f;  // 28.49 * 64 = 1,823.4: past the last bucket
  F distance = (row.max - logits) * row.inverse_temperature;
  distance = distance < kFurthest ? distance : F(kFurthest);
  return __builtin_convertvector(distance * kBucketsPerUnit, I);
}

static int gather_bucket(const VocabRow& row, int bucket, int32_t* ids) {
  int found = 0;
  for (int begin = 0; begin < row.vocab_size; begin += kVocabBlock) {
    Floats block[kVectors];
    if (buckets_of<Floats, Ints>(Floats(row.block_max[begin / kVocabBlock]), row)[0] > bucket) continue;
    load_block(row.logits, begin, row.vocab_size, -__builtin_inff(), block);
    for (int v = 0; v < kVectors; ++v) {
      found = append_ids(buckets_of<Floats, Ints>(block[v], row) == bucket, begin + 16 * v, row.vocab_size, ids, found);
    }
  }
  return found;
}

// Sums weights as integers: adding 1.5 * 2^12 puts the unit 2^-40 in the last place of the double, as in
// weight_units(); the bits are added and what the shift put in is taken off at the end, modulo 2^64.
constexpr double kUnitShift = 1.5 * 4096.0;

static inline __attribute__((always_inline)) BlockLongs shifted_units(const BlockFloats& weights) {
  return __builtin_bit_cast(BlockLongs, __builtin_convertvector(weights, BlockDoubles) + kUnitShift);
}

template <typename Values>
static inline __attribute__((always_inline)) Longs folded_sum(const Values& of) {
  if constexpr (sizeof(Values) == sizeof(Longs)) {
    return of;
  } else {
    return folded_sum(of.lo + of.hi);
  }
}

static inline __attribute__((always_inline)) int64_t total_units(const BlockFloats& weights) {
  return static_cast<int64_t>(__builtin_reduce_add(folded_sum(shifted_units(weights))) -
                              uint64_t{kVocabBlock} * __builtin_bit_cast(uint64_t, kUnitShift));
}

static inline __attribute__((always_inline)) BlockFloats weights_of(BlockFloats logits, const VocabRow& row) {
  logits = (logits - row.max) * row.inverse_temperature;
  exp_in_place<BlockFloats, BlockInts>(logits);
  return logits;
}

static int64_t weigh(const VocabRow& row, int64_t* block_sums) {
  int64_t sum_of_all = 0;
  for (int begin = 0; begin < row.vocab_size; begin += kVocabBlock) {
    int64_t& block_sum = block_sums[begin / kVocabBlock] = 0;
    if ((row.block_max[begin / kVocabBlock] - row.max) * row.inverse_temperature < kWeightless) continue;
    BlockFloats block;
    load_block(row.logits, begin, row.vocab_size, -__builtin_inff(), block);
    block_sum = total_units(weights_of(block, row));
    sum_of_all += block_sum;
  }
  return sum_of_all;
}

static int64_t weigh_kept(const VocabRow& row, const Kept& kept, int64_t* block_sums) {
  int64_t sum_of_all = 0;
  BlockInts lane;
  for (int i = 0; i < kVocabBlock; ++i) lane[i] = i;
  // weight_units(w) >= min_weight, as a compare of doubles: both sides are exact.
  const double least = static_cast<double>(kept.min_weight) / double{kFullWeight};
  for (int begin = 0; begin < row.vocab_size; begin += kVocabBlock) {
    const float best = row.block_max[begin / kVocabBlock];
    int64_t& block_sum = block_sums[begin / kVocabBlock] = 0;
    if (best < kept.logit || (best - row.max) * row.inverse_temperature < kept.furthest) continue;
    BlockFloats block;
    load_block(row.logits, begin, row.vocab_size, -__builtin_inff(), block);
    const BlockFloats weights = weights_of(block, row);
    const BlockDoubles rounded = (__builtin_convertvector(weights, BlockDoubles) + kUnitShift) - kUnitShift;
    const BlockInts heavy = __builtin_convertvector(rounded >= least, BlockInts);
    const BlockInts inside = (block > kept.logit) | ((block == kept.logit) & (lane + begin <= kept.id));
    block_sum = total_units(__builtin_bit_cast(BlockFloats, __builtin_bit_cast(BlockInts, weights) & inside & heavy));
    sum_of_all += block_sum;
  }
  return sum_of_all;
}

static void fill_histogram(const VocabRow& row, bool with_counts, Histogram* histogram) {
  BlockInts aside;
  for (int i = 0; i < kVocabBlock; ++i) aside[i] = kBuckets + i % kAside;
  for (int begin = 0; begin < row.vocab_size; begin += kVocabBlock) {
    BlockFloats block;
    load_block(row.logits, begin, row.vocab_size, -__builtin_inff(), block);
    auto found_buckets = buckets_of<BlockFloats, BlockInts>(block, row);
    found_buckets = found_buckets < kBuckets ? found_buckets : aside;
    const BlockLongs found_units = shifted_units(weights_of(block, row)) - __builtin_bit_cast(uint64_t, kUnitShift);
    int32_t buckets[kVocabBlock];
    int64_t units[kVocabBlock];
    std::memcpy(buckets, &found_buckets, sizeof(buckets));
    std::memcpy(units, &found_units, sizeof(units));
    const int size = row.vocab_size - begin < kVocabBlock ? row.vocab_size - begin : kVocabBlock;
    for (int i = 0; i < size; ++i) histogram->weight[buckets[i]] += units[i];
    if (!with_counts) continue;
    for (int i = 0; i < size; ++i) ++histogram->count[buckets[i]];
  }
}

#pragma clang diagnostic pop
