#include <algorithm>
#include <cstring>

#include "engine/kernels/kernel_test_util.h"

namespace studio::engine {
namespace {

constexpr KvType kTypes[] = {KvType::kInt16, KvType::kInt8};

// The largest code of keys and values; queries have 16 bits whatever those have.
double most_of(KvType type) {
  return type == KvType::kInt8 ? 127 : 32639;
}

// A row times the matrix whose element (i, j) is -1 to the number of bits that i and j share, in pieces of its order.
template <class T>
std::vector<T> rotated(const T* x, int dim) {
  std::vector<T> y(x, x + dim);
  for (int step = 1; dim % (2 * step) == 0; step *= 2) {
    for (size_t i = 0; i < y.size(); ++i) {
      const size_t other = i + static_cast<size_t>(step);
      if (i & static_cast<size_t>(step)) continue;
      const T a = y[i], b = y[other];
      y[i] = a + b;
      y[other] = a - b;
    }
  }
  return y;
}

// One kv head with its pages scattered over a pool full of NaN, and the queries of a chunk of tokens.
struct Scene {
  int dim, group, total, first;  // tokens [first, total) are new
  std::vector<float> k, v, q;    // [total, D], [total, D], [total - first, group, D]
  std::vector<uint8_t> pool;
  std::vector<int32_t> table;
  KvPages pages;
  const float* k_center = nullptr;

  Scene(int d, int g, int n, int start, KvType type, const KernelSet& set) : dim(d), group(g), total(n), first(start) {
    TestRandom random(static_cast<uint64_t>(d * 1000 + n));
    const auto dims = static_cast<size_t>(d), tokens = static_cast<size_t>(n);
    k = random.normals(tokens * dims);
    v = random.normals(tokens * dims);
    q = random.normals(static_cast<size_t>(n - start) * static_cast<size_t>(g) * dims);
    const int count = (n + kPageTokens - 1) / kPageTokens;
    const size_t block = kv_block_bytes(d, type);
    pool.assign(static_cast<size_t>(count + 3) * 3 * block,
                0xff);  // NaN as a scale: what is never stored must never count
    for (int i = 0; i < count; ++i) table.push_back((i * 5 + 2) % (count + 3));
    std::vector<int32_t> sorted = table;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
      for (int i = 0; i < count; ++i) table[static_cast<size_t>(i)] = count + 2 - i;
    }
    pages = {.base = pool.data(),
             .page_stride = 3 * block,
             .k_offset = block,
             .v_offset = 2 * block,
             .head_dim = d,
             .type = type};
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
                  .v_stride = static_cast<size_t>(dim),
                  .k_center = k_center});
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

  // Row `row` of x [rows, D], rounded to `most` parts of its largest magnitude; rotated before and back afterwards.
  std::vector<double> rounded(const std::vector<float>& x, size_t row, double most, bool is_rotated) const {
    const auto dims = static_cast<size_t>(dim);
    std::vector<double> y(x.begin() + static_cast<int64_t>(row * dims),
                          x.begin() + static_cast<int64_t>((row + 1) * dims));
    if (is_rotated) y = rotated(y.data(), dim);
    double amax = 0;
    for (const double value : y) amax = std::max(amax, std::fabs(value));
    for (double& value : y) value = std::nearbyint(value / amax * most) * amax / most;
    if (!is_rotated) return y;
    y = rotated(y.data(), dim);
    for (double& value : y) value /= dim & -dim;
    return y;
  }

  // Plain softmax in f64 over keys, values and queries rounded as numerics.md says.
  std::vector<double> exact(int row) const {
    const bool is_int8 = pages.type == KvType::kInt8;
    const auto dims = static_cast<size_t>(dim);
    const auto seen = static_cast<size_t>(first + row / group + 1);
    std::vector<double> weight(seen), out(dims, 0.0);
    const std::vector<double> query = rounded(q, static_cast<size_t>(row), 32639, is_int8);
    double top = -1e300, sum = 0;
    for (size_t t = 0; t < seen; ++t) {
      const std::vector<double> key = rounded(k, t, most_of(pages.type), is_int8);
      for (size_t d = 0; d < dims; ++d) weight[t] += query[d] * key[d];
      weight[t] /= std::sqrt(static_cast<double>(dim));
      top = std::max(top, weight[t]);
    }
    for (double& w : weight) sum += w = std::exp(w - top);
    for (size_t t = 0; t < seen; ++t) {
      const std::vector<double> value = rounded(v, t, most_of(pages.type), false);
      for (size_t d = 0; d < dims; ++d) out[d] += weight[t] / sum * value[d];
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
    for (const KvType type : kTypes) {
      const Scene scene(c.dim, c.group, c.total, c.first, type, *GetParam());
      const std::vector<float> out = scene.attend(*GetParam(), scene.rows());
      const std::vector<float> fine = scene.attend(*GetParam(), scene.rows(), true);
      const double tolerance_of_fine = type == KvType::kInt16 ? 0.0005 : 0.02;
      for (int row = 0; row < scene.rows(); ++row) {
        const std::vector<double> exact = scene.exact(row);
        for (size_t d = 0; d < exact.size(); ++d) {
          const size_t i = static_cast<size_t>(row) * exact.size() + d;
          ASSERT_NEAR(out[i], exact[d], 0.02) << "dim " << c.dim << " row " << row << " of " << scene.rows();
          ASSERT_NEAR(fine[i], exact[d], tolerance_of_fine) << "dim " << c.dim << " row " << row;
        }
      }
    }
  }
}

TEST_P(AttentionTest, HasTheBitsOfTheScalarSetHoweverRowsAreCut) {
  for (const Case& c : kCases) {
    for (const KvType type : kTypes) {
      const Scene scene(c.dim, c.group, c.total, c.first, type, *GetParam());
      const Scene plain(c.dim, c.group, c.total, c.first, type, scalar_kernels());
      for (bool is_fine : {false, true}) {
        const std::vector<float> expected = plain.attend(scalar_kernels(), scene.rows(), is_fine);
        for (int piece : {1, 2, 5, 8, 33, 1000}) {
          EXPECT_TRUE(same_bits(expected, scene.attend(*GetParam(), piece, is_fine)))
              << "dim " << c.dim << " piece " << piece << " fine " << is_fine;
        }
      }
    }
  }
}

// As biases make them: some dimensions of all keys are far larger than the rest, where queries tell tokens apart.
// Root mean square of what 8 bits change in the results, with and without the keys' common part taken off.
double error_of_8_bits(const KernelSet& set, bool has_center) {
  Scene fine(64, 4, 60, 50, KvType::kInt16, set), coarse(64, 4, 60, 50, KvType::kInt8, set);
  std::vector<float> center(64, 0.0f);
  center[5] = 300;
  center[37] = -200;
  coarse.k_center = has_center ? center.data() : nullptr;
  for (Scene* s : {&fine, &coarse}) {
    for (size_t i = 0; i < s->k.size(); ++i) s->k[i] += center[i % 64];
    s->store(set, 0, s->total);
  }
  const std::vector<float> expected = fine.attend(set, fine.rows()), out = coarse.attend(set, coarse.rows());
  double sum = 0;
  for (size_t i = 0; i < out.size(); ++i) sum += std::pow(static_cast<double>(out[i] - expected[i]), 2);
  return std::sqrt(sum / static_cast<double>(out.size()));
}

TEST_P(AttentionTest, EightBitsNeedNotHoldWhatAllKeysHaveInCommon) {
  EXPECT_LT(error_of_8_bits(*GetParam(), true), 0.01);
  EXPECT_GT(error_of_8_bits(*GetParam(), false), 0.02);
}

TEST_P(AttentionTest, StoresSixteenBitsOfEachTokensLargest) {
  TestRandom random(9);
  std::vector<float> x = random.extremes(64 * 40);
  constexpr size_t kBlock = kv_block_bytes(64, KvType::kInt16), kPlane = 64 * 16;
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

TEST_P(AttentionTest, StoresEightBitsOfEachTokensLargestWithKeysCentredAndRotated) {
  for (const int dim : {64, 96}) {
    const auto dims = static_cast<size_t>(dim);
    TestRandom random(10);
    const std::vector<float> x = random.normals(dims * 40), center = random.normals(dims);
    const size_t block = kv_block_bytes(dim, KvType::kInt8), plane = dims * 16;
    EXPECT_EQ(block, 16 * (dims + 4));
    std::vector<uint8_t> pool(2 * block * 3);
    const int32_t table[] = {1, 0, 2};
    const KvPages pages{.base = pool.data(),
                        .page_stride = 2 * block,
                        .k_offset = 0,
                        .v_offset = block,
                        .head_dim = dim,
                        .type = KvType::kInt8};
    GetParam()->store_kv({.pages = pages,
                          .page_table = table,
                          .first = 3,
                          .n = 40,
                          .k = x.data(),
                          .v = x.data(),
                          .k_stride = dims,
                          .v_stride = dims,
                          .k_center = center.data()});
    for (size_t t = 0; t < 40; ++t) {
      const size_t position = t + 3, lane = position % 16;
      const uint8_t* keys = pool.data() + static_cast<size_t>(table[position / 16]) * 2 * block;
      const uint8_t* values = keys + block;
      const std::vector<float> row(x.begin() + static_cast<int64_t>(t * dims),
                                   x.begin() + static_cast<int64_t>((t + 1) * dims));
      std::vector<float> key = row;
      for (size_t d = 0; d < dims; ++d) key[d] -= center[d];
      for (const bool is_key : {true, false}) {
        const std::vector<float> expected = is_key ? rotated(key.data(), dim) : row;
        float amax = 0, scale;
        for (const float value : expected) amax = std::max(amax, std::fabs(value));
        std::memcpy(&scale, (is_key ? keys : values) + plane + lane * 4, 4);
        EXPECT_EQ(scale, amax / 127);
        for (size_t d = 0; d < dims; ++d) {
          const int code = is_key ? keys[d / 4 * 64 + lane * 4 + d % 4] - 128
                                  : static_cast<int8_t>(values[(lane / 4 * dims + d) * 4 + lane % 4]);
          EXPECT_EQ(code, static_cast<int>(std::nearbyint(expected[d] * (127 / amax)))) << "dimension " << d;
        }
      }
    }
  }
}

}  // namespace
}  // namespace studio::engine
