#include "engine/formats/peft_config.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace studio::engine {
namespace {

// A configuration as PEFT 0.21 saves one, with more fields behind it.
std::string config_with(const std::string& more) {
  return R"({"alora_invocation_tokens":null,"alpha_pattern":{},"arrow_config":null,"auto_mapping":null,)"
         R"("base_model_name_or_path":"Qwen/Qwen2.5-0.5B","bias":"none","corda_config":null,"ensure_weight_tying":false,)"
         R"("eva_config":null,"exclude_modules":null,"fan_in_fan_out":false,"inference_mode":true,)"
         R"("init_lora_weights":true,"layer_replication":null,"layers_pattern":null,"layers_to_transform":null,)"
         R"("loftq_config":{},"lora_alpha":32,"lora_bias":false,"lora_dropout":0.05,"megatron_config":null,)"
         R"("megatron_core":"megatron.core","modules_to_save":null,"peft_type":"LORA","peft_version":"0.21.2",)"
         R"("qalora_group_size":16,"r":16,"rank_pattern":{},"revision":null,"target_modules":["q_proj","v_proj"],)"
         R"("target_parameters":null,"task_type":"CAUSAL_LM","trainable_token_indices":null,"use_dora":false,)"
         R"("use_qalora":false,"use_rslora":false)" +
         more + "}";
}

std::string config_where(const std::string& field, const std::string& value) {
  std::string text = config_with("");
  const size_t at = text.find("\"" + field + "\":");
  if (at == std::string::npos) return config_with(",\"" + field + "\":" + value);
  const size_t begin = at + field.size() + 3;
  size_t end = begin;
  for (int depth = 0; depth > 0 || (text[end] != ',' && text[end] != '}'); ++end) {
    if (text[end] == '[' || text[end] == '{') ++depth;
    if (text[end] == ']' || text[end] == '}') --depth;
  }
  return text.replace(begin, end - begin, value);
}

TEST(PeftConfig, ReadsWhatPeftSaves) {
  auto config = PeftConfig::parse(config_with(""));
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_EQ(config->rank, 16);
  EXPECT_EQ(config->scale_of("model.layers.0.self_attn.q_proj"), 2.0);
}

TEST(PeftConfig, ARankStabilisedScaleIsOverTheRoot) {
  auto config = PeftConfig::parse(config_where("use_rslora", "true"));
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_DOUBLE_EQ(config->scale_of("model.layers.0.self_attn.q_proj"), 32 / std::sqrt(16.0));
}

TEST(PeftConfig, PatternsNameModulesOrTheirEndsAndTheFirstCounts) {
  auto config = PeftConfig::parse(
      config_where("rank_pattern", R"({"^model.layers.1.mlp.up_proj":4,"mlp.up_proj":8,"up_proj":64,"_proj":2})"));
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_EQ(config->rank_of("model.layers.1.mlp.up_proj"), 4);
  EXPECT_EQ(config->rank_of("model.layers.0.mlp.up_proj"), 8);
  EXPECT_EQ(config->rank_of("model.layers.0.mlp.down_proj"), 16);  // an end begins at a dot
  EXPECT_EQ(config->scale_of("model.layers.0.mlp.up_proj"), 4.0);
  config = PeftConfig::parse(config_where("alpha_pattern", R"({"q_proj":8})"));
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_EQ(config->scale_of("model.layers.0.self_attn.q_proj"), 0.5);
  EXPECT_EQ(config->scale_of("model.layers.0.self_attn.k_proj"), 2.0);
}

struct Refusal {
  const char *field, *value;
  Code code;
};

TEST(PeftConfig, WhatIsNotComputedIsRefusedByItsName) {
  const Refusal refusals[] = {
      {"use_dora", "true", Code::kUnimplemented},
      {"use_qalora", "true", Code::kUnimplemented},
      {"lora_bias", "true", Code::kUnimplemented},
      {"fan_in_fan_out", "true", Code::kUnimplemented},
      {"modules_to_save", R"(["lm_head"])", Code::kUnimplemented},
      {"layer_replication", "[[0,2],[1,3]]", Code::kUnimplemented},
      {"trainable_token_indices", "[1]", Code::kUnimplemented},
      {"target_parameters", R"(["experts.gate"])", Code::kUnimplemented},
      {"alora_invocation_tokens", "[1,2]", Code::kUnimplemented},
      {"arrow_config", R"({"top_k":1})", Code::kUnimplemented},
      {"a_field_of_tomorrow", "3", Code::kUnimplemented},
      {"bias", R"("all")", Code::kUnimplemented},
      {"task_type", R"("SEQ_CLS")", Code::kUnimplemented},
      {"init_lora_weights", R"("pissa_niter_4")", Code::kUnimplemented},
      {"init_lora_weights", R"("olora")", Code::kUnimplemented},
      {"peft_type", R"("IA3")", Code::kUnimplemented},
      {"rank_pattern", R"({".*q_proj":4})", Code::kUnimplemented},
      {"peft_type", "null", Code::kCorruptData},
      {"r", "0", Code::kCorruptData},
      {"r", "257", Code::kCorruptData},
      {"r", R"("16")", Code::kCorruptData},
      {"lora_alpha", "0", Code::kCorruptData},
      {"lora_alpha", "-1", Code::kCorruptData},
      {"rank_pattern", R"({"q_proj":0})", Code::kCorruptData},
      {"rank_pattern", "[1]", Code::kCorruptData},
      {"use_rslora", "1", Code::kCorruptData},
  };
  for (const Refusal& refusal : refusals) {
    auto config = PeftConfig::parse(config_where(refusal.field, refusal.value));
    ASSERT_FALSE(config.ok()) << refusal.field << " = " << refusal.value;
    EXPECT_EQ(config.error().code(), refusal.code) << config.error().message();
    EXPECT_NE(config.error().message().find(refusal.field), std::string::npos) << config.error().message();
  }
}

TEST(PeftConfig, FieldsThatAreOffAreReadOver) {
  for (const char* more :
       {R"(,"use_tomorrow":false)", R"(,"tomorrow":null)", R"(,"tomorrow":[])", R"(,"tomorrow":{})"}) {
    EXPECT_TRUE(PeftConfig::parse(config_with(more)).ok()) << more;
  }
  for (const char* init : {"false", R"("gaussian")", R"("eva")"}) {
    EXPECT_TRUE(PeftConfig::parse(config_where("init_lora_weights", init)).ok()) << init;
  }
}

TEST(PeftConfig, WhatIsNoObjectIsRefused) {
  for (const char* text : {"", "[]", "{", "\x01"}) {
    auto config = PeftConfig::parse(text);
    ASSERT_FALSE(config.ok()) << text;
    EXPECT_EQ(config.error().code(), Code::kCorruptData);
  }
}

}  // namespace
}  // namespace studio::engine
