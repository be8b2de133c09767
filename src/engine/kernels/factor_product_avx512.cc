#include "engine/kernels/isa_avx512.h"
// The vector layer comes first: the template below uses its macros.
#include "engine/kernels/factor_product_impl.h"
#include "engine/kernels/factor_product_tables.h"

namespace studio::engine {
namespace {

struct Avx512Factors : Avx512 {
  STUDIO_INLINE I load_i16(const uint8_t* p) {
    return _mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
};

}  // namespace

void factor_product_avx512(const FactorView& weights, const float* x, int columns, const MatmulOutput& y, int begin,
                           int end) {
  run_factor_product<Avx512Factors>(weights, x, columns, y, begin, end);
}

}  // namespace studio::engine
