// The passes of vocab_passes.h, written once with vector types. Included by one .cc per instruction set, inside a
// namespace and a target pragma of its own; the includer has included vocab_passes.h and <cstring>.

using Floats = float __attribute__((ext_vector_type(16), aligned(4)));
using Ints = int32_t __attribute__((ext_vector_type(16), aligned(4)));
using Doubles = double __attribute__((ext_vector_type(16)));
using Shorts = uint16_t __attribute__((ext_vector_type(16)));
using Longs = int64_t __attribute__((ext_vector_type(16)));
constexpr int kVectors = kVocabBlock / 16;

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

static inline __attribute__((always_inline)) void add_units(const Floats& weights, Longs& sum) {
  constexpr double kShift = 1.5 * 4096.0;  // as in weight_units()
  const Doubles shifted = __builtin_convertvector(weights, Doubles) + kShift;
  sum += __builtin_bit_cast(Longs, shifted) - __builtin_bit_cast(int64_t, kShift);
}

static inline __attribute__((always_inline)) int64_t total(const Longs& sum) {
  return __builtin_reduce_add(sum);
}

static inline __attribute__((always_inline)) void load_block(const float* logits, int begin, int vocab_size,
                                                             Floats (&block)[kVectors]) {
  if (begin + kVocabBlock <= vocab_size) {
    std::memcpy(block, logits + begin, sizeof(block));
    return;
  }
  float padded[kVocabBlock];  // the last, partial block: -inf has weight 0 and never is the maximum
  for (float& value : padded) value = -__builtin_inff();
  std::memcpy(padded, logits + begin, static_cast<size_t>(vocab_size - begin) * sizeof(float));
  std::memcpy(block, padded, sizeof(block));
}

static VocabMax find_max(const float* logits, int vocab_size, float* block_max) {
  constexpr int32_t kExponent = 0x7F800000;  // all ones for NaN and infinity
  float max = -__builtin_inff();
  Ints broken = 0;
  for (int begin = 0; begin < vocab_size; begin += kVocabBlock) {
    Floats block[kVectors];
    load_block(logits, begin, vocab_size, block);
    Floats best = block[0];
    for (int v = 1; v < kVectors; ++v) best = block[v] > best ? block[v] : best;
    if (begin + kVocabBlock <= vocab_size) {
      for (int v = 0; v < kVectors; ++v) broken |= (__builtin_bit_cast(Ints, block[v]) & kExponent) == kExponent;
    } else {
      for (int i = begin; i < vocab_size; ++i) broken[0] |= -!__builtin_isfinite(logits[i]);
    }
    const float found = __builtin_reduce_max(best);
    block_max[begin / kVocabBlock] = found;
    max = found > max ? found : max;
  }
  return {max, __builtin_reduce_or(broken) == 0};
}

static int64_t exponentials(const float* logits, int vocab_size, float max, float inverse_temperature, float* weights,
                            int64_t* block_sums) {
  int64_t sum_of_all = 0;
  for (int begin = 0; begin < vocab_size; begin += kVocabBlock) {
    Floats block[kVectors];
    load_block(logits, begin, vocab_size, block);
    Longs sum = 0;
    for (int v = 0; v < kVectors; ++v) {
      block[v] = (block[v] - max) * inverse_temperature;
      exp_in_place<Floats, Ints>(block[v]);
      add_units(block[v], sum);
    }
    std::memcpy(weights + begin, block, sizeof(block));
    block_sums[begin / kVocabBlock] = total(sum);
    sum_of_all += block_sums[begin / kVocabBlock];
  }
  return sum_of_all;
}

static void fill_histogram(const float* logits, const float* weights, int vocab_size, float max,
                           float inverse_temperature, bool with_counts, uint16_t* buckets, Histogram* histogram) {
  constexpr float kBucketsPerUnit = 64.0f, kFurthest = 28.49f;  // 28.49 * 64 = 1,823.4: the last bucket
  for (int begin = 0; begin < vocab_size; begin += kVocabBlock) {
    Floats block[kVectors], block_weights[kVectors];
    load_block(logits, begin, vocab_size, block);
    std::memcpy(block_weights, weights + begin, sizeof(block_weights));
    int32_t bucket[kVocabBlock];
    int64_t units[kVocabBlock];
    for (int v = 0; v < kVectors; ++v) {
      Floats distance = (max - block[v]) * inverse_temperature;
      distance = distance < kFurthest ? distance : Floats(kFurthest);
      const Ints found = __builtin_convertvector(distance * kBucketsPerUnit, Ints);
      std::memcpy(bucket + 16 * v, &found, sizeof(found));
      const auto narrow = __builtin_convertvector(found, Shorts);
      std::memcpy(buckets + begin + 16 * v, &narrow, sizeof(narrow));
      Longs weight_of_lane = 0;
      add_units(block_weights[v], weight_of_lane);
      std::memcpy(units + 16 * v, &weight_of_lane, sizeof(weight_of_lane));
    }
    const int size = vocab_size - begin < kVocabBlock ? vocab_size - begin : kVocabBlock;
    for (int i = 0; i < size; ++i) histogram->weight[bucket[i]] += units[i];
    if (!with_counts) continue;
    for (int i = 0; i < size; ++i) ++histogram->count[bucket[i]];
  }
}

static int64_t drop_and_sum(const float* logits, int vocab_size, float boundary_logit, int32_t boundary_id,
                            int64_t min_weight, float* weights, int64_t* block_sums) {
  int64_t sum_of_all = 0;
  Ints lane;
  for (int i = 0; i < 16; ++i) lane[i] = i;
  // weight_units(w) >= min_weight, as a compare of doubles: both sides are exact.
  const double least = static_cast<double>(min_weight);
  constexpr double kShift = 1.5 * 4096.0;
  for (int begin = 0; begin < vocab_size; begin += kVocabBlock) {
    Floats block[kVectors], kept[kVectors];
    load_block(logits, begin, vocab_size, block);
    std::memcpy(kept, weights + begin, sizeof(kept));
    Longs sum = 0;
    for (int v = 0; v < kVectors; ++v) {
      const Ints ids = lane + (begin + 16 * v);
      const Ints inside = (block[v] > boundary_logit) | ((block[v] == boundary_logit) & (ids <= boundary_id));
      const Doubles units = ((__builtin_convertvector(kept[v], Doubles) + kShift) - kShift) * double{kFullWeight};
      const Ints heavy = __builtin_convertvector(units >= least, Ints);
      kept[v] = __builtin_bit_cast(Floats, __builtin_bit_cast(Ints, kept[v]) & inside & heavy);
      add_units(kept[v], sum);
    }
    std::memcpy(weights + begin, kept, sizeof(kept));
    block_sums[begin / kVocabBlock] = total(sum);
    sum_of_all += block_sums[begin / kVocabBlock];
  }
  return sum_of_all;
}
