// The matrix product of a panel's type, over the vector layer V (isa_*.h): codes or floats.
#pragma once

#include "engine/kernels/matmul_dot_impl.h"
#include "engine/kernels/matmul_float_impl.h"

namespace studio::engine {

template <class V>
void matmul(const PanelView& w, const ActivationView& x, const MatmulOutput& y, int panel_begin, int panel_end) {
  switch (w.type) {
#define STUDIO_CASE(type) \
  case DType::type:       \
    return Dot<V, panel_layout(DType::type)>::run(w, x, y, panel_begin, panel_end);
    STUDIO_CODED_TYPES(STUDIO_CASE)
#undef STUDIO_CASE
    case DType::kF32:
      return FloatDot<V, DType::kF32>::run(w, x, y, panel_begin, panel_end);
    case DType::kF16:
      return FloatDot<V, DType::kF16>::run(w, x, y, panel_begin, panel_end);
    case DType::kBF16:
      return FloatDot<V, DType::kBF16>::run(w, x, y, panel_begin, panel_end);
  }
}

template <class V>
void refine(const PanelView& w, const ActivationView& x, int column, float least, float* y, int panel_begin,
            int panel_end) {
  switch (w.type) {
#define STUDIO_CASE(type) \
  case DType::type:       \
    return Dot<V, panel_layout(DType::type)>::refine(w, x, column, least, y, panel_begin, panel_end);
    STUDIO_CODED_TYPES(STUDIO_CASE)
#undef STUDIO_CASE
    case DType::kF32:
    case DType::kF16:
    case DType::kBF16:
      return;  // their activations have no terms
  }
}

}  // namespace studio::engine
