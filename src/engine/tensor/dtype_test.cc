#include "engine/tensor/dtype.h"

#include <gtest/gtest.h>

namespace studio::engine {
namespace {

TEST(DType, IsFoundByIdAndByNameInAnyCase) {
  for (const DTypeTraits& traits : kDTypes) {
    EXPECT_EQ(dtype_from_id(static_cast<uint32_t>(traits.type)), traits.type);
    EXPECT_EQ(dtype_from_name(traits.name), traits.type);
  }
  EXPECT_EQ(dtype_from_name("q4_k"), DType::kQ4_K);
  EXPECT_FALSE(dtype_from_name("Q4_K_M"));
  EXPECT_FALSE(dtype_from_id(9));
  EXPECT_FALSE(dtype_from_id(0xffffffff));
}

TEST(DType, SizesRowsByWholeBlocks) {
  EXPECT_EQ(row_bytes(DType::kF32, 3), 12u);
  EXPECT_EQ(row_bytes(DType::kQ5_0, 896), 28u * 22);
  EXPECT_EQ(row_bytes(DType::kQ4_K, 1536), 6u * 144);
  EXPECT_TRUE(is_quantised(DType::kIQ4_XS));
  EXPECT_FALSE(is_quantised(DType::kBF16));
}

TEST(DType, NamesTypesItDoesNotKnowHowToRead) {
  EXPECT_EQ(known_type_name(12), "Q4_K");
  EXPECT_EQ(known_type_name(16), "IQ2_XXS");
  EXPECT_EQ(known_type_name(4711), "unknown");
}

}  // namespace
}  // namespace studio::engine
