#include "engine/lora/low_rank_products.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "engine/formats/lora_test_support.h"
#include "engine/formats/lora_writer.h"
#include "engine/kernels/kernel_set.h"
#include "engine/lora/adapter_set.h"

namespace studio::engine {
namespace {

class LowRankProductsTest : public testing::Test {
 protected:
  // An adapter of q in layer 0 and down in layer 1.
  std::vector<uint8_t> file(uint64_t rank, int alpha) const {
    const auto weights = peft_weights(lora_tensors(rank));
    auto source = LoraSource::parse_peft(peft_config(rank, alpha), weights, base_);
    return write_lora(*source, LoraStorage::kInt16).value();
  }
  std::shared_ptr<const Adapter> adapter(uint64_t rank, int alpha) const {
    const auto bytes = file(rank, alpha);
    auto loaded = Adapter::load(bytes, base_);
    EXPECT_TRUE(loaded.ok()) << loaded.error().message();
    return *loaded;
  }
  // What is added to rows of y [n, rows] in layer 0's q.
  std::vector<float> added(LowRankProducts& products, const std::vector<float>& x, size_t n) {
    products.project(0, {LoraTarget::kQuery}, x.data(), kLoraHidden);
    std::vector<float> y(n * kLoraHidden);
    const MatmulOutput out{.out = y.data(), .stride = kLoraHidden, .bias = nullptr, .add = true};
    for (const LowRankUpdate& update : products.updates(LoraTarget::kQuery)) {
      const MatmulOutput rows{.out = out.out + static_cast<size_t>(update.first) * out.stride,
                              .stride = out.stride,
                              .bias = nullptr,
                              .add = true};
      factor_product(Isa::kScalar)(update.up->view(), update.mid, update.n, rows, 0, update.up->panels());
    }
    return y;
  }
  std::vector<float> values(size_t rows) const {
    std::minstd_rand random(7);
    std::normal_distribution<float> normal;
    std::vector<float> x(rows * kLoraHidden);
    for (float& value : x) value = normal(random);
    return x;
  }

  const std::vector<uint8_t> base_bytes_ = lora_base("qwen2");
  const GgufFile base_ = GgufFile::parse(base_bytes_).value();
  ThreadPool pool_{2};
  LowRankProducts products_{*select_kernels(Isa::kScalar).value(), pool_};
};

TEST_F(LowRankProductsTest, AddsScaleTimesBTimesAOfX) {
  const auto adapter = this->adapter(2, 6);
  const std::vector<float> x = values(1), a = lora_tensors(2)[0].values, b = lora_tensors(2)[1].values;
  products_.begin();
  products_.add(adapter.get(), 1);
  const std::vector<float> y = added(products_, x, 1);
  for (size_t row = 0; row < kLoraHidden; ++row) {
    double expected = 0;
    for (size_t r = 0; r < 2; ++r) {
      double middle = 0;
      for (size_t k = 0; k < kLoraHidden; ++k) middle += static_cast<double>(a[r * kLoraHidden + k]) * x[k];
      expected += 3 * b[row * 2 + r] * middle;
    }
    EXPECT_NEAR(y[row], expected, 2e-3);
  }
}

TEST_F(LowRankProductsTest, ARowGetsWhatItGetsAlone) {
  const auto one = adapter(2, 6), two = adapter(4, 1);
  // Rows by adapter: 0 0 1 - 1 2 2 - - 1 ..., one of them longer than a piece.
  const std::vector<std::pair<const Adapter*, int>> runs = {
      {one.get(), 2}, {one.get(), 1}, {nullptr, 1}, {one.get(), 1}, {two.get(), 70}, {nullptr, 2}, {one.get(), 3}};
  products_.begin();
  size_t rows = 0;
  for (const auto& [adapter, n] : runs) products_.add(adapter, n), rows += static_cast<size_t>(n);
  const std::vector<float> x = values(rows), together = added(products_, x, rows);
  size_t row = 0;
  for (const auto& [adapter, n] : runs) {
    for (int i = 0; i < n; ++i, ++row) {
      products_.begin();
      products_.add(adapter, 1);
      const std::vector<float> own(x.begin() + static_cast<ptrdiff_t>(row * kLoraHidden),
                                   x.begin() + static_cast<ptrdiff_t>((row + 1) * kLoraHidden));
      const std::vector<float> alone = added(products_, own, 1);
      EXPECT_TRUE(std::equal(alone.begin(), alone.end(), together.begin() + static_cast<ptrdiff_t>(row * kLoraHidden)))
          << "row " << row;
      EXPECT_EQ(adapter == nullptr, std::ranges::all_of(alone, [](float value) { return value == 0; }));
    }
  }
}

TEST_F(LowRankProductsTest, RowsThatAreKeptMoveToTheFrontWithTheirAdapter) {
  const auto one = adapter(2, 6), two = adapter(4, 1);
  products_.begin();
  products_.add(one.get(), 3);
  products_.add(nullptr, 2);
  products_.add(two.get(), 3);
  const int kept[] = {2, 3, 5, 7};  // one, none, two, two
  products_.keep(kept);
  const std::vector<float> x = values(4), y = added(products_, x, 4);
  products_.begin();
  products_.add(one.get(), 1);
  products_.add(nullptr, 1);
  products_.add(two.get(), 2);
  EXPECT_EQ(added(products_, x, 4), y);
  products_.keep({});
  EXPECT_TRUE(products_.empty());
}

TEST_F(LowRankProductsTest, AMatrixThatTheAdapterLeavesAloneHasNoUpdate) {
  const auto adapter = this->adapter(2, 6);
  products_.begin();
  products_.add(adapter.get(), 1);
  const std::vector<float> x = values(2);
  products_.project(1, {LoraTarget::kQuery, LoraTarget::kKey}, x.data(), kLoraHidden);
  EXPECT_TRUE(products_.updates(LoraTarget::kQuery).empty());
  EXPECT_TRUE(products_.updates(LoraTarget::kKey).empty());
  EXPECT_EQ(adapter->find(100, LoraTarget::kDown), nullptr);
  EXPECT_NE(adapter->find(1, LoraTarget::kDown), nullptr);
}

TEST_F(LowRankProductsTest, ASetHoldsByDigestAndLetsGo) {
  AdapterSet set;
  const auto one = adapter(2, 6);
  const auto bytes = file(2, 6), other = file(2, 4);
  ASSERT_TRUE(set.load(one->digest(), bytes, base_).ok());
  ASSERT_TRUE(set.load(one->digest(), bytes, base_).ok());  // again: it is there
  EXPECT_EQ(set.count(), 1);
  EXPECT_EQ(set.bytes(), one->bytes());
  EXPECT_EQ(set.load(std::string(64, '0'), other, base_).error().code(), Code::kCorruptData);
  const auto held = set.find(one->digest());
  ASSERT_NE(held, nullptr);
  EXPECT_TRUE(set.drop(one->digest()));
  EXPECT_FALSE(set.drop(one->digest()));
  EXPECT_EQ(set.find(one->digest()), nullptr);
  EXPECT_EQ(set.bytes(), 0);
  EXPECT_EQ(held->max_rank(), 2);  // who runs with it still has it
}

}  // namespace
}  // namespace studio::engine
