#include "engine/kernels/isa_avx2.h"
// The vector layer comes first: the templates below use its macros.
#include "engine/kernels/int16_attention_impl.h"
#include "engine/kernels/int16_impl.h"
#include "engine/kernels/int16_tables.h"

namespace studio::engine {
namespace {

struct Avx2Words : Avx2 {
  STUDIO_INLINE I dot_words(I acc, I w, I a) { return _mm256_add_epi32(acc, _mm256_madd_epi16(w, a)); }
  STUDIO_INLINE I splat_words(const int16_t* p) {
    int32_t two;
    __builtin_memcpy(&two, p, sizeof two);
    return _mm256_set1_epi32(two);
  }
  STUDIO_INLINE void store_i16(int16_t* p, I a) {
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), words);
  }
  STUDIO_INLINE I join_words(I low, I high) {
    return _mm256_or_si256(_mm256_and_si256(low, _mm256_set1_epi32(0xffff)), _mm256_slli_epi32(high, 16));
  }
};

}  // namespace

constinit const Int16Kernels kAvx2Int16Kernels = make_int16_kernels<Avx2Words>();

}  // namespace studio::engine
