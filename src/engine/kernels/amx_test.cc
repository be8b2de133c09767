// The AMX products on every machine: the template over a model of the tiles, and, where there is AVX-512, the compiled
// kernels_amx.cc itself, its tile instructions trapped and done by the model unless the CPU has them.
#include <algorithm>
#include <cstring>
#include <limits>

#include "engine/kernels/isa_scalar.h"
// The vector layer comes first: the templates below use its macros.
#include "engine/kernels/kernel_tables.h"
#include "engine/kernels/matmul.h"
#include "engine/kernels/matmul_amx_impl.h"
#include "engine/kernels/matmul_test_util.h"
#include "engine/kernels/tile_model.h"
#include "engine/kernels/tile_trap.h"

namespace studio::engine {
namespace {

void model_matmul(const PanelView& w, const ActivationView& x, const MatmulOutput& y, int panel_begin, int panel_end) {
  const bool done = matmul_by_tiles<SignedCodes<Scalar>, ModelTiles>(w, x, y, panel_begin, panel_end);
  EXPECT_EQ(done, is_quantised(w.type) && x.coded > 16);
  EXPECT_EQ(this_threads_tiles().fault(), nullptr) << this_threads_tiles().fault();
  EXPECT_FALSE(this_threads_tiles().configured());
  if (!done) scalar_kernels().matmul(w, x, y, panel_begin, panel_end);
}

std::vector<KernelSet> tile_sets() {
  KernelSet model = scalar_kernels();
  model.name = "model";
  model.matmul = model_matmul;
  std::vector<KernelSet> sets = {model};
  if (kernel_obstacle(Isa::kAvx512) == nullptr) sets.push_back(kAmxKernels);
  return sets;
}

class AmxTest : public testing::TestWithParam<DTypeTraits> {
 protected:
  DType type() const { return GetParam().type; }

  // Strips and stages that end early.
  int some_k() const { return smallest_k(type()) == 256 ? 768 : 672; }

  TileTrap trap_;
};

std::vector<DTypeTraits> quantised_types() {
  std::vector<DTypeTraits> types;
  for (const DTypeTraits& traits : kDTypes) {
    if (is_quantised(traits.type)) types.push_back(traits);
  }
  return types;
}

INSTANTIATE_TEST_SUITE_P(Types, AmxTest, testing::ValuesIn(quantised_types()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(AmxTest, GivesTheBitsOfTheScalarSet) {
  TestRandom random(21);
  for (int columns : {1, 9, 16, 17, 18, 31, 32, 33, 40, 48, 63}) {
    const int rows = 1 + random.below(50), k = smallest_k(type()) * (1 + random.below(5));
    const Problem problem(type(), rows, k, columns, static_cast<uint64_t>(columns), columns % 3 == 0);
    const std::vector<float> expected = problem.product(scalar_kernels());
    for (const KernelSet& set : tile_sets()) {
      ASSERT_TRUE(same_bits(expected, problem.product(set)))
          << set.name << ": " << rows << " x " << k << ", " << columns << " columns";
    }
  }
}

TEST_P(AmxTest, GivesTheSameBitsOverManyStripsAndMoreColumnsThanShareOne) {
  const Problem problem(type(), 19, some_k(), kTileStripColumns + 21, 22, true);
  const std::vector<float> expected = problem.product(*available_kernels().back());
  for (const KernelSet& set : tile_sets()) EXPECT_TRUE(same_bits(expected, problem.product(set))) << set.name;
}

TEST_P(AmxTest, MayBeCutAnywhereAndAddsOrBiasesItsOutput) {
  constexpr int kColumns = 35, kRows = 77;
  constexpr size_t kStride = 100;
  const Problem problem(type(), kRows, some_k(), kColumns, 23, false);
  TestRandom random(24);
  const std::vector<float> bias = random.normals(kRows), before = random.normals(kColumns * kStride);
  const Activations input = problem.input(scalar_kernels(), 0, kColumns);
  const auto run = [&](const KernelSet& set, std::initializer_list<int> cuts) {
    std::vector<float> out = before;
    for (const int* cut = cuts.begin(); cut + 1 < cuts.end(); ++cut) {
      set.matmul(problem.weights.view(), input.view(),
                 {.out = out.data(), .stride = kStride, .bias = bias.data(), .add = true}, cut[0], cut[1]);
    }
    return out;
  };
  const std::vector<float> expected = run(scalar_kernels(), {0, 5});
  for (const KernelSet& set : tile_sets()) {
    EXPECT_TRUE(same_bits(expected, run(set, {0, 5}))) << set.name;
    EXPECT_TRUE(same_bits(expected, run(set, {0, 1, 3, 5}))) << set.name;
  }
}

TEST_P(AmxTest, AddsTheProductsOfTwoTerms) {
  // Twice as many coded columns: 16 are for dot instructions, 18 are the first for tiles, 540 take two strips of them.
  for (int columns : {8, 9, 21, kTileStripColumns / 2 + 14}) {
    const Problem problem(type(), 21, smallest_k(type()) * 2, columns, 28, columns == 21);
    Activations input(columns, problem.k, {.max_terms = 2});
    input.reset(columns, problem.k, 2);
    scalar_kernels().quantize(problem.x.data(), static_cast<size_t>(problem.k), input.view(), 0, columns, 0,
                              input.view().k);
    const auto product = [&](const KernelSet& set) {
      std::vector<float> y(21 * static_cast<size_t>(columns));
      set.matmul(problem.weights.view(), input.view(), {.out = y.data(), .stride = 21}, 0, problem.weights.panels());
      return y;
    };
    const std::vector<float> expected = product(scalar_kernels());
    for (const KernelSet& set : tile_sets()) {
      EXPECT_TRUE(same_bits(expected, product(set))) << set.name << ", " << columns << " columns";
    }
  }
}

TEST_P(AmxTest, DropsWhatLiesInLanesWithoutAColumn) {
  constexpr int kColumns = 19;
  const Problem problem(type(), 16, some_k(), kColumns, 25, false);
  const std::vector<float> expected = problem.product(scalar_kernels());
  Activations input(kColumns, problem.k, {});
  const ActivationView& x = input.view();
  const auto blocks = static_cast<size_t>(2 * kTileColumns * problem.k / kActivationBlock);
  std::memset(x.codes, 0x80, blocks * kActivationBlock);
  std::fill_n(x.scales, blocks, std::numeric_limits<float>::quiet_NaN());
  std::fill_n(x.sums, blocks, std::numeric_limits<float>::infinity());
  std::fill_n(x.minus_sums, blocks, -1);
  std::fill_n(x.minus_halves, 2 * blocks, -1);
  scalar_kernels().quantize(problem.x.data(), static_cast<size_t>(problem.k), x, 0, kColumns, 0, x.k);
  for (const KernelSet& set : tile_sets()) {
    std::vector<float> y(expected.size());
    set.matmul(problem.weights.view(), x, {.out = y.data(), .stride = 16}, 0, 1);
    EXPECT_TRUE(same_bits(expected, y)) << set.name;
  }
}

TEST_P(AmxTest, SurvivesTheExtremesOfCodesAndActivations) {
  constexpr int kColumns = 18;
  const int k = smallest_k(type()) * 2;
  for (int fill : {0x00, 0xff, 0x80, 0x7f}) {
    const std::vector<uint8_t> data(16 * row_bytes(type(), static_cast<size_t>(k)), static_cast<uint8_t>(fill));
    const PanelMatrix weights = panels_of(type(), 16, k, data);
    std::vector<float> x(static_cast<size_t>(k) * kColumns, 127.0f);
    for (size_t i = 0; i < x.size(); i += 3) x[i] = fill % 2 == 0 ? 127.0f : -127.0f;
    Activations input(kColumns, k, {});
    scalar_kernels().quantize(x.data(), static_cast<size_t>(k), input.view(), 0, kColumns, 0, input.view().k);
    const auto product = [&](const KernelSet& set) {
      std::vector<float> y(16 * kColumns);
      set.matmul(weights.view(), input.view(), {.out = y.data(), .stride = 16}, 0, 1);
      for (float& value : y) value = std::isnan(value) ? 0 : value;  // the sign of a NaN is no one's promise
      return y;
    };
    const std::vector<float> expected = product(scalar_kernels());
    for (const KernelSet& set : tile_sets()) EXPECT_TRUE(same_bits(expected, product(set))) << set.name << " " << fill;
  }
}

TEST_P(AmxTest, ConfiguresTheTilesOfEachThreadOfAPool) {
  const Problem problem(type(), 400, smallest_k(type()), 20, 26, false);
  const Activations input = problem.input(scalar_kernels(), 0, 20);
  const std::vector<float> expected = problem.product(scalar_kernels());
  for (const KernelSet& set : tile_sets()) {
    ThreadPool pool(3);
    std::vector<float> y(expected.size());
    const MatmulJob job{&problem.weights, &input, {.out = y.data(), .stride = 400}};
    run_matmuls(set, pool, {&job, 1});
    EXPECT_TRUE(same_bits(expected, y)) << set.name;
  }
}

TEST(Amx, MultipliesManyColumnsOfQuantisedWeightsByTiles) {
  if (kernel_obstacle(Isa::kAmx) == nullptr) return;     // nothing traps; what is counted here is what traps
  if (kernel_obstacle(Isa::kAvx512) != nullptr) return;  // the unpacking cannot run
  const TileTrap trap;
  const auto products_of = [](DType type, int k, int columns) {
    const int64_t before = TileTrap::products();
    Problem(type, 33, k, columns, 27, false).product(kAmxKernels);
    return TileTrap::products() - before;
  };
  EXPECT_EQ(products_of(DType::kQ4_K, 256, 16), 0);
  EXPECT_EQ(products_of(DType::kF16, 256, 40), 0);
  // 3 panels, 8 blocks, 3 groups of columns; twice where halves have scales.
  EXPECT_EQ(products_of(DType::kQ4_K, 256, 40), 72);
  EXPECT_EQ(products_of(DType::kQ6_K, 256, 40), 144);
  EXPECT_FALSE(this_threads_tiles().configured());
}

// The model itself, against what the manual says.
class TileModelTest : public testing::Test {
 protected:
  TileModelTest() {
    for (size_t i = 0; i < sizeof memory_; ++i) memory_[i] = static_cast<uint8_t>(i + 1);
  }
  TileConfig config() const { return product_tiles(32); }

  TileModel tiles_;
  uint8_t memory_[2048];
};

TEST_F(TileModelTest, MovesTheConfiguredRowsAndBytesAlone) {
  TileConfig narrow = config();
  narrow.rows[7] = 3;
  narrow.row_bytes[7] = 20;
  tiles_.configure(&narrow);
  tiles_.load(7, memory_, 100);
  EXPECT_EQ(tiles_.row(7, 2)[19], memory_[219]);
  EXPECT_EQ(tiles_.row(7, 2)[20], 0);
  EXPECT_EQ(tiles_.row(7, 3)[0], 0);
  uint8_t out[512] = {};
  tiles_.store(7, out, 64);
  EXPECT_EQ(std::memcmp(out + 128, memory_ + 200, 20), 0);
  EXPECT_EQ(std::count(out, out + 512, 0), 512 - 60);
  tiles_.zero(7);
  EXPECT_EQ(tiles_.row(7, 2)[19], 0);
  EXPECT_EQ(tiles_.fault(), nullptr);
}

TEST_F(TileModelTest, MultipliesBytesWithTheSignsAskedFor) {
  const int expected[2][2] = {{255 * 254, 255 * -2}, {-1 * 254, -1 * -2}};  // [a signed][b signed]
  for (int a_signed : {0, 1}) {
    for (int b_signed : {0, 1}) {
      uint8_t a[512] = {}, b[512] = {};
      int32_t sums[256] = {};
      a[5 * 32 + 9] = 0xff;          // column 5, k 9
      b[2 * 64 + 4 * 7 + 1] = 0xfe;  // k 9, row 7
      tiles_ = {};
      const TileConfig tiles = config();
      tiles_.configure(&tiles);
      tiles_.load(kInputTile, a, 32);
      tiles_.load(kCodesTile, b, 64);
      for (int times = 0; times < 2; ++times)
        tiles_.dot(kSumTile, kInputTile, kCodesTile, a_signed != 0, b_signed != 0);
      tiles_.store(kSumTile, sums, 64);
      EXPECT_EQ(sums[5 * 16 + 7], 2 * expected[a_signed][b_signed]);
      EXPECT_EQ(std::count(sums, sums + 256, 0), 255);
      EXPECT_EQ(tiles_.fault(), nullptr);
    }
  }
}

TEST_F(TileModelTest, FaultsWhereTheProcessorWould) {
  const auto fault_of = [&](auto change, auto use) {
    TileModel tiles;
    TileConfig tile_config = config();
    change(tile_config);
    tiles.configure(&tile_config);
    use(tiles);
    return tiles.fault() != nullptr;
  };
  const auto keep = [](TileConfig&) {};
  const auto none = [](TileModel&) {};
  EXPECT_FALSE(fault_of(keep, none));
  EXPECT_TRUE(fault_of([](TileConfig& c) { c.palette = 2; }, none));
  EXPECT_TRUE(fault_of([](TileConfig& c) { c.reserved[3] = 1; }, none));
  EXPECT_TRUE(fault_of([](TileConfig& c) { c.reserved_rows[0] = 1; }, none));
  EXPECT_TRUE(fault_of([](TileConfig& c) { c.rows[1] = 17; }, none));
  EXPECT_TRUE(fault_of([](TileConfig& c) { c.row_bytes[1] = 65; }, none));
  EXPECT_TRUE(fault_of([](TileConfig& c) { c.rows[1] = 0; }, none));
  EXPECT_TRUE(fault_of(keep, [](TileModel& t) { t.zero(7); }));
  EXPECT_TRUE(fault_of(keep, [](TileModel& t) { t.dot(kSumTile, kCodesTile, kInputTile, true, true); }));
  EXPECT_TRUE(fault_of(keep, [](TileModel& t) { t.dot(kSumTile, kInputTile, kInputTile, true, true); }));
  EXPECT_TRUE(fault_of([](TileConfig& c) { c.rows[kCodesTile] = 7; },
                       [](TileModel& t) { t.dot(kSumTile, kInputTile, kCodesTile, true, true); }));
  EXPECT_TRUE(fault_of(keep, [&](TileModel& t) {
    t.release();
    t.load(kInputTile, memory_, 32);
  }));
}

}  // namespace
}  // namespace studio::engine
