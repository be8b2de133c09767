#include "engine/kernels/isa_avx2.h"
// The vector layer comes first: the template below uses its macros.
#include "engine/kernels/factor_product_impl.h"
#include "engine/kernels/factor_product_tables.h"

namespace studio::engine {
namespace {

struct Avx2Factors : Avx2 {
  STUDIO_INLINE I load_i16(const uint8_t* p) {
    return _mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
};

}  // namespace

void factor_product_avx2(const FactorView& weights, const float* x, int columns, const MatmulOutput& y, int begin,
                         int end) {
  run_factor_product<Avx2Factors>(weights, x, columns, y, begin, end);
}

}  // namespace studio::engine
