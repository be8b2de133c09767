// Every way through the sampler against the definition in plain code, draw by draw and to the last bit: the same
// integer weights, a full sort, no bounds. Rows are random and hostile: equal values, one value over all, both zeros,
// denormals.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include "engine/sampling/philox.h"
#include "engine/sampling/sampler.h"

namespace studio::engine {
namespace {

// A stream of random numbers for the test's own choices.
class Dice {
 public:
  explicit Dice(uint64_t seed) : seed_(seed) {}
  uint64_t bits() { return random_bits(seed_, 0, next_++); }
  size_t below(size_t n) { return bits() % n; }
  float uniform() { return static_cast<float>(bits() >> 40) * 0x1p-24f; }
  template <typename T>
  T of(std::initializer_list<T> values) {
    return values.begin()[below(values.size())];
  }

 private:
  uint64_t seed_, next_ = 0;
};

enum class Rows { kBell, kSteps, kEqual, kOneAbove, kOneHuge, kBothHuge, kZeros, kDenormal, kRising, kFalling, kCount };

float value_of(Rows kind, size_t i, size_t at, Dice& dice) {
  const float bell = dice.uniform() + dice.uniform() + dice.uniform() - 1.5f;
  switch (kind) {
    case Rows::kBell:
      return 6 * bell;
    case Rows::kSteps:
      return 0.5f * static_cast<float>(static_cast<int>(8 * bell));  // many ties
    case Rows::kEqual:
      return -3.25f;
    case Rows::kOneAbove:
      return i == at ? 9.0f : 0.1f * bell;
    case Rows::kOneHuge:
      return i == at ? 3e38f : 6 * bell;
    case Rows::kBothHuge:
      return i == at ? 3e38f : -3e38f;
    case Rows::kZeros:
      return dice.below(2) ? 0.0f : -0.0f;
    case Rows::kDenormal:
      return bell * 1e-38f;
    case Rows::kRising:
      return 1e-3f * static_cast<float>(i);
    case Rows::kFalling:
      return -1e-3f * static_cast<float>(i);
    case Rows::kCount:
      break;
  }
  return 0;
}

std::vector<float> make_row(Rows kind, size_t size, Dice& dice) {
  const size_t at = dice.below(size);
  std::vector<float> row(size);
  for (size_t i = 0; i < size; ++i) row[i] = value_of(kind, i, at, dice);
  return row;
}

SamplingParams make_params(size_t size, Dice& dice) {
  const auto v = static_cast<int>(size);
  SamplingParams p;
  p.temperature = dice.of({1e-44f, 0.01f, 0.3f, 0.7f, 1.0f, 1.9f});
  p.top_k = dice.of({0, 0, 1, 2, 40, 48, 255, 256, 257, 1000, std::max(v - 1, 0), v, v + 5});
  p.top_p = dice.of({1.0f, 1.0f, 0.999999f, 0.95f, 0.5f, 1e-6f});
  p.min_p = dice.of({0.0f, 0.0f, 1e-13f, 1e-12f, 1e-3f, 0.05f, 0.5f, 1.0f});
  p.seed = dice.bits();
  if (dice.below(3) == 0) {
    p.repetition_penalty = dice.of({0.5f, 1.3f, 1e-38f});
    p.presence_penalty = dice.of({-2.0f, 0.0f, 0.7f});
    p.frequency_penalty = dice.of({-0.3f, 0.0f, 2.0f});
  }
  if (dice.below(3) == 0) {
    for (int i = 0; i < 5; ++i) {
      p.logit_bias.emplace_back(static_cast<TokenId>(dice.below(size)), 20 * dice.uniform() - 10);
    }
  }
  return p;
}

// The row after bias and penalties, as sampler.h defines them.
std::vector<float> adjusted(std::vector<float> row, const SamplingParams& p, const TokenHistory& history) {
  const auto limited = [](float value) { return std::clamp(value, -1e30f, 1e30f); };
  for (const auto& [id, bias] : p.logit_bias)
    row[static_cast<size_t>(id)] = limited(row[static_cast<size_t>(id)] + bias);
  if (!uses_history(p)) return row;
  for (const auto& [id, produced] : history.seen()) {
    float& logit = row[static_cast<size_t>(id)];
    float value = logit > 0 ? logit / p.repetition_penalty : logit * p.repetition_penalty;
    if (produced > 0) value = (value - p.presence_penalty) - p.frequency_penalty * static_cast<float>(produced);
    logit = limited(value);
  }
  return row;
}

TokenId plain_draw(const std::vector<float>& row, const SamplingParams& p, uint64_t position) {
  std::vector<Candidate> order;
  const float max = *std::max_element(row.begin(), row.end());
  const float inverse_temperature = std::min(1.0f / p.temperature, 1e30f);
  for (size_t i = 0; i < row.size(); ++i) {
    const int64_t weight = weight_units(sampling_weight(row[i], max, inverse_temperature));
    order.push_back({row[i], static_cast<TokenId>(i), weight});
  }
  std::sort(order.begin(), order.end());
  if (p.top_k > 0 && static_cast<size_t>(p.top_k) < order.size()) order.resize(static_cast<size_t>(p.top_k));
  const auto total = [&order] {
    return std::accumulate(order.begin(), order.end(), int64_t{0},
                           [](int64_t sum, const Candidate& c) { return sum + c.weight; });
  };
  if (p.top_p < 1) {
    const int64_t target = top_p_target(p.top_p, total());
    int64_t reached = 0;
    size_t kept = 0;
    while (reached < target) reached += order[kept++].weight;
    order.resize(kept);
  }
  const auto least = static_cast<int64_t>(static_cast<double>(p.min_p) * static_cast<double>(kFullWeight));
  std::erase_if(order, [least](const Candidate& c) { return c.weight < least; });
  std::sort(order.begin(), order.end(), [](const Candidate& a, const Candidate& b) { return a.id < b.id; });
  const auto random = static_cast<unsigned __int128>(random_bits(p.seed, p.stream, position));
  auto left = static_cast<int64_t>(random * static_cast<uint64_t>(total()) >> 64);
  for (const Candidate& c : order) {
    if (left < c.weight) return c.id;
    left -= c.weight;
  }
  ADD_FAILURE() << "the draw lies past the kept tokens";
  return -1;
}

void expect_plain_draws(size_t size, int settings, uint64_t seed) {
  Sampler sampler(static_cast<int>(size));
  for (int kind = 0; kind < static_cast<int>(Rows::kCount); ++kind) {
    Dice dice(seed * 100 + static_cast<uint64_t>(kind));
    std::vector<float> row = make_row(static_cast<Rows>(kind), size, dice);
    const std::vector<float> before = row;
    TokenHistory history;
    for (size_t i = 0; i < size; i += 1 + dice.below(64)) history.add_output(static_cast<TokenId>(i));
    for (int i = 0; i < settings; ++i) {
      const SamplingParams p = make_params(size, dice);
      const uint64_t position = dice.bits() >> 32;
      const auto token = sampler.sample(row, p, history, position);
      ASSERT_TRUE(token.ok());
      ASSERT_EQ(token->id, plain_draw(adjusted(row, p, history), p, position))
          << "V " << size << " kind " << kind << " T " << p.temperature << " k " << p.top_k << " p " << p.top_p
          << " min_p " << p.min_p << " bias " << p.logit_bias.size() << " penalties " << uses_history(p);
    }
    ASSERT_EQ(row, before);
  }
}

// Around one block, around as many blocks as tokens may be few, and one of a usual size.
TEST(SamplerExact, EveryWayDrawsWhatTheFullSortDraws) {
  for (const size_t size : {1, 2, 127, 128, 129, 1000}) expect_plain_draws(size, 300, size);
  for (const size_t size : {5000, 32767, 33100}) expect_plain_draws(size, 40, size);
}

TEST(SamplerExact, AWholeVocabularyDrawsWhatTheFullSortDraws) {
  expect_plain_draws(151936, 8, 7);
}

}  // namespace
}  // namespace studio::engine
