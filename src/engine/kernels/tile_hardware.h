// The tile layer on AMX: one instruction per function. tile_model.h has the same in plain C++.
#pragma once

#include <immintrin.h>
#include <stddef.h>

#include "engine/kernels/tile_config.h"

namespace studio::engine {

struct HardwareTiles {
  // Of the calling thread, whose tiles it zeroes. All 64 bytes are read, whatever a compiler takes the intrinsic to
  // read: the configuration must be a constant in memory, not one about to be stored.
  STUDIO_INLINE void configure(const TileConfig& config) { _tile_loadconfig(&config); }
  // Until then the system saves 8 KB of tiles whenever the thread is switched.
  STUDIO_INLINE void release() { _tile_release(); }

  template <int kTile>
  STUDIO_INLINE void zero() {
    _tile_zero(kTile);
  }
  template <int kTile>
  STUDIO_INLINE void load(const void* rows, size_t stride) {
    _tile_loadd(kTile, rows, stride);
  }
  template <int kTile>
  STUDIO_INLINE void store(void* rows, size_t stride) {
    _tile_stored(kTile, rows, stride);
  }
  // sum[m][n] += input[m][4 k + i] * codes[k][n][i] over k and i, all i8.
  template <int kSum, int kInput, int kCodes>
  STUDIO_INLINE void dot() {
    _tile_dpbssd(kSum, kInput, kCodes);
  }
};

}  // namespace studio::engine
