// The engine on small models: against transformers' logits, and against the plain reference for every weight type.
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/formats/gguf_writer.h"
#include "engine/kernels/kernel_set.h"
#include "engine/sampling/philox.h"
#include "engine/schedule/engine.h"
#include "logit_error.h"
#include "reference_model.h"
#include "sequence_files.h"

namespace studio::golden {
namespace {

using engine::DType;
using engine::Engine;
using engine::KernelChoice;

// The models are F32, so activations are not quantised; what differs is the f16 of keys and values.
constexpr double kFloatTolerance = 2e-3;
// Activations as int8 with a scale per 32 are off by up to 1/254 of the block's largest; two layers and the head add
// up to about one part in a hundred of the range. A wrong scale, sign or row shows as 0.1 and more.
constexpr double kQuantisedTolerance = 3e-2;
// Keys and values of 8 bits are off by up to 1/254 of a head's largest; the worst row of the three models by 0.042.
constexpr double kInt8KvTolerance = 6e-2;

std::vector<KernelChoice> kernel_choices() {
  static const std::map<engine::Isa, KernelChoice> kChoices = {{engine::Isa::kScalar, KernelChoice::kScalar},
                                                               {engine::Isa::kAvx2, KernelChoice::kAvx2},
                                                               {engine::Isa::kAvx512, KernelChoice::kAvx512},
                                                               {engine::Isa::kAmx, KernelChoice::kAmx}};
  std::vector<KernelChoice> choices;
  for (const engine::KernelSet* set : engine::available_kernels()) choices.push_back(kChoices.at(set->isa));
  return choices;
}

std::unique_ptr<Engine> load(const std::string& path, KernelChoice kernels,
                             engine::KvType kv_type = engine::KvType::kInt16) {
  engine::EngineOptions options;
  options.model_path = path;
  options.threads = 2;
  options.kernels = kernels;
  options.kv_type = kv_type;
  options.max_sequences = 1;
  auto loaded = Engine::load(options);
  EXPECT_TRUE(loaded.ok()) << loaded.error().message();
  return loaded.ok() ? std::move(loaded).value() : nullptr;
}

// Rows of all positions, one after another.
std::vector<float> engine_logits(Engine& engine, const std::vector<int32_t>& ids, int chunk) {
  const auto vocab = static_cast<size_t>(engine.info().vocab_size);
  std::vector<float> rows(ids.size() * vocab);
  auto done = engine.logits(ids, chunk, [&](int position, const float* row) {
    std::copy_n(row, vocab, rows.data() + static_cast<size_t>(position) * vocab);
  });
  EXPECT_TRUE(done.ok()) << done.error().message();
  return rows;
}

class GoldenEngine : public testing::TestWithParam<const char*> {
 protected:
  std::string path(const std::string& suffix) const {
    return std::string(STUDIO_SOURCE_DIR "/tests/golden/models/") + GetParam() + suffix;
  }
};

TEST_P(GoldenEngine, GivesTheLogitsOfTransformersWithEveryKernelSetAndChunk) {
  const auto contexts = read_tokens(path(".tokens")).value();
  for (const KernelChoice kernels : kernel_choices()) {
    auto engine = load(path(".gguf"), kernels);
    ASSERT_NE(engine, nullptr);
    const auto vocab = static_cast<size_t>(engine->info().vocab_size);
    auto file = LogitFile::open(path(".logits"), LogitFile::Kind::kFull, vocab).value();
    for (const auto& ids : contexts) {
      const LogitRows expected = file.next().value();
      const std::vector<float> rows = engine_logits(*engine, ids, 512);
      for (size_t t = 0; t < ids.size(); ++t) {
        EXPECT_LT(logit_error(expected.values.data() + t * vocab, rows.data() + t * vocab, vocab), kFloatTolerance)
            << engine->info().kernels << ", " << ids.size() << " tokens, position " << t;
      }
      for (const int chunk : {1, 5, 16}) EXPECT_EQ(engine_logits(*engine, ids, chunk), rows) << "chunk " << chunk;
    }
  }
}

TEST_P(GoldenEngine, GivesNearlyThoseWithKeysAndValuesIn8BitsAndTheSameWithEveryKernelSetAndChunk) {
  const auto contexts = read_tokens(path(".tokens")).value();
  std::vector<std::vector<float>> first;  // of the first kernel set
  for (const KernelChoice kernels : kernel_choices()) {
    auto engine = load(path(".gguf"), kernels, engine::KvType::kInt8);
    ASSERT_NE(engine, nullptr);
    const auto vocab = static_cast<size_t>(engine->info().vocab_size);
    auto file = LogitFile::open(path(".logits"), LogitFile::Kind::kFull, vocab).value();
    for (size_t c = 0; c < contexts.size(); ++c) {
      const LogitRows expected = file.next().value();
      const std::vector<float> rows = engine_logits(*engine, contexts[c], 512);
      for (size_t t = 0; t < contexts[c].size(); ++t) {
        EXPECT_LT(logit_error(expected.values.data() + t * vocab, rows.data() + t * vocab, vocab), kInt8KvTolerance)
            << engine->info().kernels << ", context " << c << ", position " << t;
      }
      if (first.size() == c) first.push_back(rows);
      EXPECT_EQ(rows, first[c]) << engine->info().kernels;
      for (const int chunk : {1, 5}) EXPECT_EQ(engine_logits(*engine, contexts[c], chunk), rows) << "chunk " << chunk;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, GoldenEngine, testing::Values("qwen2", "qwen3", "llama"),
                         [](const auto& info) { return std::string(info.param); });

// A random two-layer Qwen3 whose matrices all have one type. K is 256 where the type wants it.
class TypeModel : public testing::TestWithParam<DType> {
 protected:
  static constexpr uint64_t kHidden = 256, kFeedForward = 512, kVocab = 200, kHeadDim = 64, kHeads = 4, kKvHeads = 2;

  void SetUp() override {
    path_ = (std::filesystem::temp_directory_path() /
             ("studio_type_model_" + std::to_string(getpid()) + "_" + std::string(dtype_name(GetParam()))))
                .string();
    engine::GgufWriter writer;
    writer.add_string("general.architecture", "qwen3");
    writer.add_u32("qwen3.block_count", 2);
    writer.add_u32("qwen3.context_length", 128);
    writer.add_u32("qwen3.embedding_length", kHidden);
    writer.add_u32("qwen3.feed_forward_length", kFeedForward);
    writer.add_u32("qwen3.attention.head_count", kHeads);
    writer.add_u32("qwen3.attention.head_count_kv", kKvHeads);
    writer.add_u32("qwen3.attention.key_length", kHeadDim);
    writer.add_u32("qwen3.attention.value_length", kHeadDim);
    writer.add_f32("qwen3.rope.freq_base", 10000);
    writer.add_f32("qwen3.attention.layer_norm_rms_epsilon", 1e-6f);
    matrix(writer, "token_embd.weight", kVocab, kHidden);
    vector(writer, "output_norm.weight", kHidden);
    for (const char* layer : {"blk.0.", "blk.1."}) {
      const std::string prefix = layer;
      vector(writer, prefix + "attn_norm.weight", kHidden);
      vector(writer, prefix + "ffn_norm.weight", kHidden);
      vector(writer, prefix + "attn_q_norm.weight", kHeadDim);
      vector(writer, prefix + "attn_k_norm.weight", kHeadDim);
      matrix(writer, prefix + "attn_q.weight", kHeads * kHeadDim, kHidden);
      matrix(writer, prefix + "attn_k.weight", kKvHeads * kHeadDim, kHidden);
      matrix(writer, prefix + "attn_v.weight", kKvHeads * kHeadDim, kHidden);
      matrix(writer, prefix + "attn_output.weight", kHidden, kHeads * kHeadDim);
      matrix(writer, prefix + "ffn_gate.weight", kFeedForward, kHidden);
      matrix(writer, prefix + "ffn_up.weight", kFeedForward, kHidden);
      matrix(writer, prefix + "ffn_down.weight", kHidden, kFeedForward);
    }
    ASSERT_TRUE(writer.write(path_).ok());
  }
  void TearDown() override { std::filesystem::remove(path_); }

  std::string path_;

 private:
  // Roughly normal with the spread that keeps a layer's output as large as its input.
  std::vector<float> random(uint64_t n, float spread) {
    std::vector<float> values(n);
    for (float& value : values) {
      const uint64_t bits = engine::random_bits(7, 0, counter_++);
      value = spread *
              (static_cast<float>(bits & 0xFFFF) + static_cast<float>(bits >> 16 & 0xFFFF) +
               static_cast<float>(bits >> 32 & 0xFFFF) - 98304.0f) /
              32768.0f;
    }
    return values;
  }
  void matrix(engine::GgufWriter& writer, const std::string& name, uint64_t rows, uint64_t k) {
    const std::vector<uint64_t> shape = {k, rows};
    writer.add_tensor_f32(name, GetParam(), shape, random(rows * k, 1.0f / std::sqrt(static_cast<float>(k))));
  }
  void vector(engine::GgufWriter& writer, const std::string& name, uint64_t n) {
    std::vector<float> values = random(n, 0.1f);
    for (float& value : values) value += 1;
    const std::vector<uint64_t> shape = {n};
    writer.add_tensor_f32(name, DType::kF32, shape, values);
  }
  uint64_t counter_ = 0;
};

TEST_P(TypeModel, RunsLikeTheReferenceAndAlikeOnEveryKernelSet) {
  std::vector<int32_t> ids;
  for (uint64_t i = 0; i < 40; ++i) ids.push_back(static_cast<int32_t>(engine::random_bits(8, 0, i) % kVocab));
  std::vector<float> first;
  for (const KernelChoice kernels : kernel_choices()) {
    auto engine = load(path_, kernels);
    ASSERT_NE(engine, nullptr);
    const std::vector<float> rows = engine_logits(*engine, ids, 512);
    EXPECT_EQ(engine_logits(*engine, ids, 3), rows) << engine->info().kernels;
    if (first.empty()) first = rows;
    EXPECT_EQ(rows, first) << engine->info().kernels;
  }
  auto reference = reference::ReferenceModel::open(path_, 2);
  ASSERT_TRUE(reference.ok()) << reference.error().message();
  const double tolerance = is_quantised(GetParam()) ? kQuantisedTolerance : kFloatTolerance;
  (*reference)->logits(ids, [&](int position, const float* row) {
    EXPECT_LT(logit_error(row, first.data() + static_cast<size_t>(position) * kVocab, kVocab), tolerance)
        << "position " << position;
  });
}

std::vector<DType> all_types() {
  std::vector<DType> types;
  for (const auto& traits : engine::kDTypes) types.push_back(traits.type);
  return types;
}
INSTANTIATE_TEST_SUITE_P(Types, TypeModel, testing::ValuesIn(all_types()),
                         [](const auto& info) { return std::string(dtype_name(info.param)); });

}  // namespace
}  // namespace studio::golden
