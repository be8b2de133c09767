#include "engine/sampling/vocab_passes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "engine/sampling/natural_log.h"
#include "engine/sampling/philox.h"

namespace studio::engine {
namespace {

std::vector<const VocabPasses*> sets() {
  std::vector<const VocabPasses*> all = {&kVocabPassesBase};
  if (__builtin_cpu_supports("avx2")) all.push_back(&kVocabPassesAvx2);
  if (__builtin_cpu_supports("avx512bw")) all.push_back(&kVocabPassesAvx512);
  return all;
}

// Sums of uniform numbers: a row with the spread of a real one.
std::vector<float> random_row(int size, uint64_t seed) {
  std::vector<float> row(static_cast<size_t>(size));
  for (size_t i = 0; i < row.size(); ++i) {
    const uint64_t bits = random_bits(seed, 0, i);
    row[i] = (static_cast<float>(bits & 0xFFFF) + static_cast<float>(bits >> 16 & 0xFFFF) +
              static_cast<float>(bits >> 32 & 0xFFFF) - 98304.0f) /
             5000.0f;
  }
  return row;
}

struct Outcome {
  float max, bound;
  int64_t total, kept_total;
  std::vector<float> block_max;
  std::vector<int64_t> block_sums, kept_sums, histogram;
  std::vector<int32_t> reaching, in_bucket;
  bool operator==(const Outcome&) const = default;
};

Outcome run(const VocabPasses& passes, const std::vector<float>& logits) {
  const int size = static_cast<int>(logits.size());
  const auto blocks = static_cast<size_t>(vocab_blocks(size));
  Outcome out{};
  out.block_max.resize(blocks);
  out.block_sums.resize(blocks);
  out.kept_sums.resize(blocks);
  out.reaching.resize(logits.size());
  out.in_bucket.resize(logits.size());
  out.max = passes.find_max(logits.data(), size, out.block_max.data()).max;
  const VocabRow row{logits.data(), size, out.block_max.data(), out.max, 1.25f};
  out.total = passes.weigh(row, out.block_sums.data());
  Kept kept{.logit = out.max - 4, .id = size / 2, .min_weight = kFullWeight / 1000};
  out.kept_total = passes.weigh_kept(row, kept, out.kept_sums.data());
  out.bound = passes.bound_of_first(row, 40);
  out.reaching.resize(static_cast<size_t>(passes.gather_reaching(row, out.bound, out.reaching.data())));
  out.in_bucket.resize(static_cast<size_t>(passes.gather_bucket(row, 300, out.in_bucket.data())));
  Histogram histogram{};
  passes.fill_histogram(row, true, &histogram);
  out.histogram.assign(histogram.weight, histogram.weight + kBuckets);
  out.histogram.insert(out.histogram.end(), histogram.count, histogram.count + kBuckets);
  return out;
}

TEST(VocabPasses, EveryInstructionSetGivesTheSameBits) {
  for (const int size : {1, 15, 63, 64, 65, 1000, 49152, 151936}) {
    const std::vector<float> row = random_row(size, static_cast<uint64_t>(size));
    const Outcome expected = run(kVocabPassesBase, row);
    for (const VocabPasses* passes : sets()) EXPECT_TRUE(run(*passes, row) == expected) << passes->name << " " << size;
  }
}

TEST(VocabPasses, FindsWhatIsNotFinite) {
  for (const VocabPasses* passes : sets()) {
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()}) {
      for (const int at : {0, 63, 70, 99}) {
        std::vector<float> row(100, 1.0f);
        std::vector<float> block_max(2);
        EXPECT_TRUE(passes->find_max(row.data(), 100, block_max.data()).finite);
        row[static_cast<size_t>(at)] = bad;
        EXPECT_FALSE(passes->find_max(row.data(), 100, block_max.data()).finite) << passes->name << " " << at;
      }
    }
  }
}

TEST(VocabPasses, ExponentialIsAccurateToAFewUnitsInTheLastPlace) {
  double worst = 0;
  for (float x = 0; x > -60; x -= 0.00137f) {
    const double exact = std::exp(static_cast<double>(x));
    worst = std::max(worst, std::fabs(sampling_weight(x, 0, 1) - exact) / exact);
  }
  EXPECT_LT(worst, 2.5e-7);
  EXPECT_EQ(sampling_weight(5, 5, 3), 1.0f);
  EXPECT_EQ(weight_units(1.0f), kFullWeight);
  EXPECT_EQ(weight_units(sampling_weight(-29, 0, 1)), 0);
  EXPECT_GT(weight_units(sampling_weight(-28, 0, 1)), 0);
}

TEST(NaturalLog, AgreesWithTheLibrary) {
  for (double x = 1e-12; x < 1e12; x *= 1.0173)
    EXPECT_NEAR(natural_log(x), std::log(x), 1e-14 * (1 + std::fabs(std::log(x))));
  EXPECT_EQ(natural_log(1), 0);
}

}  // namespace
}  // namespace studio::engine
