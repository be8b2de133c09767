#include "engine/kernels/isa_avx512.h"
// The vector layer comes first: the templates below use its macros.
#include "engine/kernels/kernel_tables.h"
#include "engine/kernels/matmul_amx_impl.h"
#include "engine/kernels/tile_hardware.h"

namespace studio::engine {

void amx_matmul(const PanelView& w, const ActivationView& x, const MatmulOutput& y, int panel_begin, int panel_end) {
  const bool done = matmul_by_tiles<SignedCodes<Avx512>, HardwareTiles>(w, x, y, panel_begin, panel_end);
  if (!done) kAvx512Kernels.matmul(w, x, y, panel_begin, panel_end);
}

}  // namespace studio::engine
