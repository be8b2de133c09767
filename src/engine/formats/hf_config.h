// config.json of a Hugging Face model folder: what a dense decoder of the known families is, or why it is not one.
//
// Every field that would change the arithmetic is either read or refused by name; defaults are those of the reference
// classes Qwen2Config, Qwen3Config and LlamaConfig of transformers 5.x. Fields that only training or other libraries
// read are passed over.
// Errors: corrupt_data and unimplemented, both naming the field.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/formats/gguf_writer.h"

namespace studio::engine {

inline constexpr size_t kMaxHfConfigBytes = 1 << 20;  // real ones are under 4 kB

struct HfConfig {
  std::string architecture;  // "qwen2", "qwen3", "llama": as GGUF has it too
  int layers = 0;            // L
  int hidden = 0;            // C
  int heads = 0;             // H
  int kv_heads = 0;          // K
  int head_dim = 0;          // D
  int feed_forward = 0;      // F
  int vocab = 0;             // V
  int context_tokens = 0;
  float norm_eps = 0;
  float rope_base = 0;
  bool ties_embeddings = false;                    // the head is the embedding
  std::vector<int32_t> bos_ids, eos_ids, pad_ids;  // none, one or several

  // `classes`: the reference classes of which the file may be one; none: that of the family which generates.
  static Result<HfConfig> parse(std::string_view json, std::span<const std::string_view> classes = {});
  // The keys general.architecture and ARCHITECTURE.*.
  void describe(GgufWriter& out) const;
};

}  // namespace studio::engine
