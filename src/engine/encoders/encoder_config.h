// What an encoder is, from the keys bert.* or qwen3.* of its file. The letters are those of engine/tensor/dims.h.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/formats/hf_encoder_config.h"
#include "engine/formats/model_source.h"

namespace studio::engine {

struct EncoderConfig {
  std::string architecture;  // "bert", "qwen3"
  std::string name;
  int layers = 0;          // L
  int hidden = 0;          // C, the length of a vector
  int heads = 0;           // H
  int kv_heads = 0;        // K, of bert as many as heads
  int head_dim = 0;        // D, a multiple of 16
  int feed_forward = 0;    // F
  int vocab = 0;           // V
  int context_tokens = 0;  // a text may have
  float norm_eps = 0;
  double rope_base = 0;  // of qwen3
  Pooling pooling = Pooling::kMean;
  bool normalises = true;
  std::vector<int> shorter;  // lengths that vectors may be cut to, ascending
  // Before a text that asks, and one that answers; empty: nothing. Of a qwen3 that ranks, the instruction alone.
  std::string query_prompt, document_prompt;

  // A cross-encoder: one score of a text or pair, instead of a vector.
  bool ranks() const { return pooling == Pooling::kRank; }
  int width() const { return ranks() ? 1 : hidden; }           // of what comes out
  bool is_decoder() const { return architecture == "qwen3"; }  // a token sees those before it alone

  // Of a whole model or of its head alone. corrupt_data or unimplemented naming the key.
  static Result<EncoderConfig> read(const ModelSource& file);
};

}  // namespace studio::engine
