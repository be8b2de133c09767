// The tables themselves, one per source compiled for an instruction set. Callers use kernel_set.h.
#pragma once

#include "engine/kernels/kernel_args.h"

namespace studio::engine {

extern const KernelSet kScalarKernels;
extern const KernelSet kAvx2Kernels;
extern const KernelSet kAvx512Kernels;
extern const KernelSet kAmxKernels;  // the AVX-512 set with the products of kernels_amx.cc

void amx_matmul(const PanelView& weights, const ActivationView& x, const MatmulOutput& y, int panel_begin,
                int panel_end);

}  // namespace studio::engine
