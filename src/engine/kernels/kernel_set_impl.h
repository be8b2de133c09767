// One instruction set's table, from the templates over its vector layer. Included by kernels_<set>.cc alone.
#pragma once

#include "engine/kernels/attention_impl.h"
#include "engine/kernels/elementwise_impl.h"
#include "engine/kernels/encoder_impl.h"
#include "engine/kernels/kernel_args.h"
#include "engine/kernels/matmul_impl.h"

namespace studio::engine {

template <class V>
constexpr KernelSet make_kernel_set(const char* name, Isa isa) {
  return {.name = name,
          .isa = isa,
          .matmul = matmul<V>,
          .refine = refine<V>,
          .rms_norm = Elementwise<V>::rms_norm,
          .rms_norm_quantize = Elementwise<V>::rms_norm_quantize,
          .quantize = Elementwise<V>::quantize,
          .swiglu_quantize = Elementwise<V>::swiglu_quantize,
          .rope = Elementwise<V>::rope,
          .store_kv = store_kv<V>,
          .attention = attention<V>,
          .layer_norm = EncoderKernels<V>::layer_norm,
          .gelu = EncoderKernels<V>::gelu,
          .softmax = EncoderKernels<V>::softmax,
          .add = Elementwise<V>::add,
          .exp = Elementwise<V>::exp_all,
          .max = Elementwise<V>::max,
          .sum_exp = Elementwise<V>::sum_exp};
}

}  // namespace studio::engine
