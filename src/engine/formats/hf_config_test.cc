#include "engine/formats/hf_config.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/formats/hf_tensors.h"

namespace studio::engine {
namespace {

// A config.json with one field more, or another value for one.
std::string config_with(const std::string& field) {
  std::string text = R"({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 64,
    "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "vocab_size": 100, "max_position_embeddings": 512})";
  const std::string key = field.substr(0, field.find(':'));
  if (const size_t at = text.find(key); !field.empty() && at != std::string::npos) {
    const bool is_list = text[text.find(':', at) + 2] == '[';
    const size_t end = is_list ? text.find(']', at) + 1 : text.find_first_of(",}", at);
    return text.replace(at, end - at, field);
  }
  if (!field.empty()) text.insert(text.size() - 1, ", " + field);
  return text;
}

std::string refusal(const std::string& field) {
  auto config = HfConfig::parse(config_with(field));
  return config.ok() ? "accepted" : config.error().message();
}

TEST(HfConfig, TakesTheReferenceClassesDefaults) {
  auto config = HfConfig::parse(config_with(""));
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_EQ(config->architecture, "qwen2");
  EXPECT_EQ(config->head_dim, 16);
  EXPECT_EQ(config->norm_eps, 1e-6f);
  EXPECT_EQ(config->rope_base, 10000.0f);
  EXPECT_FALSE(config->ties_embeddings);
  auto qwen3 = HfConfig::parse(R"({"model_type": "qwen3", "hidden_size": 64, "intermediate_size": 96,
    "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 100, "max_position_embeddings": 512,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0}, "eos_token_id": [3, 4], "rope_scaling": null})");
  ASSERT_TRUE(qwen3.ok()) << qwen3.error().message();
  EXPECT_EQ(qwen3->head_dim, 128);
  EXPECT_EQ(qwen3->kv_heads, 4);
  EXPECT_EQ(qwen3->rope_base, 1e6f);
  EXPECT_EQ(qwen3->eos_ids, (std::vector<int32_t>{3, 4}));
}

TEST(HfConfig, RefusesByNameWhatIsNotComputed) {
  for (const char* field :
       {R"("model_type": "bert")", R"("architectures": ["Qwen2ForRewardModel"])", R"("hidden_act": "gelu")",
        R"("rope_scaling": {"type": "yarn", "factor": 4.0})", R"("rope_scaling": {"rope_type": "dynamic"})",
        R"("rope_parameters": {"full_attention": {"rope_type": "default"}})", R"("use_sliding_window": true)",
        R"("quantization_config": {"quant_method": "awq"})", R"("partial_rotary_factor": 0.25)",
        R"("layer_types": ["full_attention", "sliding_attention"])", R"("mlp_bias": true)"}) {
    auto config = HfConfig::parse(config_with(field));
    ASSERT_FALSE(config.ok()) << field;
    EXPECT_EQ(config.error().code(), Code::kUnimplemented) << field;
    const std::string name = std::string(field).substr(1, std::string(field).find('"', 1) - 1);
    EXPECT_NE(config.error().message().find("config.json: " + name), std::string::npos) << config.error().message();
  }
}

TEST(HfConfig, RefusesWhatIsOutOfRangeOrOfAnotherKind) {
  EXPECT_EQ(refusal(R"("num_hidden_layers": 0)"), "config.json: num_hidden_layers is no whole number from 1 to 1024");
  EXPECT_EQ(refusal(R"("hidden_size": 64.5)"), "config.json: hidden_size is no whole number from 1 to 262144");
  EXPECT_EQ(refusal(R"("hidden_size": 3)"), "config.json: hidden_size is smaller than num_attention_heads");
  EXPECT_EQ(refusal(R"("num_key_value_heads": 3)"),
            "config.json: num_attention_heads is no multiple of num_key_value_heads");
  EXPECT_EQ(refusal(R"("head_dim": 7)"), "config.json: head_dim is odd: rotary embeddings turn pairs");
  EXPECT_EQ(refusal(R"("rms_norm_eps": -1)"), "config.json: rms_norm_eps is out of range");
  EXPECT_EQ(refusal(R"("rope_theta": "1e6")"), "config.json: rope_theta is no number");
  EXPECT_EQ(refusal(R"("tie_word_embeddings": 1)"), "config.json: tie_word_embeddings is neither true nor false");
  EXPECT_EQ(refusal(R"("eos_token_id": -1)"), "config.json: eos_token_id is neither a token id nor a list of them");
  EXPECT_EQ(refusal(R"("vocab_size": null)"), "config.json: vocab_size is missing");
  EXPECT_EQ(HfConfig::parse("[]").error().message(), "config.json is no JSON object");
}

TEST(HfTensors, AskForEveryTensorOfTheArchitecture) {
  auto config = HfConfig::parse(config_with(""));
  ASSERT_TRUE(config.ok());
  auto tensors = expected_tensors(*config);
  EXPECT_EQ(tensors.size(), 3u + 2u * 12u);
  EXPECT_EQ(tensors[3].hf_name, "model.layers.0.input_layernorm.weight");
  EXPECT_EQ(tensors[4].name, "blk.0.attn_q.weight");
  EXPECT_EQ(tensors[4].shape, (std::vector<uint64_t>{64, 64}));
  EXPECT_EQ(tensors[4].rotary_heads, 0);
  config->architecture = "llama";
  config->ties_embeddings = true;
  auto llama = expected_tensors(*config);
  EXPECT_EQ(llama.size(), 2u + 2u * 9u);
  EXPECT_EQ(llama[3].rotary_heads, 4);
  EXPECT_EQ(llama[4].rotary_heads, 2);
  EXPECT_EQ(llama[5].rotary_heads, 0);
  EXPECT_TRUE(is_passed_over("lm_head.weight", *config));
  EXPECT_TRUE(is_passed_over("model.layers.0.self_attn.rotary_emb.inv_freq", *config));
}

}  // namespace
}  // namespace studio::engine
