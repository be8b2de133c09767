// The vectors of a text's tokens as one vector. In f64 and rounded once, in the order of numerics.md, section 8.
#pragma once

#include <cstddef>
#include <span>

#include "engine/formats/hf_encoder_config.h"

namespace studio::engine {

// rows [tokens, C] f32, stride apart, tokens >= 1; out [C]. Of length 1 if `normalises`; zeros stay zeros.
void pool_text(const float* rows, size_t stride, int tokens, Pooling pooling, bool normalises, std::span<float> out);

}  // namespace studio::engine
