// The vector layer on AVX2 with FMA and F16C: 8 lanes are one register, 16 virtual lanes are two.
#pragma once

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define STUDIO_INLINE static inline __attribute__((always_inline))

namespace studio::engine {

struct Avx2 {
  static constexpr int kLanes = 8;
  static constexpr int kColumns = 4;
  static constexpr int kFloatPanels = 1,
                       kFloatColumns =
                           6;  // with both halves of a panel 12 accumulators, 2 weight registers: no spills in 16
  static constexpr int kPackedColumns = 16;
  static constexpr int kPairColumns = 0;                     // too few registers
  static constexpr int kScorePages = 1, kGatherVectors = 2;  // with 4 query rows 8 accumulators each
  static constexpr bool kSigned8 = true;  // the 16-bit sums of maddubs would saturate with unsigned 8-bit codes
  using F = __m256;
  using I = __m256i;
  struct B {
    __m256i v;
  };
  struct M {
    __m256 v;
  };

  // f32
  STUDIO_INLINE F splat(float x) { return _mm256_set1_ps(x); }
  STUDIO_INLINE F load(const float* p) { return _mm256_loadu_ps(p); }
  STUDIO_INLINE void store(float* p, F a) { _mm256_storeu_ps(p, a); }
  STUDIO_INLINE __m256i first_bits(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  STUDIO_INLINE F load_first(const float* p, int n) { return _mm256_maskload_ps(p, first_bits(n)); }
  STUDIO_INLINE void store_first(float* p, F a, int n) { _mm256_maskstore_ps(p, first_bits(n), a); }
  STUDIO_INLINE F add(F a, F b) { return _mm256_add_ps(a, b); }
  STUDIO_INLINE F sub(F a, F b) { return _mm256_sub_ps(a, b); }
  STUDIO_INLINE F mul(F a, F b) { return _mm256_mul_ps(a, b); }
  STUDIO_INLINE F div(F a, F b) { return _mm256_div_ps(a, b); }
  STUDIO_INLINE F max(F a, F b) { return _mm256_max_ps(a, b); }
  STUDIO_INLINE F min(F a, F b) { return _mm256_min_ps(a, b); }
  STUDIO_INLINE F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
  STUDIO_INLINE F abs(F a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
  STUDIO_INLINE float sqrt(float x) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x))); }
  STUDIO_INLINE float tree_sum(const F* lanes) {
    __m256 a = _mm256_add_ps(lanes[0], lanes[1]);
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
  }
  STUDIO_INLINE float tree_max(const F* lanes) {
    __m256 a = _mm256_max_ps(lanes[0], lanes[1]);
    __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(b, _mm_movehdup_ps(b)));
  }

  // Masks
  STUDIO_INLINE bool all(M m) { return _mm256_movemask_ps(m.v) == 0xff; }
  STUDIO_INLINE M less(F a, F b) { return {_mm256_cmp_ps(a, b, _CMP_LT_OQ)}; }
  STUDIO_INLINE M first(int n) { return {_mm256_castsi256_ps(first_bits(n))}; }
  STUDIO_INLINE F select(M m, F yes, F no) { return _mm256_blendv_ps(no, yes, m.v); }

  // i32
  STUDIO_INLINE I zero() { return _mm256_setzero_si256(); }
  STUDIO_INLINE I add(I a, I b) { return _mm256_add_epi32(a, b); }
  STUDIO_INLINE I sub(I a, I b) { return _mm256_sub_epi32(a, b); }
  STUDIO_INLINE I mul(I a, I b) { return _mm256_mullo_epi32(a, b); }
  STUDIO_INLINE I splat(int32_t x) { return _mm256_set1_epi32(x); }
  template <int kShift>
  STUDIO_INLINE I splat_shifted(int32_t x) {
    return _mm256_srai_epi32(_mm256_set1_epi32(x), kShift);
  }
  STUDIO_INLINE I load(const int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  STUDIO_INLINE void store(int32_t* p, I a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a); }
  STUDIO_INLINE I clamp(I a, int32_t low, int32_t high) {
    return _mm256_min_epi32(_mm256_max_epi32(a, _mm256_set1_epi32(low)), _mm256_set1_epi32(high));
  }
  STUDIO_INLINE int32_t sum(I a) {
    __m128i b = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    b = _mm_add_epi32(b, _mm_shuffle_epi32(b, _MM_SHUFFLE(1, 0, 3, 2)));
    b = _mm_add_epi32(b, _mm_shuffle_epi32(b, _MM_SHUFFLE(2, 3, 0, 1)));
    return _mm_cvtsi128_si32(b);
  }
  STUDIO_INLINE I low_nibbles(I a) { return _mm256_and_si256(a, _mm256_set1_epi32(15)); }
  STUDIO_INLINE I high_nibbles(I a) { return low_nibbles(_mm256_srli_epi32(a, 4)); }
  STUDIO_INLINE I low_byte(I a) { return _mm256_srai_epi32(_mm256_slli_epi32(a, 24), 24); }
  STUDIO_INLINE I over_256(I a) { return _mm256_srai_epi32(a, 8); }
  STUDIO_INLINE I times_256(I a) { return _mm256_slli_epi32(a, 8); }
  STUDIO_INLINE I halve(I a) { return _mm256_srai_epi32(a, 1); }

  // Conversions
  STUDIO_INLINE F to_float(I a) { return _mm256_cvtepi32_ps(a); }
  STUDIO_INLINE F round_float(F a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  // a * 2^n for a whole number n >= -126; rounds once.
  STUDIO_INLINE F times_power_of_two(F a, F n) { return mul(a, power_of_two(_mm256_cvtps_epi32(n))); }
  // For n up to 128 too: the first factor is exact.
  STUDIO_INLINE F times_any_power_of_two(F a, F n) {
    const I whole = round(n), half = halve(whole);
    return mul(mul(a, power_of_two(half)), power_of_two(sub(whole, half)));
  }
  STUDIO_INLINE I round(F a) { return _mm256_cvtps_epi32(a); }
  STUDIO_INLINE F power_of_two(I exponent) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(exponent, _mm256_set1_epi32(127)), 23));
  }
  STUDIO_INLINE F load_f16(const uint16_t* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  STUDIO_INLINE void store_f16(uint16_t* p, F a) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
  }
  STUDIO_INLINE F load_bf16(const uint16_t* p) {
    __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
  }
  STUDIO_INLINE I load_i8(const uint8_t* p) {
    return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  }
  STUDIO_INLINE I load_u8(const uint8_t* p) {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  }
  // Returns their sum. Values fit.
  STUDIO_INLINE int32_t store_i8(int8_t* p, I a) {
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    const __m128i bytes = _mm_packs_epi16(words, _mm_setzero_si128());
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), bytes);
    return _mm_cvtsi128_si32(_mm_sad_epu8(_mm_xor_si128(bytes, _mm_set1_epi8(-128)), _mm_setzero_si128())) - 8 * 128;
  }
  STUDIO_INLINE void store_u8(uint8_t* p, I a) {
    __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(words, words));
  }

  // Bytes. Shifts work on 16-bit units; the mask drops what came from the neighbour.
  STUDIO_INLINE B load_bytes(const uint8_t* p) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))}; }
  STUDIO_INLINE void store_bytes(uint8_t* p, B a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a.v); }
  template <int kShift>
  STUDIO_INLINE B shift_and(B a, uint8_t mask) {
    if constexpr (kShift > 0) a.v = _mm256_srli_epi16(a.v, kShift);
    if constexpr (kShift < 0) a.v = _mm256_slli_epi16(a.v, -kShift);
    return {_mm256_and_si256(a.v, _mm256_set1_epi8(static_cast<char>(mask)))};
  }
  template <int kShift>
  STUDIO_INLINE B or_shifted(B base, B a, uint8_t mask) {
    return {_mm256_or_si256(base.v, shift_and<kShift>(a, mask).v)};
  }
  using Table = __m256i;
  STUDIO_INLINE Table load_table(const uint8_t* p) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  STUDIO_INLINE B look_up(Table table, B index) { return {_mm256_shuffle_epi8(table, index.v)}; }
  STUDIO_INLINE B flip_sign_bit(B a) { return {_mm256_xor_si256(a.v, _mm256_set1_epi8(-128))}; }

  STUDIO_INLINE __m256i splat_bytes(const int8_t* p) {
    int32_t four;
    __builtin_memcpy(&four, p, sizeof four);
    return _mm256_set1_epi32(four);
  }
  template <class Byte>
  STUDIO_INLINE B splat_four(const Byte* p) {
    return {splat_bytes(reinterpret_cast<const int8_t*>(p))};
  }
  // acc + the four products of each lane: unsigned bytes by signed ones, in 16 bits each, so that nothing saturates.
  STUDIO_INLINE I dot_bytes(I acc, B u, B s) {
    const __m256i even = _mm256_madd_epi16(_mm256_and_si256(u.v, _mm256_set1_epi16(255)),
                                           _mm256_srai_epi16(_mm256_slli_epi16(s.v, 8), 8));
    const __m256i odd = _mm256_madd_epi16(_mm256_srli_epi16(u.v, 8), _mm256_srai_epi16(s.v, 8));
    return _mm256_add_epi32(acc, _mm256_add_epi32(even, odd));
  }
  // Pairs of products in 16 bits. |sum| <= 2 * kMaxCode * 127 for unsigned codes; signed bytes give up to
  // 2 * 128 * 127 = 32512, as their absolute value is the unsigned side.
  template <int kMaxCode>
  STUDIO_INLINE __m256i pairs(B w, const int8_t* a) {
    if constexpr (kMaxCode == 255) {
      return _mm256_maddubs_epi16(_mm256_abs_epi8(w.v), _mm256_sign_epi8(splat_bytes(a), w.v));
    } else {
      return _mm256_maddubs_epi16(w.v, splat_bytes(a));
    }
  }
  template <int kMaxCode>
  STUDIO_INLINE I dot4(I acc, const B* w, const int8_t* a) {
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i p0 = pairs<kMaxCode>(w[0], a), p1 = pairs<kMaxCode>(w[1], a + 4);
    __m256i p2 = pairs<kMaxCode>(w[2], a + 8), p3 = pairs<kMaxCode>(w[3], a + 12);
    if constexpr (kMaxCode <= 32) {  // 4 * 2 * 32 * 127 = 32512 still fits
      p0 = _mm256_add_epi16(_mm256_add_epi16(p0, p1), _mm256_add_epi16(p2, p3));
      return _mm256_add_epi32(acc, _mm256_madd_epi16(p0, ones));
    } else if constexpr (kMaxCode <= 64) {  // two of them do
      p0 = _mm256_madd_epi16(_mm256_add_epi16(p0, p1), ones);
      p2 = _mm256_madd_epi16(_mm256_add_epi16(p2, p3), ones);
      return _mm256_add_epi32(acc, _mm256_add_epi32(p0, p2));
    } else {
      p0 = _mm256_add_epi32(_mm256_madd_epi16(p0, ones), _mm256_madd_epi16(p1, ones));
      p2 = _mm256_add_epi32(_mm256_madd_epi16(p2, ones), _mm256_madd_epi16(p3, ones));
      return _mm256_add_epi32(acc, _mm256_add_epi32(p0, p2));
    }
  }
};

}  // namespace studio::engine
