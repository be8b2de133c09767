#include <algorithm>
#include <cstring>

#include "engine/kernels/kernel_test_util.h"

namespace studio::engine {
namespace {

// One kv head with its pages scattered over a pool full of NaN, and the queries of a chunk of tokens.
struct Scene {
  int dim, group, total, first;  // tokens [first, total) are new
  std::vector<float> k, v, q;    // [total, D], [total, D], [total - first, group, D]
  std::vector<uint8_t> pool;
  std::vector<int32_t> table;
  KvPages pages;

  Scene(int d, int g, int n, int start, const KernelSet& set) : dim(d), group(g), total(n), first(start) {
    TestRandom random(static_cast<uint64_t>(d * 1000 + n));
    const auto dims = static_cast<size_t>(d), tokens = static_cast<size_t>(n);
    k = random.normals(tokens * dims);
    v = random.normals(tokens * dims);
    q = random.normals(static_cast<size_t>(n - start) * static_cast<size_t>(g) * dims);
    const int count = (n + kPageTokens - 1) / kPageTokens;
    const size_t block = kv_block_bytes(d);
    pool.assign(static_cast<size_t>(count + 3) * 3 * block,
                0xff);  // NaN as a scale: what is never stored must never count
    for (int i = 0; i < count; ++i) table.push_back((i * 5 + 2) % (count + 3));
    std::vector<int32_t> sorted = table;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
      for (int i = 0; i < count; ++i) table[static_cast<size_t>(i)] = count + 2 - i;
    }
    pages = {.base = pool.data(), .page_stride = 3 * block, .k_offset = block, .v_offset = 2 * block, .head_dim = d};
    // Stored in two pieces that do not end at pages.
    store(set, 0, n / 3);
    store(set, n / 3, n - n / 3);
  }

  void store(const KernelSet& set, int start, int n) {
    const size_t at = static_cast<size_t>(start) * static_cast<size_t>(dim);
    set.store_kv({.pages = pages,
                  .page_table = table.data(),
                  .first = start,
                  .n = n,
                  .k = k.data() + at,
                  .v = v.data() + at,
                  .k_stride = static_cast<size_t>(dim),
                  .v_stride = static_cast<size_t>(dim)});
  }

  int rows() const { return (total - first) * group; }

  // Rows cut into pieces of `piece`.
  std::vector<float> attend(const KernelSet& set, int piece, bool is_fine = false) const {
    std::vector<float> out(q.size());
    const size_t stride = static_cast<size_t>(group) * static_cast<size_t>(dim);
    const AttentionArgs args{.pages = pages,
                             .page_table = table.data(),
                             .first = first,
                             .group = group,
                             .scale = 1.0f / std::sqrt(static_cast<float>(dim)),
                             .is_fine = is_fine,
                             .q = q.data(),
                             .q_stride = stride,
                             .out = out.data(),
                             .out_stride = stride};
    for (int r = 0; r < rows(); r += piece) set.attention(args, r, std::min(r + piece, rows()));
    return out;
  }

  // x[i] of its row of D, rounded to 16 bits of the row's largest magnitude.
  double rounded(const std::vector<float>& x, size_t i) const {
    const auto dims = static_cast<size_t>(dim), begin = i / dims * dims;
    double amax = 0;
    for (size_t d = begin; d < begin + dims; ++d) amax = std::max(amax, std::fabs(static_cast<double>(x[d])));
    return std::nearbyint(static_cast<double>(x[i]) / amax * 32639) * amax / 32639;
  }

  // Plain softmax in f64 over keys, values and queries rounded to 16 bits.
  std::vector<double> exact(int row) const {
    const auto dims = static_cast<size_t>(dim);
    const auto seen = static_cast<size_t>(first + row / group + 1);
    std::vector<double> weight(seen), out(dims, 0.0);
    double top = -1e300, sum = 0;
    for (size_t t = 0; t < seen; ++t) {
      for (size_t d = 0; d < dims; ++d) {
        weight[t] += rounded(q, static_cast<size_t>(row) * dims + d) * rounded(k, t * dims + d);
      }
      weight[t] /= std::sqrt(static_cast<double>(dim));
      top = std::max(top, weight[t]);
    }
    for (double& w : weight) sum += w = std::exp(w - top);
    for (size_t t = 0; t < seen; ++t) {
      for (size_t d = 0; d < dims; ++d) out[d] += weight[t] / sum * rounded(v, t * dims + d);
    }
    return out;
  }
};

struct Case {
  int dim, group, total, first;
};
constexpr Case kCases[] = {{64, 7, 1, 0},     {64, 7, 16, 15}, {64, 7, 17, 16},  {64, 3, 50, 49},
                           {128, 6, 100, 99}, {64, 7, 40, 0},  {128, 2, 70, 13}, {80, 5, 33, 30},
                           {16, 1, 5, 0},     {32, 4, 35, 1},  {256, 2, 36, 20}, {96, 9, 64, 40}};

class AttentionTest : public testing::TestWithParam<const KernelSet*> {};
INSTANTIATE_TEST_SUITE_P(Sets, AttentionTest, testing::ValuesIn(available_kernels()), set_name);

TEST_P(AttentionTest, EqualsSoftmaxInPlainArithmetic) {
  for (const Case& c : kCases) {
    const Scene scene(c.dim, c.group, c.total, c.first, *GetParam());
    const std::vector<float> out = scene.attend(*GetParam(), scene.rows());
    const std::vector<float> fine = scene.attend(*GetParam(), scene.rows(), true);
    for (int row = 0; row < scene.rows(); ++row) {
      const std::vector<double> exact = scene.exact(row);
      for (size_t d = 0; d < exact.size(); ++d) {
        const size_t i = static_cast<size_t>(row) * exact.size() + d;
        ASSERT_NEAR(out[i], exact[d], 0.02) << "dim " << c.dim << " row " << row << " of " << scene.rows();
        ASSERT_NEAR(fine[i], exact[d], 0.0005) << "dim " << c.dim << " row " << row << " of " << scene.rows();
      }
    }
  }
}

TEST_P(AttentionTest, HasTheBitsOfTheScalarSetHoweverRowsAreCut) {
  for (const Case& c : kCases) {
    const Scene scene(c.dim, c.group, c.total, c.first, *GetParam());
    const Scene plain(c.dim, c.group, c.total, c.first, scalar_kernels());
    for (bool is_fine : {false, true}) {
      const std::vector<float> expected = plain.attend(scalar_kernels(), scene.rows(), is_fine);
      for (int piece : {1, 2, 5, 8, 33, 1000}) {
        EXPECT_TRUE(same_bits(expected, scene.attend(*GetParam(), piece, is_fine)))
            << "dim " << c.dim << " piece " << piece << " fine " << is_fine;
      }
    }
  }
}

TEST_P(AttentionTest, StoresSixteenBitsOfEachTokensLargest) {
  TestRandom random(9);
  std::vector<float> x = random.extremes(64 * 40);
  constexpr size_t kBlock = kv_block_bytes(64), kPlane = 64 * 16;
  std::vector<uint8_t> pool(2 * kBlock * 3);
  const int32_t table[] = {1, 0, 2};
  const KvPages pages{
      .base = pool.data(), .page_stride = 2 * kBlock, .k_offset = 0, .v_offset = kBlock, .head_dim = 64};
  GetParam()->store_kv({.pages = pages,
                        .page_table = table,
                        .first = 3,
                        .n = 40,
                        .k = x.data(),
                        .v = x.data(),
                        .k_stride = 64,
                        .v_stride = 64});
  for (size_t t = 0; t < 40; ++t) {
    const size_t position = t + 3, lane = position % 16;
    const uint8_t* keys = pool.data() + static_cast<size_t>(table[position / 16]) * 2 * kBlock;
    const uint8_t* values = keys + kBlock;
    float amax = 0, scale;
    for (size_t d = 0; d < 64; ++d) amax = std::max(amax, std::fabs(x[t * 64 + d]));
    for (const uint8_t* planes : {keys, values}) {
      std::memcpy(&scale, planes + 2 * kPlane + lane * 4, 4);
      EXPECT_EQ(scale, amax < 1e-30f ? 0 : amax / 32639);
    }
    for (size_t d = 0; d < 64; ++d) {
      const size_t of_key = d / 4 * 64 + lane * 4 + d % 4, of_value = (lane / 4 * 64 + d) * 4 + lane % 4;
      const int key = (keys[of_key] - 128) * 256 + keys[kPlane + of_key] - 128;
      const int value = static_cast<int8_t>(values[of_value]) * 256 + static_cast<int8_t>(values[kPlane + of_value]);
      EXPECT_EQ(key, value);
      EXPECT_EQ(key, scale == 0 ? 0 : static_cast<int>(std::nearbyint(x[t * 64 + d] * (32639 / amax))));
    }
  }
}

}  // namespace
}  // namespace studio::engine
