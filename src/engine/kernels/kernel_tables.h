// The tables themselves, one per source compiled for an instruction set. Callers use kernel_set.h.
#pragma once

#include "engine/kernels/kernel_args.h"

namespace studio::engine {

extern const KernelSet kScalarKernels;
extern const KernelSet kAvx2Kernels;
extern const KernelSet kAvx512Kernels;

}  // namespace studio::engine
