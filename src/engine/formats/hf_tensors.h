// Hugging Face's tensor names and ours: one table for each architecture.
//
// expected_tensors() is the whole list a configuration asks for, with the shape of each; a folder must have them all,
// each once, and nothing else but what every converter passes over (is_passed_over).
// Source of the names: Qwen2ForCausalLM, Qwen3ForCausalLM, LlamaForCausalLM of transformers 5.x; GGUF's are those of
// gguf-py's tensor_mapping.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/formats/hf_config.h"

namespace studio::engine {

struct ExpectedTensor {
  std::string hf_name;          // "model.layers.0.self_attn.q_proj.weight"
  std::string name;             // "blk.0.attn_q.weight"
  std::vector<uint64_t> shape;  // outermost first: [rows, k] or [n]
  int rotary_heads = 0;         // llama's q and k: rows are to be taken in GGUF's order (tensor_rows.h)
};

std::vector<ExpectedTensor> expected_tensors(const HfConfig& config);

// A layer's matrix by its module: "model.layers.3.mlp.up_proj" is "blk.3.ffn_up". Empty for any other name.
std::string matrix_of_module(std::string_view hf_module);

// Buffers that old releases stored with their weights; nothing is computed from them.
bool is_passed_over(std::string_view hf_name, const HfConfig& config);

}  // namespace studio::engine
