// What an encoder is, from the keys bert.* of its file. The letters are those of engine/tensor/dims.h.
#pragma once

#include <string>

#include "base/result.h"
#include "engine/formats/hf_encoder_config.h"
#include "engine/formats/model_source.h"

namespace studio::engine {

struct EncoderConfig {
  std::string name;
  int layers = 0;          // L
  int hidden = 0;          // C, the length of a vector
  int heads = 0;           // H
  int head_dim = 0;        // D, a multiple of 16
  int feed_forward = 0;    // F
  int vocab = 0;           // V
  int context_tokens = 0;  // a text may have
  float norm_eps = 0;
  Pooling pooling = Pooling::kMean;
  bool normalises = true;

  // corrupt_data or unimplemented naming the key.
  static Result<EncoderConfig> read(const ModelSource& file);
};

}  // namespace studio::engine
