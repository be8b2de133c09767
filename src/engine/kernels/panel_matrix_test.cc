#include "engine/kernels/panel_matrix.h"

#include <cstring>

#include "engine/kernels/kernel_test_util.h"

namespace studio::engine {
namespace {

class PanelMatrixTest : public testing::TestWithParam<DTypeTraits> {};
INSTANTIATE_TEST_SUITE_P(Types, PanelMatrixTest, testing::ValuesIn(kDTypes),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(PanelMatrixTest, HoldsEveryRowOfTheFileExactly) {
  const DType type = GetParam().type;
  TestRandom random(1);
  for (int rows : {1, 15, 16, 17, 40}) {
    for (int blocks : {1, 3}) {
      const int k = blocks * static_cast<int>(is_quantised(type) ? block_elements(type) : 37);
      const auto data = random_rows(type, rows, k, random);
      const PanelMatrix matrix = panels_of(type, rows, k, data);
      ASSERT_EQ(matrix.rows(), rows);
      ASSERT_EQ(matrix.panels(), (rows + 15) / 16);
      std::vector<float> expected(static_cast<size_t>(k)), found(static_cast<size_t>(k));
      for (int r = 0; r < rows; ++r) {
        decode_row(type, data.data() + static_cast<size_t>(r) * row_bytes(type, expected.size()), expected.data(),
                   expected.size());
        matrix.decode_row(r, found.data());
        ASSERT_TRUE(same_bits(expected, found)) << "row " << r << " of " << rows << ", k " << k;
      }
    }
  }
}

TEST_P(PanelMatrixTest, TakesAsManyBytesAsTheFile) {
  const DType type = GetParam().type;
  TestRandom random(2);
  const auto data = random_rows(type, 64, 1024, random);
  const PanelMatrix matrix = panels_of(type, 64, 1024, data);
  EXPECT_LE(static_cast<double>(matrix.bytes()), 1.04 * static_cast<double>(data.size()));
}

TEST_P(PanelMatrixTest, IsTheSameBuiltByManyThreads) {
  const DType type = GetParam().type;
  TestRandom random(3);
  const auto data = random_rows(type, 200, 256, random);
  ThreadPool pool(3);
  auto parallel = PanelMatrix::build(type, 200, 256, data, &pool);
  ASSERT_TRUE(parallel.ok());
  const PanelMatrix alone = panels_of(type, 200, 256, data);
  EXPECT_EQ(std::memcmp(parallel->view().data, alone.view().data, alone.bytes()), 0);
}

TEST(PanelMatrix, RefusesSizesThatDoNotAgree) {
  std::vector<uint8_t> data(18 * 4);
  EXPECT_TRUE(PanelMatrix::build(DType::kQ4_0, 4, 32, data, nullptr).ok());
  for (auto [rows, k] :
       {std::pair<int64_t, int64_t>{4, 64}, {5, 32}, {0, 32}, {4, 0}, {-1, 32}, {4, 31}, {1, 1 << 21}}) {
    auto result = PanelMatrix::build(DType::kQ4_0, rows, k, data, nullptr);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code(), Code::kInvalidArgument);
  }
}

}  // namespace
}  // namespace studio::engine
