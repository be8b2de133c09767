// Keys and values in 8 bits: an engine of a numerics class of its own, which shares no pages with the other.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <thread>
#include <vector>

#include "engine/kernels/kernel_set.h"
#include "engine/kv/prefix_file_for_test.h"
#include "engine/schedule/engine_for_test.h"

namespace studio::engine {
namespace {

EngineOptions options_with(KvType type) {
  EngineOptions options = options_of(2, 4);
  options.kv_type = type;
  return options;
}

std::vector<float> logits_of(const EngineOptions& options, int chunk) {
  auto engine = load(options);
  const std::vector<TokenId> tokens = request_of(*engine, 100, 1, 3).prompt;
  const auto vocab = static_cast<size_t>(engine->info().vocab_size);
  std::vector<float> rows(tokens.size() * vocab);
  auto done = engine->logits(tokens, chunk, [&](int position, const float* row) {
    std::copy_n(row, vocab, rows.begin() + static_cast<int64_t>(static_cast<size_t>(position) * vocab));
  });
  EXPECT_TRUE(done.ok());
  return rows;
}

TEST(EngineKvType, EightBitsGiveTheSameBitsHoweverPromptsAreCutAndNearlyThoseOfSixteen) {
  const std::vector<float> exact = logits_of(options_with(KvType::kInt16), 512);
  EngineOptions options = options_with(KvType::kInt8);
  const std::vector<float> expected = logits_of(options, 512);
  for (const KernelSet* set : available_kernels()) {
    options.kernels = parse_kernel_choice(set->name).value();
    for (const int chunk : {1, 7, 64}) EXPECT_EQ(logits_of(options, chunk), expected) << set->name << ", " << chunk;
  }
  double error = 0, size = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    error += std::pow(static_cast<double>(expected[i] - exact[i]), 2);
    size += std::pow(static_cast<double>(exact[i]), 2);
  }
  EXPECT_GT(error, 0);
  EXPECT_LT(std::sqrt(error / size), 0.02);
}

TEST(EngineKvType, EightBitsHoldNearlyTwiceTheTokens) {
  EngineOptions wide = options_with(KvType::kInt16), narrow = options_with(KvType::kInt8);
  wide.kv_bytes = narrow.kv_bytes = 64 << 20;
  auto one = load(wide), other = load(narrow);
  EXPECT_GT(other->stats().pages_total, one->stats().pages_total * 3 / 2);
  EXPECT_LE(other->stats().pages_total, one->stats().pages_total * 2);
  EXPECT_NE(other->info().numerics_class, one->info().numerics_class);
  EXPECT_EQ(other->info().digest, one->info().digest);
}

TEST(EngineKvType, PagesOfTheOtherTypeAreNotTakenFromTheFolder) {
  const TestFolder folder;
  const auto options = [&](KvType type) {
    EngineOptions result = options_with(type);
    result.prefix_folder = folder.path();
    result.prefix_file_bytes = 4 << 20;
    result.keeps_private_prefixes = true;
    return result;
  };
  std::vector<TokenId> ids[2];
  const auto run = [&](KvType type, int cached) {
    auto engine = load(options(type));
    EXPECT_EQ(engine->info().no_prefix_file, "");
    EXPECT_EQ(engine->stats().pages_in_file, cached / kPageTokens);
    Stream stream;
    EXPECT_TRUE(engine->submit(request_of(*engine, 81, 8, 5), stream.sink()).ok());
    stream.wait();
    EXPECT_EQ(stream.usage.cached_tokens, cached);
    while (engine->stats().pages_in_file < 5) std::this_thread::yield();
    std::vector<TokenId>& before = ids[type == KvType::kInt8];
    if (!before.empty()) EXPECT_EQ(stream.ids, before);
    before = stream.ids;
  };
  run(KvType::kInt16, 0);
  run(KvType::kInt8, 0);
  run(KvType::kInt16, 80);
  run(KvType::kInt8, 80);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 2);
}

}  // namespace
}  // namespace studio::engine
