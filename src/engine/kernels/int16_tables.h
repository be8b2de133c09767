// One table for each instruction set, in a source compiled for it. Callers use int16_kernels.h.
#pragma once

#include "engine/kernels/int16_kernels.h"

namespace studio::engine {

extern const Int16Kernels kScalarInt16Kernels;
extern const Int16Kernels kAvx2Int16Kernels;
extern const Int16Kernels kAvx512Int16Kernels;

}  // namespace studio::engine
