// The plain reference against `transformers`, on small random models of every architecture.
#include <gtest/gtest.h>

#include <string>

#include "logit_error.h"
#include "reference_model.h"
#include "sequence_files.h"

namespace studio::golden {
namespace {

// f32 sums in another order differ by a few units of the seventh digit per layer; a real fault is above 1e-2 here.
constexpr double kTolerance = 1e-5;

class GoldenModel : public testing::TestWithParam<const char*> {
 protected:
  std::string path(const std::string& suffix) const {
    return std::string(STUDIO_SOURCE_DIR "/tests/golden/models/") + GetParam() + suffix;
  }
};

TEST_P(GoldenModel, ReferenceGivesTheLogitsOfTransformers) {
  auto model = reference::ReferenceModel::open(path(".gguf"), 2);
  ASSERT_TRUE(model.ok()) << model.error().message();
  const size_t vocab = static_cast<size_t>((*model)->config().vocab);
  auto contexts = read_tokens(path(".tokens"));
  ASSERT_TRUE(contexts.ok()) << contexts.error().message();
  ASSERT_GE(contexts->back().size(), 70u);
  auto file = LogitFile::open(path(".logits"), LogitFile::Kind::kFull, vocab);
  ASSERT_TRUE(file.ok()) << file.error().message();

  for (const auto& ids : *contexts) {
    auto expected = file->next();
    ASSERT_TRUE(expected.ok()) << expected.error().message();
    ASSERT_EQ(expected->positions.size(), ids.size());
    (*model)->logits(ids, [&](int position, const float* row) {
      const float* wanted = expected->values.data() + static_cast<size_t>(position) * vocab;
      EXPECT_LT(logit_error(wanted, row, vocab), kTolerance) << ids.size() << " tokens, position " << position;
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, GoldenModel, testing::Values("qwen2", "qwen3", "llama"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace studio::golden
