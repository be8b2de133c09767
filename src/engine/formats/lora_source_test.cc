#include "engine/formats/lora_source.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/formats/block_codec.h"
#include "engine/formats/lora_test_support.h"
#include "engine/formats/lora_writer.h"
#include "engine/formats/tensor_rows.h"

namespace studio::engine {
namespace {

// A base whose bytes live as long as it.
struct Base {
  explicit Base(const std::string& architecture)
      : bytes(lora_base(architecture)), file(GgufFile::parse(bytes).value()) {}
  std::vector<uint8_t> bytes;
  GgufFile file;
};

std::vector<float> values_of(const TensorInfo& tensor) {
  const std::vector<uint8_t> rows = rows_in_order(tensor, 0, tensor.rows());
  std::vector<float> values(tensor.rows() * tensor.row_elements());
  const size_t row_size = row_bytes(tensor.dtype, tensor.row_elements());
  for (uint64_t row = 0; row < tensor.rows(); ++row) {
    decode_row(tensor.dtype, rows.data() + row * row_size, values.data() + row * tensor.row_elements(),
               tensor.row_elements());
  }
  return values;
}

void expect_refused(const Result<LoraSource>& source, Code code, const std::string& name) {
  ASSERT_FALSE(source.ok()) << name;
  EXPECT_EQ(source.error().code(), code) << source.error().message();
  EXPECT_NE(source.error().message().find(name), std::string::npos) << source.error().message();
}

TEST(LoraSource, ReadsWhatPeftSaves) {
  const Base base("qwen2");
  const auto weights = peft_weights(lora_tensors(2));
  auto source = LoraSource::parse_peft(peft_config(2, 6), weights, base.file);
  ASSERT_TRUE(source.ok()) << source.error().message();
  EXPECT_EQ(source->architecture(), "qwen2");
  ASSERT_EQ(source->pairs().size(), 2u);
  const LoraPair& q = source->pairs()[0];
  EXPECT_EQ(q.matrix, "blk.0.attn_q");
  EXPECT_EQ(q.layer, 0);
  EXPECT_EQ(q.target, LoraTarget::kQuery);
  EXPECT_EQ(q.scale, 3.0f);
  EXPECT_EQ(q.rank(), 2);
  EXPECT_EQ(values_of(q.a), lora_tensors(2)[0].values);
  EXPECT_EQ(values_of(q.b), lora_tensors(2)[1].values);
  EXPECT_EQ(source->pairs()[1].matrix, "blk.1.ffn_down");
  EXPECT_EQ(source->parameters(), 2 * (8 + 8) + 2 * (12 + 8));
  EXPECT_EQ(source->max_rank(), 2);
}

TEST(LoraSource, RowsOfLlamasQueriesStandInTheOrderOfItsFiles) {
  const Base base("llama");
  const auto weights = peft_weights(lora_tensors(1));
  auto source = LoraSource::parse_peft(peft_config(1, 1), weights, base.file);
  ASSERT_TRUE(source.ok()) << source.error().message();
  const auto from = lora_tensors(1)[1].values;
  // Two heads of four rows: (0, 1, 2, 3) becomes (0, 2, 1, 3) in each.
  EXPECT_EQ(values_of(source->pairs()[0].b),
            (std::vector<float>{from[0], from[2], from[1], from[3], from[4], from[6], from[5], from[7]}));
  EXPECT_EQ(values_of(source->pairs()[1].b), lora_tensors(1)[3].values);
}

std::vector<uint8_t> gguf_adapter(const std::string& architecture, float alpha,
                                  const std::string& matrix = "blk.0.attn_q") {
  GgufWriter writer;
  writer.add_string("general.type", "adapter");
  writer.add_string("general.architecture", architecture);
  writer.add_string("adapter.type", "lora");
  writer.add_f32("adapter.lora.alpha", alpha);
  const uint64_t a[] = {kLoraHidden, 2}, b[] = {2, kLoraHidden};
  writer.add_tensor_f32(matrix + ".weight.lora_a", DType::kF32, a, lora_tensors(2)[0].values);
  writer.add_tensor_f32(matrix + ".weight.lora_b", DType::kF32, b, lora_tensors(2)[1].values);
  return writer.finish().value();
}

TEST(LoraSource, ReadsAdaptersInGguf) {
  const Base base("llama");
  const auto bytes = gguf_adapter("llama", 5);
  auto source = LoraSource::parse_gguf(bytes, base.file);
  ASSERT_TRUE(source.ok()) << source.error().message();
  ASSERT_EQ(source->pairs().size(), 1u);
  EXPECT_EQ(source->pairs()[0].scale, 2.5f);
  EXPECT_EQ(values_of(source->pairs()[0].b), lora_tensors(2)[1].values);  // in its order already
  const auto unscaled = gguf_adapter("llama", 0);
  EXPECT_EQ(LoraSource::parse_gguf(unscaled, base.file)->pairs()[0].scale, 1.0f);
}

TEST(LoraSource, AnAdapterOfAnotherModelIsRefusedByItsTensor) {
  const Base base("qwen2");
  expect_refused(LoraSource::parse_gguf(gguf_adapter("llama", 1), base.file), Code::kCorruptData,
                 "general.architecture");
  expect_refused(LoraSource::parse_gguf(gguf_adapter("qwen2", 1, "blk.2.attn_q"), base.file), Code::kCorruptData,
                 "blk.2.attn_q");
  expect_refused(LoraSource::parse_gguf(gguf_adapter("qwen2", 1, "blk.0.attn_k"), base.file), Code::kCorruptData,
                 "blk.0.attn_k.weight.lora_b");
  expect_refused(LoraSource::parse_gguf(gguf_adapter("qwen2", 1, "blk.0.ffn_down"), base.file), Code::kCorruptData,
                 "blk.0.ffn_down.weight.lora_a");
}

TEST(LoraSource, WhatCannotBeAppliedIsRefusedByItsName) {
  const Base base("qwen2");
  for (const char* name :
       {"base_model.model.lm_head.lora_A.weight", "base_model.model.model.embed_tokens.lora_embedding_A",
        "base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector", "base_model.model.lm_head.weight",
        "model.layers.0.self_attn.q_proj.lora_A.weight",
        "base_model.model.model.layers.00.self_attn.q_proj.lora_A.weight",
        "base_model.model.model.layers.0.self_attn.q_norm.lora_A.weight"}) {
    auto tensors = lora_tensors(2);
    tensors.push_back({name, {2, kLoraHidden}, counted(2 * kLoraHidden, 0)});
    expect_refused(LoraSource::parse_peft(peft_config(2, 2), peft_weights(tensors), base.file), Code::kUnimplemented,
                   name);
  }
  for (const char* matrix :
       {"token_embd", "output", "blk.0.attn_norm", "blk.01.attn_q", "blk..attn_q", "blk.0attn_q"}) {
    expect_refused(LoraSource::parse_gguf(gguf_adapter("qwen2", 1, matrix), base.file), Code::kUnimplemented, matrix);
  }
}

TEST(LoraSource, FactorsMustGoTogether) {
  const Base base("qwen2");
  auto tensors = lora_tensors(2);
  tensors.pop_back();
  expect_refused(LoraSource::parse_peft(peft_config(2, 2), peft_weights(tensors), base.file), Code::kCorruptData,
                 "layers.1.mlp.down_proj.lora_A.weight");
  tensors = lora_tensors(2);
  tensors[1] = {tensors[1].name, {kLoraHidden, 3}, counted(kLoraHidden * 3, 0)};
  expect_refused(LoraSource::parse_peft(peft_config(2, 2), peft_weights(tensors), base.file), Code::kCorruptData,
                 "different ranks");
  expect_refused(LoraSource::parse_peft(peft_config(3, 2), peft_weights(lora_tensors(2)), base.file),
                 Code::kCorruptData, "says 3");
  tensors = lora_tensors(2);
  tensors[0].shape = {2 * kLoraHidden};
  expect_refused(LoraSource::parse_peft(peft_config(2, 2), peft_weights(tensors), base.file), Code::kCorruptData,
                 "is no matrix");
  expect_refused(LoraSource::parse_peft(peft_config(2, 2), peft_weights({}), base.file), Code::kCorruptData, "");
}

TEST(LoraSource, KindsThatAreNotLoraAreRefused) {
  const Base base("qwen2");
  expect_refused(LoraSource::parse_gguf(base.bytes, base.file), Code::kCorruptData, "general.type");
  GgufWriter writer;
  writer.add_string("general.type", "adapter");
  writer.add_string("general.architecture", "qwen2");
  writer.add_string("adapter.type", "control_vector");
  expect_refused(LoraSource::parse_gguf(writer.finish().value(), base.file), Code::kUnimplemented, "adapter.type");
}

TEST(LoraWriter, WhatIsWrittenIsTheAdapterInTheOrderOfItsModel) {
  const Base base("llama");
  const auto weights = peft_weights(lora_tensors(2));
  auto source = LoraSource::parse_peft(peft_config(2, 6), weights, base.file);
  ASSERT_TRUE(source.ok()) << source.error().message();
  for (const LoraStorage storage : {LoraStorage::kInt16, LoraStorage::kInt8}) {
    auto bytes = write_lora(*source, storage);
    ASSERT_TRUE(bytes.ok()) << bytes.error().message();
    auto read = LoraSource::parse_gguf(*bytes, base.file);
    ASSERT_TRUE(read.ok()) << read.error().message();
    EXPECT_EQ(read->storage(), storage);
    ASSERT_EQ(read->pairs().size(), source->pairs().size());
    for (size_t i = 0; i < source->pairs().size(); ++i) {
      const LoraPair &from = source->pairs()[i], &to = read->pairs()[i];
      EXPECT_EQ(to.matrix, from.matrix);
      EXPECT_EQ(to.scale, from.scale);
      EXPECT_EQ(values_of(to.a), values_of(from.a));
      EXPECT_EQ(values_of(to.b), values_of(from.b));
    }
  }
}

TEST(LoraWriter, AValueThatIsNotFiniteIsRefusedWithItsMatrix) {
  const Base base("qwen2");
  auto tensors = lora_tensors(2);
  tensors[3].values[5] = std::numeric_limits<float>::quiet_NaN();
  const auto weights = peft_weights(tensors);
  auto source = LoraSource::parse_peft(peft_config(2, 6), weights, base.file);
  ASSERT_TRUE(source.ok());
  auto bytes = write_lora(*source, LoraStorage::kInt16);
  ASSERT_FALSE(bytes.ok());
  EXPECT_NE(bytes.error().message().find("blk.1.ffn_down"), std::string::npos) << bytes.error().message();
}

}  // namespace
}  // namespace studio::engine
