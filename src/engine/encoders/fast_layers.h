// The layers of BERT in integers of 16 bits: the class of numerics that is faster (kernels/numerics.md, section 9).
//
// All products take codes of weights, made once from the weights that are there, and codes of their inputs; norms, GELU
// and sums stay f32. Order of operations and parts as in bert.cc.
// Threads: one call at a time, from the pool's owner.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "engine/encoders/attention_tile.h"
#include "engine/encoders/bert_layer.h"
#include "engine/encoders/encoder_config.h"
#include "engine/kernels/aligned_buffer.h"
#include "engine/kernels/int16_inputs.h"
#include "engine/kernels/int16_kernels.h"
#include "engine/kernels/int16_panels.h"
#include "engine/kernels/int16_scratch.h"
#include "engine/kernels/kernel_set.h"

namespace studio::engine {

class FastLayers {
 public:
  // layers, kernels, pool and config outlive it. Passes have at most max_rows. Errors: unavailable when memory is
  // short.
  static Result<std::unique_ptr<FastLayers>> make(std::span<const BertLayer> layers, const EncoderConfig& config,
                                                  const KernelSet& kernels, ThreadPool& pool, int max_rows);

  // x [rows, C] f32, the embeddings of texts after their norm, becomes the last layer's vectors.
  void run(std::span<const TextRows> texts, int rows, float* x);

 private:
  struct Panels {
    Int16Panels q, k, v, output, up, down;
  };
  struct Product {  // of the step's rows
    const Int16Panels* weights;
    MatmulOutput output;
  };

  FastLayers(std::span<const BertLayer> layers, const EncoderConfig& config, const KernelSet& kernels, ThreadPool& pool,
             int max_rows);
  bool has_memory() const;
  Status add_panels(const BertLayer& layer);

  void run_layer(const BertLayer& layer, const Panels& panels, std::span<const TextRows> texts, float* x);
  void multiply(std::span<const Product> products, const Int16Inputs& input);
  void attend(std::span<const TextRows> texts, const float* qkv, float* out);
  void norm(const LayerNorm& norm, float* x);
  template <typename Fn>
  void for_rows(Fn fn);

  std::span<const BertLayer> layers_;
  const EncoderConfig& config_;
  const KernelSet& kernels_;
  const Int16Kernels& int16_;
  ThreadPool& pool_;
  float scale_;  // f32(1 / sqrt(D))
  std::vector<Panels> panels_;

  int rows_ = 0;
  Int16Inputs x_, attended_codes_, activated_codes_;  // K = C, C, F
  AlignedBuffer qkv_, attended_, activated_;          // f32 [rows, 3, C], [rows, C], [rows, F]
  std::vector<Int16ScratchMemory> scratch_;           // per thread
};

}  // namespace studio::engine
