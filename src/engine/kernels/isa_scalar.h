// The vector layer in plain C++: 16 lanes as arrays, one loop per operation. What every other layer must equal.
//
// Compiled for the baseline of x86-64; fused multiply-adds come from fmaf, which is exact on every machine.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine/tensor/half.h"

#define STUDIO_INLINE static inline __attribute__((always_inline))

namespace studio::engine {

struct Scalar {
  static constexpr int kLanes = 16;
  static constexpr int kColumns = 2;  // columns that one pass of the dot kernel serves: any number is right
  static constexpr int kFloatPanels = 1, kFloatColumns = 2;
  static constexpr int kPackedColumns = 16;
  static constexpr int kPairColumns = 0;  // too few registers
  static constexpr int kScorePages = 1, kGatherVectors = 1;
  static constexpr bool kSigned8 = false;  // 8-bit codes stay unsigned
  struct F {
    float v[16];
  };
  struct I {
    int32_t v[16];
  };
  struct B {
    uint8_t v[64];
  };
  struct M {
    bool v[16];
  };

  // f32
  STUDIO_INLINE F splat(float x) {
    F r;
    for (float& e : r.v) e = x;
    return r;
  }
  STUDIO_INLINE F load(const float* p) {
    F r;
    for (int i = 0; i < 16; ++i) r.v[i] = p[i];
    return r;
  }
  STUDIO_INLINE void store(float* p, F a) {
    for (int i = 0; i < 16; ++i) p[i] = a.v[i];
  }
  STUDIO_INLINE F load_first(const float* p, int n) {  // lanes n and above are 0
    F r;
    for (int i = 0; i < 16; ++i) r.v[i] = i < n ? p[i] : 0.0f;
    return r;
  }
  STUDIO_INLINE void store_first(float* p, F a, int n) {
    for (int i = 0; i < n && i < 16; ++i) p[i] = a.v[i];
  }
#define STUDIO_LANEWISE(name, expression) \
  STUDIO_INLINE F name(F a, F b) {        \
    F r;                                  \
    for (int i = 0; i < 16; ++i) {        \
      const float x = a.v[i], y = b.v[i]; \
      r.v[i] = (expression);              \
    }                                     \
    return r;                             \
  }
  STUDIO_LANEWISE(add, x + y)
  STUDIO_LANEWISE(sub, x - y)
  STUDIO_LANEWISE(mul, x* y)
  STUDIO_LANEWISE(div, x / y)
  STUDIO_LANEWISE(max, x > y ? x : y)
  STUDIO_LANEWISE(min, x < y ? x : y)
#undef STUDIO_LANEWISE
  STUDIO_INLINE F fma(F a, F b, F c) {  // a * b + c
    F r;
    for (int i = 0; i < 16; ++i) r.v[i] = __builtin_fmaf(a.v[i], b.v[i], c.v[i]);
    return r;
  }
  STUDIO_INLINE F abs(F a) {
    for (float& e : a.v) e = __builtin_fabsf(e);
    return a;
  }
  STUDIO_INLINE float sqrt(float x) { return __builtin_sqrtf(x); }
  STUDIO_INLINE F tree_sum_fold(F a, int width) {
    for (int i = 0; i < width; ++i) a.v[i] = a.v[i] + a.v[i + width];
    return a;
  }
  // Lanes i and i + 8, then i + 4, i + 2, i + 1. `lanes` holds 16 / kLanes vectors.
  STUDIO_INLINE float tree_sum(const F* lanes) {
    F a = lanes[0];
    for (int width = 8; width > 0; width /= 2) a = tree_sum_fold(a, width);
    return a.v[0];
  }
  STUDIO_INLINE float tree_max(const F* lanes) {
    float r = lanes[0].v[0];
    for (float e : lanes[0].v) r = e > r ? e : r;
    return r;
  }

  // Masks
  STUDIO_INLINE bool all(M m) {
    bool result = true;
    for (const bool b : m.v) result = result && b;
    return result;
  }
  STUDIO_INLINE M less(F a, F b) {
    M r;
    for (int i = 0; i < 16; ++i) r.v[i] = a.v[i] < b.v[i];
    return r;
  }
  STUDIO_INLINE M first(int n) {  // lanes below n
    M r;
    for (int i = 0; i < 16; ++i) r.v[i] = i < n;
    return r;
  }
  STUDIO_INLINE F select(M m, F yes, F no) {
    for (int i = 0; i < 16; ++i) yes.v[i] = m.v[i] ? yes.v[i] : no.v[i];
    return yes;
  }

  // i32
  STUDIO_INLINE I zero() {
    I r;
    for (int32_t& e : r.v) e = 0;
    return r;
  }
  STUDIO_INLINE I add(I a, I b) {
    for (int i = 0; i < 16; ++i) a.v[i] += b.v[i];
    return a;
  }
  STUDIO_INLINE I mul(I a, I b) {
    for (int i = 0; i < 16; ++i) a.v[i] *= b.v[i];
    return a;
  }
  STUDIO_INLINE I splat(int32_t x) {
    I r;
    for (int32_t& e : r.v) e = x;
    return r;
  }
  template <int kShift>
  STUDIO_INLINE I splat_shifted(int32_t x) {
    return splat(x >> kShift);
  }
  STUDIO_INLINE I load(const int32_t* p) {
    I r;
    for (int i = 0; i < 16; ++i) r.v[i] = p[i];
    return r;
  }
  STUDIO_INLINE void store(int32_t* p, I a) {
    for (int i = 0; i < 16; ++i) p[i] = a.v[i];
  }
  STUDIO_INLINE I clamp(I a, int32_t low, int32_t high) {
    for (int32_t& e : a.v) e = e < low ? low : e > high ? high : e;
    return a;
  }
  STUDIO_INLINE int32_t sum(I a) {
    int32_t r = 0;
    for (int32_t e : a.v) r += e;
    return r;
  }
  STUDIO_INLINE I low_nibbles(I a) {
    for (int32_t& e : a.v) e &= 15;
    return a;
  }
  STUDIO_INLINE I high_nibbles(I a) {
    for (int32_t& e : a.v) e = e >> 4 & 15;
    return a;
  }

  // Conversions
  STUDIO_INLINE F to_float(I a) {
    F r;
    for (int i = 0; i < 16; ++i) r.v[i] = static_cast<float>(a.v[i]);
    return r;
  }
  STUDIO_INLINE int32_t round_one(float x) {  // ties to even; out of range and NaN give INT32_MIN
    float magnitude = __builtin_fabsf(x);
    if (!(magnitude < 2147483648.0f)) return INT32_MIN;
    // Adding 2^23 leaves no place for a fraction, so the addition itself rounds.
    if (magnitude < 8388608.0f) magnitude = (magnitude + 8388608.0f) - 8388608.0f;
    const auto whole = static_cast<int32_t>(magnitude);
    return x < 0 ? -whole : whole;
  }
  STUDIO_INLINE I round(F a) {
    I r;
    for (int i = 0; i < 16; ++i) r.v[i] = round_one(a.v[i]);
    return r;
  }
  STUDIO_INLINE F power_of_two(I exponent) {  // -126 .. 127
    F r;
    for (int i = 0; i < 16; ++i) r.v[i] = __builtin_bit_cast(float, (exponent.v[i] + 127) << 23);
    return r;
  }
  STUDIO_INLINE F round_float(F a) { return to_float(round(a)); }
  // a * 2^n for a whole number n >= -126; rounds once.
  STUDIO_INLINE F times_power_of_two(F a, F n) { return mul(a, power_of_two(round(n))); }
  STUDIO_INLINE F times_any_power_of_two(F a, F n) {
    const I whole = round(n), half = halve(whole);
    return mul(mul(a, power_of_two(half)), power_of_two(sub(whole, half)));
  }
  STUDIO_INLINE I low_byte(I a) {
    for (int32_t& e : a.v) e = static_cast<int8_t>(e);
    return a;
  }
  STUDIO_INLINE I over_256(I a) {
    for (int32_t& e : a.v) e >>= 8;
    return a;
  }
  STUDIO_INLINE I times_256(I a) {
    for (int32_t& e : a.v) e *= 256;
    return a;
  }
  STUDIO_INLINE I halve(I a) {  // rounds down
    for (int32_t& e : a.v) e >>= 1;
    return a;
  }
  STUDIO_INLINE I sub(I a, I b) {
    for (int i = 0; i < 16; ++i) a.v[i] -= b.v[i];
    return a;
  }
  STUDIO_INLINE F load_f16(const uint16_t* p) {
    F r;
    for (int i = 0; i < 16; ++i) r.v[i] = f16_to_f32(p[i]);
    return r;
  }
  STUDIO_INLINE void store_f16(uint16_t* p, F a) {
    for (int i = 0; i < 16; ++i) p[i] = f32_to_f16(a.v[i]);
  }
  STUDIO_INLINE F load_bf16(const uint16_t* p) {
    F r;
    for (int i = 0; i < 16; ++i) r.v[i] = bf16_to_f32(p[i]);
    return r;
  }
  STUDIO_INLINE I load_i8(const uint8_t* p) {
    I r;
    for (int i = 0; i < 16; ++i) r.v[i] = static_cast<int8_t>(p[i]);
    return r;
  }
  STUDIO_INLINE I load_u8(const uint8_t* p) {
    I r;
    for (int i = 0; i < 16; ++i) r.v[i] = p[i];
    return r;
  }
  // Returns their sum. Values fit.
  STUDIO_INLINE int32_t store_i8(int8_t* p, I a) {
    int32_t sum = 0;
    for (int i = 0; i < 16; ++i) sum += p[i] = static_cast<int8_t>(a.v[i]);
    return sum;
  }
  STUDIO_INLINE void store_u8(uint8_t* p, I a) {
    for (int i = 0; i < 16; ++i) p[i] = static_cast<uint8_t>(a.v[i]);
  }

  template <class Byte>
  STUDIO_INLINE B splat_four(const Byte* p) {
    B r;
    for (int i = 0; i < 64; ++i) r.v[i] = static_cast<uint8_t>(p[i % 4]);
    return r;
  }
  // acc + the four products of each lane: unsigned bytes by signed ones.
  STUDIO_INLINE I dot_bytes(I acc, B u, B s) {
    for (int i = 0; i < 64; ++i) acc.v[i / 4] += u.v[i] * static_cast<int8_t>(s.v[i]);
    return acc;
  }

  // Bytes: 4 per lane
  STUDIO_INLINE B load_bytes(const uint8_t* p) {
    B r;
    for (int i = 0; i < 64; ++i) r.v[i] = p[i];
    return r;
  }
  STUDIO_INLINE void store_bytes(uint8_t* p, B a) {
    for (int i = 0; i < 64; ++i) p[i] = a.v[i];
  }
  template <int kShift>  // (a >> kShift) & mask; a negative shift goes left
  STUDIO_INLINE B shift_and(B a, uint8_t mask) {
    for (uint8_t& e : a.v) e = static_cast<uint8_t>((kShift >= 0 ? e >> kShift : e << -kShift) & mask);
    return a;
  }
  template <int kShift>  // base | ((a >> kShift) & mask)
  STUDIO_INLINE B or_shifted(B base, B a, uint8_t mask) {
    B upper = shift_and<kShift>(a, mask);
    for (int i = 0; i < 64; ++i) base.v[i] |= upper.v[i];
    return base;
  }
  struct Table {
    uint8_t v[16];
  };
  STUDIO_INLINE Table load_table(const uint8_t* p) {
    Table r;
    for (int i = 0; i < 16; ++i) r.v[i] = p[i];
    return r;
  }
  STUDIO_INLINE B look_up(Table table, B index) {  // indices are below 16
    for (uint8_t& e : index.v) e = table.v[e];
    return index;
  }
  STUDIO_INLINE B flip_sign_bit(B a) {
    for (uint8_t& e : a.v) e ^= 0x80;
    return a;
  }
  STUDIO_INLINE B subtract_bytes(B a, uint8_t b) {  // modulo 256
    for (uint8_t& e : a.v) e = static_cast<uint8_t>(e - b);
    return a;
  }

  // acc[lane] += the 16 products of four registers' bytes with a[0..15]; register j meets a[4j..4j+3]. Spelled as sums
  // of neighbouring pairs, which compilers know as the baseline's 16-bit multiply-add.
  template <int kMaxCode>
  STUDIO_INLINE I dot4(I acc, const B* w, const int8_t* a) {
    using Bytes = uint8_t __attribute__((vector_size(8)));
    using Words = int16_t __attribute__((vector_size(16)));
    using Products = int32_t __attribute__((vector_size(32)));
    using Sums = int32_t __attribute__((vector_size(16)));
    Sums pairs[8] = {};  // of lanes 2p and 2p + 1
    for (int j = 0; j < 4; ++j, a += 4) {
      const Words factors = {a[0], a[1], a[2], a[3], a[0], a[1], a[2], a[3]};
      for (int p = 0; p < 8; ++p) {
        Bytes codes;
        __builtin_memcpy(&codes, w[j].v + 8 * p, sizeof codes);
        const Products x = __builtin_convertvector(codes, Products) * __builtin_convertvector(factors, Products);
        pairs[p] += __builtin_shufflevector(x, x, 0, 2, 4, 6) + __builtin_shufflevector(x, x, 1, 3, 5, 7);
      }
    }
    for (int p = 0; p < 8; ++p) {
      acc.v[2 * p] += pairs[p][0] + pairs[p][1];
      acc.v[2 * p + 1] += pairs[p][2] + pairs[p][3];
    }
    return acc;
  }
};

}  // namespace studio::engine
