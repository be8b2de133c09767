#include "engine/kernels/isa_scalar.h"
// The vector layer comes first: the template below uses its macros.
#include "engine/kernels/factor_product_impl.h"
#include "engine/kernels/factor_product_tables.h"

namespace studio::engine {
namespace {

struct ScalarFactors : Scalar {
  STUDIO_INLINE I load_i16(const uint8_t* p) {
    I r;
    for (int i = 0; i < 16; ++i) {
      int16_t code;
      __builtin_memcpy(&code, p + 2 * i, sizeof code);
      r.v[i] = code;
    }
    return r;
  }
};

}  // namespace

void factor_product_scalar(const FactorView& weights, const float* x, int columns, const MatmulOutput& y, int begin,
                           int end) {
  run_factor_product<ScalarFactors>(weights, x, columns, y, begin, end);
}

}  // namespace studio::engine
