// For the tests of adapters and their fuzz target: a small base, and an adapter of it in both kinds of file.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "engine/formats/gguf_writer.h"
#include "engine/formats/safetensors_test_support.h"

namespace studio::engine {

inline constexpr uint64_t kLoraHidden = 8, kLoraKv = 4, kLoraFeedForward = 12, kLoraLayers = 2;
inline constexpr uint64_t kLoraHeads = 2;  // of 4 rows; one kv head

// The head of a base: what a reader of adapters asks it for.
inline std::vector<uint8_t> lora_base(const std::string& architecture) {
  GgufWriter writer;
  writer.add_string("general.architecture", architecture);
  writer.add_u32(architecture + ".block_count", kLoraLayers);
  writer.add_u32(architecture + ".attention.head_count", kLoraHeads);
  writer.add_u32(architecture + ".attention.head_count_kv", 1);
  auto add = [&](const std::string& name, uint64_t rows, uint64_t k) {
    const uint64_t shape[] = {k, rows};
    writer.add_tensor_f32(name, DType::kF32, shape, std::vector<float>(rows * k, 0.5f));
  };
  for (uint64_t layer = 0; layer < kLoraLayers; ++layer) {
    const std::string prefix = "blk." + std::to_string(layer) + ".";
    add(prefix + "attn_q.weight", kLoraHidden, kLoraHidden);
    add(prefix + "attn_k.weight", kLoraKv, kLoraHidden);
    add(prefix + "attn_v.weight", kLoraKv, kLoraHidden);
    add(prefix + "attn_output.weight", kLoraHidden, kLoraHidden);
    add(prefix + "ffn_gate.weight", kLoraFeedForward, kLoraHidden);
    add(prefix + "ffn_up.weight", kLoraFeedForward, kLoraHidden);
    add(prefix + "ffn_down.weight", kLoraHidden, kLoraFeedForward);
  }
  return writer.finish().value();
}

// Values that tell every place from every other.
inline std::vector<float> counted(size_t n, float from) {
  std::vector<float> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = from + static_cast<float>(i) / 64;
  return values;
}

struct LoraTensor {
  std::string name;
  std::vector<uint64_t> shape;  // outermost first
  std::vector<float> values;
};

inline std::vector<LoraTensor> lora_tensors(uint64_t rank) {
  const std::string prefix = "base_model.model.model.layers.";
  return {{prefix + "0.self_attn.q_proj.lora_A.weight", {rank, kLoraHidden}, counted(rank * kLoraHidden, -1)},
          {prefix + "0.self_attn.q_proj.lora_B.weight", {kLoraHidden, rank}, counted(kLoraHidden * rank, 1)},
          {prefix + "1.mlp.down_proj.lora_A.weight", {rank, kLoraFeedForward}, counted(rank * kLoraFeedForward, 2)},
          {prefix + "1.mlp.down_proj.lora_B.weight", {kLoraHidden, rank}, counted(kLoraHidden * rank, -3)}};
}

inline std::vector<uint8_t> peft_weights(const std::vector<LoraTensor>& tensors) {
  std::string header = "{";
  std::vector<uint8_t> data;
  for (const LoraTensor& tensor : tensors) {
    std::string shape;
    for (const uint64_t length : tensor.shape) shape += (shape.empty() ? "[" : ",") + std::to_string(length);
    const size_t begin = data.size();
    data.resize(begin + tensor.values.size() * sizeof(float));
    std::memcpy(data.data() + begin, tensor.values.data(), data.size() - begin);
    header += (header.size() > 1 ? "," : "") + safetensors_entry(tensor.name, "F32", shape + "]", begin, data.size());
  }
  std::vector<uint8_t> bytes = safetensors_bytes(header + "}", 0);
  bytes.insert(bytes.end(), data.begin(), data.end());
  return bytes;
}

inline std::string peft_config(uint64_t rank, int alpha, const std::string& more = "") {
  return R"({"peft_type":"LORA","r":)" + std::to_string(rank) + R"(,"lora_alpha":)" + std::to_string(alpha) +
         R"(,"target_modules":["q_proj","down_proj"])" + more + "}";
}

}  // namespace studio::engine
