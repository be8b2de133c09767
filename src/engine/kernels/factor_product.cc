#include "engine/kernels/factor_product.h"

#include "engine/kernels/factor_product_tables.h"

namespace studio::engine {

FactorProduct factor_product(Isa isa) {
  switch (isa) {
    case Isa::kAvx512:
    case Isa::kAmx:
      return factor_product_avx512;
    case Isa::kAvx2:
      return factor_product_avx2;
    case Isa::kAuto:
    case Isa::kScalar:
      break;
  }
  return factor_product_scalar;
}

}  // namespace studio::engine
