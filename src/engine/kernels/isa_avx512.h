// The vector layer on AVX-512 (F, BW, VL, DQ) with VNNI: 16 lanes are one register.
#pragma once

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define STUDIO_INLINE static inline __attribute__((always_inline))

namespace studio::engine {

struct Avx512 {
  static constexpr int kLanes = 16;
  static constexpr int kColumns = 8;  // 8 integer and 8 float accumulators, 4 weight registers: no spills in 32
  static constexpr int kFloatPanels = 2, kFloatColumns = 12;  // 24 accumulators, 2 weight registers: no spills in 32
  static constexpr int kPackedColumns = 16;
  static constexpr int kPairColumns = 6;                     // of two panels: 12 integer and 12 float accumulators
  static constexpr int kScorePages = 4, kGatherVectors = 4;  // with 4 query rows 16 accumulators each
  static constexpr bool kSigned8 = false;
  using F = __m512;
  using I = __m512i;
  struct B {  // a type of its own: bytes and i32 must not mix
    __m512i v;
  };
  using M = __mmask16;

  // f32
  STUDIO_INLINE F splat(float x) { return _mm512_set1_ps(x); }
  STUDIO_INLINE F load(const float* p) { return _mm512_loadu_ps(p); }
  STUDIO_INLINE void store(float* p, F a) { _mm512_storeu_ps(p, a); }
  STUDIO_INLINE F load_first(const float* p, int n) { return _mm512_maskz_loadu_ps(first(n), p); }
  STUDIO_INLINE void store_first(float* p, F a, int n) { _mm512_mask_storeu_ps(p, first(n), a); }
  STUDIO_INLINE F add(F a, F b) { return _mm512_add_ps(a, b); }
  STUDIO_INLINE F sub(F a, F b) { return _mm512_sub_ps(a, b); }
  STUDIO_INLINE F mul(F a, F b) { return _mm512_mul_ps(a, b); }
  STUDIO_INLINE F div(F a, F b) { return _mm512_div_ps(a, b); }
  STUDIO_INLINE F max(F a, F b) { return _mm512_max_ps(a, b); }
  STUDIO_INLINE F min(F a, F b) { return _mm512_min_ps(a, b); }
  STUDIO_INLINE F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  STUDIO_INLINE F abs(F a) { return _mm512_abs_ps(a); }
  STUDIO_INLINE float sqrt(float x) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x))); }
  STUDIO_INLINE float tree_sum(const F* lanes) {
    __m256 a = _mm256_add_ps(_mm512_castps512_ps256(lanes[0]), _mm512_extractf32x8_ps(lanes[0], 1));
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
  }
  STUDIO_INLINE float tree_max(const F* lanes) {
    __m256 a = _mm256_max_ps(_mm512_castps512_ps256(lanes[0]), _mm512_extractf32x8_ps(lanes[0], 1));
    __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(b, _mm_movehdup_ps(b)));
  }

  // Masks
  STUDIO_INLINE M is_zero(F a) {
    asm("" : "+v"(a));  // or clang 19, which knows that these were halves, takes the comparison apart lane by lane
    return _mm512_cmp_ps_mask(a, _mm512_setzero_ps(), _CMP_EQ_OQ);
  }
  STUDIO_INLINE bool any(M m) { return m != 0; }
  STUDIO_INLINE bool all(M m) { return m == 0xffff; }
  STUDIO_INLINE M less(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
  STUDIO_INLINE M first(int n) { return static_cast<M>(n >= 16 ? 0xffffu : n <= 0 ? 0u : (1u << n) - 1u); }
  STUDIO_INLINE F select(M m, F yes, F no) { return _mm512_mask_blend_ps(m, no, yes); }

  // i32
  STUDIO_INLINE I zero() { return _mm512_setzero_si512(); }
  STUDIO_INLINE I add(I a, I b) { return _mm512_add_epi32(a, b); }
  STUDIO_INLINE I sub(I a, I b) { return _mm512_sub_epi32(a, b); }
  STUDIO_INLINE I mul(I a, I b) { return _mm512_mullo_epi32(a, b); }
  STUDIO_INLINE I splat(int32_t x) { return _mm512_set1_epi32(x); }
  template <int kShift>
  STUDIO_INLINE I splat_shifted(int32_t x) {
    I all = splat(x);
    asm("" : "+v"(all));  // or clang shifts first and then shuffles, where a load would have been the splat
    return _mm512_srai_epi32(all, kShift);
  }
  STUDIO_INLINE I load(const int32_t* p) { return _mm512_loadu_si512(p); }
  STUDIO_INLINE void store(int32_t* p, I a) { _mm512_storeu_si512(p, a); }
  STUDIO_INLINE I clamp(I a, int32_t low, int32_t high) {
    return _mm512_min_epi32(_mm512_max_epi32(a, _mm512_set1_epi32(low)), _mm512_set1_epi32(high));
  }
  STUDIO_INLINE int32_t sum(I a) { return _mm512_reduce_add_epi32(a); }
  STUDIO_INLINE I low_nibbles(I a) { return _mm512_and_si512(a, _mm512_set1_epi32(15)); }
  STUDIO_INLINE I high_nibbles(I a) { return low_nibbles(_mm512_srli_epi32(a, 4)); }
  STUDIO_INLINE I low_byte(I a) { return _mm512_srai_epi32(_mm512_slli_epi32(a, 24), 24); }
  STUDIO_INLINE I over_256(I a) { return _mm512_srai_epi32(a, 8); }
  STUDIO_INLINE I times_256(I a) { return _mm512_slli_epi32(a, 8); }
  STUDIO_INLINE I halve(I a) { return _mm512_srai_epi32(a, 1); }

  // Conversions
  STUDIO_INLINE F to_float(I a) { return _mm512_cvtepi32_ps(a); }
  STUDIO_INLINE F round_float(F a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  // a * 2^n for a whole number n >= -126; rounds once.
  STUDIO_INLINE F times_power_of_two(F a, F n) { return _mm512_scalef_ps(a, n); }
  STUDIO_INLINE F times_any_power_of_two(F a, F n) { return _mm512_scalef_ps(a, n); }
  STUDIO_INLINE I round(F a) { return _mm512_cvtps_epi32(a); }
  STUDIO_INLINE F power_of_two(I exponent) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(exponent, _mm512_set1_epi32(127)), 23));
  }
  STUDIO_INLINE F load_f16(const uint16_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  // a * 2^e, given e << 23: a and the product are normal numbers.
  STUDIO_INLINE F add_exponent(F a, I shifted) {
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a), shifted));
  }
  STUDIO_INLINE void store_f16(uint16_t* p, F a) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
  }
  STUDIO_INLINE F load_bf16(const uint16_t* p) {
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
  }
  STUDIO_INLINE I load_i8(const uint8_t* p) {
    return _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  STUDIO_INLINE I load_u8(const uint8_t* p) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  // Returns their sum. Values fit.
  STUDIO_INLINE int32_t store_i8(int8_t* p, I a) {
    const __m128i bytes = _mm512_cvtepi32_epi8(a);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
    const __m128i sums = _mm_sad_epu8(_mm_xor_si128(bytes, _mm_set1_epi8(-128)), _mm_setzero_si128());
    return _mm_cvtsi128_si32(sums) + _mm_extract_epi32(sums, 2) - 16 * 128;
  }
  STUDIO_INLINE void store_u8(uint8_t* p, I a) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(a));
  }

  // Bytes. Shifts work on 16-bit units; the mask drops what came from the neighbour.
  STUDIO_INLINE B load_bytes(const uint8_t* p) { return {_mm512_loadu_si512(p)}; }
  STUDIO_INLINE void store_bytes(uint8_t* p, B a) { _mm512_storeu_si512(p, a.v); }
  template <int kShift>
  STUDIO_INLINE __m512i shift(__m512i a) {
    if constexpr (kShift > 0) return _mm512_srli_epi16(a, kShift);
    if constexpr (kShift < 0) return _mm512_slli_epi16(a, -kShift);
    return a;
  }
  template <int kShift>
  STUDIO_INLINE B shift_and(B a, uint8_t mask) {
    return {_mm512_and_si512(shift<kShift>(a.v), _mm512_set1_epi8(static_cast<char>(mask)))};
  }
  template <int kShift>
  STUDIO_INLINE B or_shifted(B base, B a, uint8_t mask) {
    constexpr int kAOrBAndC = 0xf8;
    return {
        _mm512_ternarylogic_epi32(base.v, shift<kShift>(a.v), _mm512_set1_epi8(static_cast<char>(mask)), kAOrBAndC)};
  }
  using Table = __m512i;
  STUDIO_INLINE Table load_table(const uint8_t* p) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  STUDIO_INLINE B look_up(Table table, B index) { return {_mm512_shuffle_epi8(table, index.v)}; }
  STUDIO_INLINE B flip_sign_bit(B a) { return {_mm512_xor_si512(a.v, _mm512_set1_epi8(-128))}; }
  STUDIO_INLINE B add_bytes(B a, uint8_t b) { return {_mm512_add_epi8(a.v, _mm512_set1_epi8(static_cast<char>(b)))}; }
  STUDIO_INLINE B subtract_bytes(B a, uint8_t b) {
    return {_mm512_sub_epi8(a.v, _mm512_set1_epi8(static_cast<char>(b)))};
  }
  // b, but value in every byte of the lanes of m.
  STUDIO_INLINE B replace_bytes(B b, M m, uint8_t value) {
    return {_mm512_mask_mov_epi32(b.v, m, _mm512_set1_epi8(static_cast<char>(value)))};
  }

  STUDIO_INLINE I splat_bytes(const int8_t* p) {
    int32_t four;
    __builtin_memcpy(&four, p, sizeof four);
    return _mm512_set1_epi32(four);
  }
  template <class Byte>
  STUDIO_INLINE B splat_four(const Byte* p) {
    return {splat_bytes(reinterpret_cast<const int8_t*>(p))};
  }
  // acc + the four products of each lane: unsigned bytes by signed ones.
  STUDIO_INLINE I dot_bytes(I acc, B u, B s) { return _mm512_dpbusd_epi32(acc, u.v, s.v); }
  STUDIO_INLINE I dot(I acc, B w, I a) { return _mm512_dpbusd_epi32(acc, w.v, a); }
  template <int kMaxCode>
  STUDIO_INLINE I dot4(I acc, const B* w, const int8_t* a) {
    acc = _mm512_dpbusd_epi32(acc, w[0].v, splat_bytes(a));
    acc = _mm512_dpbusd_epi32(acc, w[1].v, splat_bytes(a + 4));
    acc = _mm512_dpbusd_epi32(acc, w[2].v, splat_bytes(a + 8));
    return _mm512_dpbusd_epi32(acc, w[3].v, splat_bytes(a + 12));
  }
};

}  // namespace studio::engine
