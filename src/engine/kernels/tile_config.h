// The configuration of the tile registers, as LDTILECFG reads it, and the one that matrix products use.
#pragma once

#include <stdint.h>

namespace studio::engine {

inline constexpr int kTiles = 8;      // registers of palette 1
inline constexpr int kTileRows = 16;  // rows of one
inline constexpr int kTileRowBytes = 64;

// Intel SDM volume 1, 18.2: what is not named must be 0, and so must rows and bytes of a tile that is not used.
struct alignas(64) TileConfig {
  uint8_t palette = 0;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[kTiles] = {};
  uint8_t reserved_row_bytes[16] = {};
  uint8_t rows[kTiles] = {};
  uint8_t reserved_rows[8] = {};
};
static_assert(sizeof(TileConfig) == 64);

// Two independent products sum = input x codes, so that one may load while the other multiplies.
inline constexpr int kSumTile = 0;    // and 1: [16 columns][16 rows] i32
inline constexpr int kInputTile = 2;  // and 3: [16 columns][depth] i8, activations
inline constexpr int kCodesTile = 4;  // and 5: [depth / 4][16 rows][4] i8, weights

// depth: values along K of one product, 32 or 16.
constexpr TileConfig product_tiles(int depth) {
  TileConfig config;
  config.palette = 1;
  for (int i = 0; i < 2; ++i) {
    config.rows[kSumTile + i] = kTileRows;
    config.row_bytes[kSumTile + i] = kTileRowBytes;
    config.rows[kInputTile + i] = kTileRows;
    config.row_bytes[kInputTile + i] = static_cast<uint16_t>(depth);
    config.rows[kCodesTile + i] = static_cast<uint8_t>(depth / 4);
    config.row_bytes[kCodesTile + i] = kTileRowBytes;
  }
  return config;
}

}  // namespace studio::engine
