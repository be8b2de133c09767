#include "engine/kernels/kernel_set.h"

#include <gtest/gtest.h>

#include <string>

namespace studio::engine {
namespace {

TEST(KernelSet, AutoIsTheLastOfThoseAvailable) {
  const auto sets = available_kernels();
  ASSERT_FALSE(sets.empty());
  EXPECT_EQ(sets.front()->isa, Isa::kScalar);
  const auto chosen = select_kernels(Isa::kAuto);
  ASSERT_TRUE(chosen.ok());
  EXPECT_EQ(*chosen, sets.back());
}

TEST(KernelSet, EachIsEitherThereOrRefusedWithTheObstacle) {
  for (Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512, Isa::kAmx}) {
    const auto chosen = select_kernels(isa);
    const char* obstacle = kernel_obstacle(isa);
    ASSERT_EQ(chosen.ok(), obstacle == nullptr);
    if (chosen.ok()) {
      EXPECT_EQ((*chosen)->isa, isa);
    } else {
      EXPECT_EQ(chosen.error().code(), Code::kUnimplemented);
      EXPECT_NE(chosen.error().message().find(obstacle), std::string::npos) << chosen.error().message();
    }
  }
}

}  // namespace
}  // namespace studio::engine
