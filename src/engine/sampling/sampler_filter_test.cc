// Draws that are held to a filter: what is allowed, with the chances it has among what is allowed.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

#include "engine/sampling/philox.h"
#include "engine/sampling/sampler.h"

namespace studio::engine {
namespace {

constexpr int kVocab = 700;

class SetFilter final : public TokenFilter {
 public:
  template <typename Holds>
  explicit SetFilter(Holds holds) : words_((kVocab + 63) / 64) {
    for (TokenId id = 0; id < kVocab; ++id) {
      if (holds(id)) words_[static_cast<size_t>(id) / 64] |= uint64_t{1} << (id % 64);
    }
  }
  bool allows(TokenId id) override {
    ++asked;
    return (words_[static_cast<size_t>(id) / 64] >> (id % 64) & 1) != 0;
  }
  std::span<const uint64_t> mask() override {
    ++masks;
    return words_;
  }
  int asked = 0, masks = 0;

 private:
  std::vector<uint64_t> words_;
};

std::vector<float> row_of(uint64_t seed) {
  std::vector<float> row(kVocab);
  for (size_t i = 0; i < row.size(); ++i) row[i] = static_cast<float>(random_bits(seed, 5, i) % 4000) / 1000.0f;
  return row;
}

std::vector<float> masked(std::vector<float> row, SetFilter& filter) {
  for (TokenId id = 0; id < kVocab; ++id) {
    if (!filter.allows(id)) row[static_cast<size_t>(id)] = -1e30f;
  }
  return row;
}

TokenId draw(std::vector<float>& row, const SamplingParams& params, uint64_t position, TokenFilter* filter) {
  Sampler sampler(kVocab);
  auto token = sampler.sample(row, params, TokenHistory(), position, filter);
  EXPECT_TRUE(token.ok());
  return token.ok() ? token->id : -1;
}

TEST(SamplerFilter, TruncationLooksAtWhatIsAllowedAlone) {
  SetFilter filter([](TokenId id) { return id % 3 == 1; });
  std::vector<SamplingParams> all(4);
  all[0].top_k = 20;
  all[1].top_k = 20, all[1].top_p = 0.8f;
  all[2].top_p = 0.7f;
  all[3].min_p = 0.1f;
  for (SamplingParams params : all) {
    for (uint64_t seed = 0; seed < 200; ++seed) {
      params.seed = seed;
      std::vector<float> row = row_of(seed), only = masked(row, filter);
      const std::vector<float> before = row;
      EXPECT_EQ(draw(row, params, 7, &filter), draw(only, params, 7, nullptr));
      EXPECT_EQ(row, before);
    }
  }
}

TEST(SamplerFilter, TheLargestThatIsAllowed) {
  SamplingParams params;
  params.temperature = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SetFilter filter([seed](TokenId id) { return static_cast<uint64_t>(id) % 7 == seed % 7; });
    std::vector<float> row = row_of(seed), only = masked(row, filter);
    EXPECT_EQ(draw(row, params, 0, &filter), draw(only, params, 0, nullptr));
  }
}

// A token that is refused is drawn again: the chances of the others must not suffer.
TEST(SamplerFilter, ChancesAreThoseAmongWhatIsAllowed) {
  std::vector<float> row(kVocab, -20.0f);
  const std::map<TokenId, double> weights = {{3, 4}, {100, 3}, {200, 2}, {201, 1}, {650, 6}};
  for (const auto& [id, weight] : weights) row[static_cast<size_t>(id)] = static_cast<float>(std::log(weight));
  SetFilter filter([](TokenId id) { return id == 3 || id == 200 || id == 201; });
  SamplingParams params;
  std::map<TokenId, int> counts;
  constexpr int kDraws = 20'000;
  Sampler sampler(kVocab);
  for (uint64_t position = 0; position < kDraws; ++position) {
    auto token = sampler.sample(row, params, TokenHistory(), position, &filter);
    ASSERT_TRUE(token.ok());
    ++counts[token->id];
  }
  ASSERT_EQ(counts.size(), 3u);
  // Four standard deviations.
  EXPECT_NEAR(counts[3], kDraws * 4.0 / 7, 280);
  EXPECT_NEAR(counts[200], kDraws * 2.0 / 7, 256);
  EXPECT_NEAR(counts[201], kDraws * 1.0 / 7, 198);
  EXPECT_LT(filter.masks, kDraws * 0.6) << "what is allowed at once needs no mask: 7 of 16";
}

TEST(SamplerFilter, AMaskIsSparedWhereTheFirstOnesAreAllowed) {
  std::vector<float> row = row_of(1);
  SetFilter all([](TokenId) { return true; });
  SamplingParams params;
  params.top_k = 20;
  draw(row, params, 0, &all);
  EXPECT_EQ(all.masks, 0);
  EXPECT_EQ(all.asked, 20);
}

TEST(SamplerFilter, NothingAllowedIsAnError) {
  std::vector<float> row = row_of(1);
  const std::vector<float> before = row;
  SetFilter none([](TokenId) { return false; });
  Sampler sampler(kVocab);
  auto token = sampler.sample(row, SamplingParams(), TokenHistory(), 0, &none);
  ASSERT_FALSE(token.ok());
  EXPECT_EQ(token.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(row, before);
}

}  // namespace
}  // namespace studio::engine
