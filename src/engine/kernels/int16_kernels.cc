#include "engine/kernels/int16_kernels.h"

#include "engine/kernels/int16_tables.h"

namespace studio::engine {

const Int16Kernels& int16_kernels(Isa isa) {
  switch (isa) {
    case Isa::kAvx512:
    case Isa::kAmx:
      return kAvx512Int16Kernels;
    case Isa::kAvx2:
      return kAvx2Int16Kernels;
    case Isa::kAuto:
    case Isa::kScalar:
      break;
  }
  return kScalarInt16Kernels;
}

}  // namespace studio::engine
