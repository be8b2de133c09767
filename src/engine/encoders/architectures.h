// How each architecture is loaded; Encoder::load() chooses by the config's. Errors: those of Encoder::load().
#pragma once

#include <memory>

#include "engine/encoders/encoder.h"

namespace studio::engine {

Result<std::unique_ptr<Encoder>> load_bert(ModelSource source, const KernelSet& kernels, ThreadPool& pool,
                                           EncoderConfig config);
Result<std::unique_ptr<Encoder>> load_qwen3_encoder(ModelSource source, const KernelSet& kernels, ThreadPool& pool,
                                                    EncoderConfig config);

}  // namespace studio::engine
