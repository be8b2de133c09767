#include "engine/kernels/isa_avx512.h"
// The vector layer comes first: the templates below use its macros.
#include "engine/kernels/int16_attention_impl.h"
#include "engine/kernels/int16_impl.h"
#include "engine/kernels/int16_tables.h"

namespace studio::engine {
namespace {

struct Avx512Words : Avx512 {
  STUDIO_INLINE I dot_words(I acc, I w, I a) { return _mm512_dpwssd_epi32(acc, w, a); }
  STUDIO_INLINE I splat_words(const int16_t* p) {
    int32_t two;
    __builtin_memcpy(&two, p, sizeof two);
    return _mm512_set1_epi32(two);
  }
  STUDIO_INLINE void store_i16(int16_t* p, I a) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(a));
  }
  STUDIO_INLINE I join_words(I low, I high) {
    return _mm512_or_si512(_mm512_and_si512(low, _mm512_set1_epi32(0xffff)), _mm512_slli_epi32(high, 16));
  }
};

}  // namespace

constinit const Int16Kernels kAvx512Int16Kernels = make_int16_kernels<Avx512Words>();

}  // namespace studio::engine
