#include "api/serving/generate.h"

#include <gtest/gtest.h>

#include "api/kept/kept_test_support.h"

namespace studio::api {
namespace {

uint64_t seed_of(const std::string& request_id, const GenerateCall& call) {
  http::Request request;
  request.request_id = request_id;
  return to_generation(Services(), call, HeldExchange(std::move(request))).sampling.seed;
}

TEST(ToGeneration, DrawsASeedFromTheRequestsIdWhereNoneIsGiven) {
  EXPECT_EQ(seed_of("a", {}), seed_of("a", {}));
  EXPECT_NE(seed_of("a", {}), seed_of("b", {}));
  GenerateCall call;
  call.has_seed = true;
  EXPECT_EQ(seed_of("a", call), 0u);
}

}  // namespace
}  // namespace studio::api
