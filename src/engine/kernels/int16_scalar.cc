#include "engine/kernels/isa_scalar.h"
// The vector layer comes first: the templates below use its macros.
#include "engine/kernels/int16_attention_impl.h"
#include "engine/kernels/int16_impl.h"
#include "engine/kernels/int16_tables.h"

namespace studio::engine {
namespace {

struct ScalarWords : Scalar {
  STUDIO_INLINE I dot_words(I acc, I w, I a) {
    for (int i = 0; i < 16; ++i) {
      acc.v[i] += static_cast<int16_t>(w.v[i]) * static_cast<int16_t>(a.v[i]) + (w.v[i] >> 16) * (a.v[i] >> 16);
    }
    return acc;
  }
  STUDIO_INLINE I splat_words(const int16_t* p) {
    int32_t two;
    __builtin_memcpy(&two, p, sizeof two);
    return splat(two);
  }
  STUDIO_INLINE void store_i16(int16_t* p, I a) {
    for (int i = 0; i < 16; ++i) p[i] = static_cast<int16_t>(a.v[i]);
  }
  STUDIO_INLINE I join_words(I low, I high) {
    for (int i = 0; i < 16; ++i) {
      low.v[i] =
          static_cast<int32_t>((static_cast<uint32_t>(low.v[i]) & 0xffff) | static_cast<uint32_t>(high.v[i]) << 16);
    }
    return low;
  }
};

}  // namespace

constinit const Int16Kernels kScalarInt16Kernels = make_int16_kernels<ScalarWords>();

}  // namespace studio::engine
