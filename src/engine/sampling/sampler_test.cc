#include "engine/sampling/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <vector>

#include "engine/sampling/philox.h"

namespace studio::engine {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> random_row(int size, uint64_t seed, float spread) {
  std::vector<float> row(static_cast<size_t>(size));
  for (size_t i = 0; i < row.size(); ++i) {
    const uint64_t bits = random_bits(seed, 9, i);
    row[i] = spread *
             (static_cast<float>(bits & 0xFFFF) + static_cast<float>(bits >> 16 & 0xFFFF) +
              static_cast<float>(bits >> 32 & 0xFFFF) - 98304.0f) /
             32768.0f;
  }
  return row;
}

// The definition of sampler.h in plain code: sort everything, doubles, the C library.
struct PlainChoice {
  std::vector<std::pair<TokenId, double>> kept;  // by id, with probabilities
  TokenId at(double u) const {
    double left = u;
    for (const auto& [id, p] : kept) {
      if (left < p) return id;
      left -= p;
    }
    return kept.back().first;
  }
};

PlainChoice plain(std::vector<float> logits, const SamplingParams& p) {
  std::vector<TokenId> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto logit = [&](TokenId id) { return logits[static_cast<size_t>(id)]; };
  std::sort(order.begin(), order.end(),
            [&](TokenId a, TokenId b) { return logit(a) != logit(b) ? logit(a) > logit(b) : a < b; });
  const double max = logit(order[0]);
  const auto weight = [&](TokenId id) { return std::exp((logit(id) - max) / p.temperature); };
  if (p.top_k > 0 && static_cast<size_t>(p.top_k) < order.size()) order.resize(static_cast<size_t>(p.top_k));
  double total = 0;
  for (const TokenId id : order) total += weight(id);
  if (p.top_p < 1) {
    double reached = 0;
    size_t kept = 0;
    while (kept < order.size() && reached < p.top_p * total) reached += weight(order[kept++]);
    order.resize(kept);
  }
  std::erase_if(order, [&](TokenId id) { return weight(id) < p.min_p; });
  std::sort(order.begin(), order.end());
  total = 0;
  for (const TokenId id : order) total += weight(id);
  PlainChoice choice;
  for (const TokenId id : order) choice.kept.emplace_back(id, weight(id) / total);
  return choice;
}

TokenId draw(Sampler& sampler, std::vector<float>& row, const SamplingParams& params, uint64_t position) {
  auto token = sampler.sample(row, params, {}, position);
  EXPECT_TRUE(token.ok());
  return token.ok() ? token->id : -1;
}

SamplingParams params_of(float temperature, int top_k, float top_p, float min_p) {
  SamplingParams params;
  params.temperature = temperature;
  params.top_k = top_k;
  params.top_p = top_p;
  params.min_p = min_p;
  params.seed = 77;
  return params;
}

TEST(Sampler, DrawsWhatThePlainDefinitionDraws) {
  for (const int size : {3, 100, 5000}) {
    for (const float spread : {0.0f, 0.01f, 1.0f, 6.0f}) {  // 0: every logit equal
      std::vector<float> row = random_row(size, static_cast<uint64_t>(size), spread);
      Sampler sampler(size);
      for (const auto& params :
           {params_of(1, 0, 1, 0), params_of(0.7f, 0, 1, 0), params_of(1.9f, 20, 1, 0), params_of(1, 400, 1, 0),
            params_of(1, 0, 0.9f, 0), params_of(0.7f, 20, 0.8f, 0), params_of(1, 1000, 0.95f, 0.01f),
            params_of(1, 0, 1, 0.1f), params_of(1, 0, 0.999f, 0.001f), params_of(0.01f, 0, 0.5f, 0.5f)}) {
        const PlainChoice expected = plain(row, params);
        for (uint64_t position = 0; position < 200; ++position) {
          const double u = static_cast<double>(random_bits(77, 0, position)) * 0x1p-64;
          ASSERT_EQ(draw(sampler, row, params, position), expected.at(u))
              << "V " << size << " spread " << spread << " T " << params.temperature << " k " << params.top_k << " p "
              << params.top_p << " min " << params.min_p << " at " << position;
        }
      }
    }
  }
}

// The few-candidates path and the search must cut at the same token: with everything but the first 256 out of reach,
// k 256 takes one way, k 300 the other.
TEST(Sampler, BothWaysOfCuttingAgree) {
  std::vector<float> row = random_row(20000, 5, 3.0f);
  std::vector<TokenId> order(row.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](TokenId a, TokenId b) {
    const float x = row[static_cast<size_t>(a)], y = row[static_cast<size_t>(b)];
    return x != y ? x > y : a < b;
  });
  for (size_t i = 256; i < order.size(); ++i) row[static_cast<size_t>(order[i])] = -1000;
  Sampler sampler(20000);
  for (uint64_t position = 0; position < 300; ++position) {
    ASSERT_EQ(draw(sampler, row, params_of(1.3f, 256, 0.9f, 0), position),
              draw(sampler, row, params_of(1.3f, 300, 0.9f, 0), position));
  }
}

TEST(Sampler, GreedyTakesTheLowestIdAmongEquals) {
  std::vector<float> row(1000, 0.0f);
  row[70] = row[130] = row[999] = 3;
  Sampler sampler(1000);
  EXPECT_EQ(draw(sampler, row, params_of(0, 0, 1, 0), 5), 70);
  EXPECT_EQ(draw(sampler, row, params_of(1e-38f, 0, 1, 0.9f), 5) % 1000 >= 70, true);
}

TEST(Sampler, TopOneIsGreedyAndTiesFallToTheLowestId) {
  std::vector<float> row(300, 1.0f);
  Sampler sampler(300);
  for (uint64_t position = 0; position < 50; ++position) {
    EXPECT_EQ(draw(sampler, row, params_of(1, 1, 1, 0), position), 0);
    EXPECT_LT(draw(sampler, row, params_of(1, 7, 1, 0), position), 7);
    EXPECT_LT(draw(sampler, row, params_of(1, 0, 0.01f, 0), position), 3);  // ceil(300 * 0.01)
  }
}

TEST(Sampler, PenaltiesAndBiasTouchTheirTokensOnlyAndTheRowIsRestored) {
  std::vector<float> row = {2.0f, 1.9f, -1.0f, 1.8f};
  const std::vector<float> before = row;
  Sampler sampler(4);
  TokenHistory history;
  history.add_prompt(std::vector<TokenId>{0, 2});
  history.add_output(1);
  history.add_output(1);
  SamplingParams params = params_of(0, 0, 1, 0);
  const auto pick = [&] { return sampler.sample(row, params, history, 0).value().id; };
  EXPECT_EQ(pick(), 0);
  params.repetition_penalty = 1.1f;  // 0: 1.82, 1: 1.73, 2: -1.1, 3: 1.8
  EXPECT_EQ(pick(), 0);
  params.repetition_penalty = 1.2f;  // 0: 1.67, 1: 1.58, 3: 1.8
  EXPECT_EQ(pick(), 3);
  params.repetition_penalty = 1;
  params.presence_penalty = -0.2f;  // 1: 2.1
  EXPECT_EQ(pick(), 1);
  params.presence_penalty = 0;
  params.frequency_penalty = -0.06f;  // 1: 1.9 + 0.12
  EXPECT_EQ(pick(), 1);
  params.frequency_penalty = 0;
  params.logit_bias = {{2, 3.5f}};
  EXPECT_EQ(pick(), 2);
  params.repetition_penalty = 2;  // bias first, then the penalty: 2.5 / 2
  EXPECT_EQ(pick(), 3);
  EXPECT_EQ(row, before);
}

TEST(Sampler, LogprobsAreOfTheModelsOwnDistribution) {
  std::vector<float> row = random_row(3000, 11, 4.0f);
  row[10] = row[20] = 40;  // a tie at the top
  double sum = 0;
  for (const float logit : row) sum += std::exp(static_cast<double>(logit) - 40);
  Sampler sampler(3000);
  SamplingParams params = params_of(0.3f, 5, 0.9f, 0);
  params.logprobs = true;
  params.top_logprobs = 20;
  params.logit_bias = {{7, 100.0f}};
  const SampledToken token = sampler.sample(row, params, {}, 0).value();
  EXPECT_EQ(token.id, 7);
  EXPECT_NEAR(token.logprob, row[7] - 40 - std::log(sum), 1e-5);
  ASSERT_EQ(token.top_logprobs.size(), 20u);
  EXPECT_EQ(token.top_logprobs[0].id, 10);
  EXPECT_EQ(token.top_logprobs[1].id, 20);
  EXPECT_NEAR(token.top_logprobs[0].logprob, -std::log(sum), 1e-6);
  std::vector<float> sorted = row;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  for (size_t i = 0; i < 20; ++i) EXPECT_NEAR(token.top_logprobs[i].logprob, sorted[i] - 40 - std::log(sum), 1e-5);
  EXPECT_EQ(sampler.score(row, params, 33).value().logprob,
            static_cast<float>((row[33] - 40.0) - (40.0 - 40.0) - (sampler.score(row, params, 10)->logprob * -1.0)));
}

TEST(Sampler, ARowThatIsNotFiniteIsAnInternalError) {
  Sampler sampler(200);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity}) {
    std::vector<float> row(200, 1.0f);
    row[150] = bad;
    for (const float temperature : {0.0f, 1.0f}) {
      auto token = sampler.sample(row, params_of(temperature, 0, 1, 0), {}, 0);
      ASSERT_FALSE(token.ok());
      EXPECT_EQ(token.error().code(), Code::kInternal);
    }
  }
}

TEST(Sampler, ExtremeParametersStayFinite) {
  std::vector<float> row = random_row(500, 3, 10.0f);
  Sampler sampler(500);
  TokenHistory history;
  for (TokenId id = 0; id < 500; ++id) history.add_output(id);
  for (const float repetition : {1e-38f, 3e38f}) {
    for (const float temperature : {1e-44f, 1e-20f, 1.99f}) {
      SamplingParams params = params_of(temperature, 0, 0.9f, 0);
      params.repetition_penalty = repetition;
      EXPECT_TRUE(sampler.sample(row, params, history, 3).ok()) << repetition << " " << temperature;
    }
  }
}

// Pearson's chi-square of 10^6 draws against the plain probabilities. With 99 degrees of freedom the value exceeds 161
// once in 10,000 seeds; the draws are fixed by the seed, so this passes or fails for ever.
TEST(Sampler, AMillionDrawsFollowTheDistribution) {
  std::vector<float> row = random_row(100, 21, 1.0f);
  Sampler sampler(100);
  constexpr int kDraws = 1'000'000;
  for (const auto& params : {params_of(1, 0, 1, 0), params_of(1.5f, 40, 0.95f, 0.02f)}) {
    const PlainChoice expected = plain(row, params);
    std::vector<int> counts(100);
    for (int i = 0; i < kDraws; ++i) {
      ++counts[static_cast<size_t>(draw(sampler, row, params, static_cast<uint64_t>(i)))];
    }
    double chi_square = 0;
    int seen = 0;
    for (const auto& [id, p] : expected.kept) {
      const double difference = counts[static_cast<size_t>(id)] - p * kDraws;
      chi_square += difference * difference / (p * kDraws);
      seen += counts[static_cast<size_t>(id)];
    }
    EXPECT_EQ(seen, kDraws);  // nothing outside the kept set
    EXPECT_LT(chi_square, 161);
  }
}

TEST(SamplingParams, EveryFieldOutOfRangeIsNamed) {
  const auto param = [](auto change) {
    SamplingParams params;
    change(params);
    auto status = validate(params, 100);
    return status.ok() ? std::string("ok") : status.error().param();
  };
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(param([](auto&) {}), "ok");
  for (const float bad : {-0.1f, 2.0f, kNan, kInfinity}) {
    EXPECT_EQ(param([&](auto& p) { p.temperature = bad; }), "temperature");
  }
  EXPECT_EQ(param([](auto& p) { p.top_k = -1; }), "top_k");
  for (const float bad : {0.0f, 1.01f, kNan}) EXPECT_EQ(param([&](auto& p) { p.top_p = bad; }), "top_p");
  for (const float bad : {-0.1f, 1.01f, kNan}) EXPECT_EQ(param([&](auto& p) { p.min_p = bad; }), "min_p");
  for (const float bad : {0.0f, -1.0f, kNan, kInfinity}) {
    EXPECT_EQ(param([&](auto& p) { p.repetition_penalty = bad; }), "repetition_penalty");
  }
  for (const float bad : {-2.1f, 2.1f, kNan}) {
    EXPECT_EQ(param([&](auto& p) { p.presence_penalty = bad; }), "presence_penalty");
    EXPECT_EQ(param([&](auto& p) { p.frequency_penalty = bad; }), "frequency_penalty");
  }
  EXPECT_EQ(param([](auto& p) { p.top_logprobs = 1; }), "top_logprobs");
  EXPECT_EQ(param([](auto& p) { p.logprobs = true, p.top_logprobs = 21; }), "top_logprobs");
  EXPECT_EQ(param([](auto& p) { p.logit_bias = {{100, 1.0f}}; }), "logit_bias");
  EXPECT_EQ(param([](auto& p) { p.logit_bias = {{-1, 1.0f}}; }), "logit_bias");
  EXPECT_EQ(param([](auto& p) { p.logit_bias = {{1, 101.0f}}; }), "logit_bias");
  EXPECT_EQ(param([](auto& p) { p.logit_bias.assign(1025, {1, 1.0f}); }), "logit_bias");
}

}  // namespace
}  // namespace studio::engine
