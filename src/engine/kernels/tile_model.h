// AMX int8 tiles in plain C++: what the instructions do, for machines without them. For tests.
//
// Written after the operation sections of LDTILECFG, TILELOADD, TILESTORED, TILEZERO, TILERELEASE and TDPB*D in Intel
// SDM volume 2. What would raise an exception there is kept here as the first fault, and has no effect.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "engine/kernels/tile_config.h"

namespace studio::engine {

class TileModel {
 public:
  const char* fault() const { return fault_; }  // the first one, or null
  bool configured() const { return config_.palette != 0; }
  const uint8_t* row(int tile, int i) const { return data_[tile][i]; }

  void configure(const void* bytes) {
    TileConfig config;
    memcpy(&config, bytes, sizeof config);
    if (config.palette == 0) return release();
    if (config.palette != 1) return fail("a palette that does not exist");
    if (config.start_row != 0) return fail("a start row: the model knows no product resumed halfway");
    if (!zeroes(config.reserved, sizeof config.reserved) ||
        !zeroes(config.reserved_row_bytes, sizeof config.reserved_row_bytes) ||
        !zeroes(config.reserved_rows, sizeof config.reserved_rows)) {
      return fail("a reserved byte that is set");
    }
    for (int t = 0; t < kTiles; ++t) {
      if (config.rows[t] > kTileRows || config.row_bytes[t] > kTileRowBytes) return fail("a tile too large");
      if ((config.rows[t] == 0) != (config.row_bytes[t] == 0)) return fail("a tile with rows or bytes alone");
    }
    config_ = config;
    memset(data_, 0, sizeof data_);
  }

  void release() {
    config_ = {};
    memset(data_, 0, sizeof data_);
  }

  void zero(int tile) {
    if (usable(tile)) memset(data_[tile], 0, sizeof data_[tile]);
  }

  // Bytes past the configured row and rows past the configured tile become 0.
  void load(int tile, const void* base, ptrdiff_t stride) {
    if (!usable(tile)) return;
    for (int r = 0; r < config_.rows[tile]; ++r) {
      memset(data_[tile][r], 0, kTileRowBytes);
      memcpy(data_[tile][r], static_cast<const uint8_t*>(base) + r * stride, config_.row_bytes[tile]);
    }
    clear_rows_from(tile, config_.rows[tile]);
  }

  void store(int tile, void* base, ptrdiff_t stride) {
    if (!usable(tile)) return;
    for (int r = 0; r < config_.rows[tile]; ++r) {
      memcpy(static_cast<uint8_t*>(base) + r * stride, data_[tile][r], config_.row_bytes[tile]);
    }
  }

  // sum[m][n] += a[m][4 k + i] * b[k][n][i], wrapping. Whether the bytes of a and b are signed is the instruction's.
  void dot(int sum, int a, int b, bool a_signed, bool b_signed) {
    if (sum == a || sum == b || a == b) return fail("a product with one tile twice");
    if (!usable(sum) || !usable(a) || !usable(b)) return;
    const int rows = config_.rows[sum], bytes = config_.row_bytes[sum], depth = config_.row_bytes[a];
    if (bytes % 4 != 0 || depth % 4 != 0) return fail("a product over part of a 32-bit word");
    if (config_.rows[a] != rows || config_.row_bytes[b] != bytes || config_.rows[b] != depth / 4) {
      return fail("a product of tiles that do not fit");
    }
    for (int m = 0; m < rows; ++m) {
      uint32_t line[kTileRowBytes / 4] = {};
      memcpy(line, data_[sum][m], static_cast<size_t>(bytes));
      for (int k = 0; k < depth / 4; ++k) {
        for (int n = 0; n < bytes / 4; ++n) {
          for (int i = 0; i < 4; ++i) {
            line[n] += static_cast<uint32_t>(value(data_[a][m][4 * k + i], a_signed) *
                                             value(data_[b][k][4 * n + i], b_signed));
          }
        }
      }
      memcpy(data_[sum][m], line, sizeof line);
    }
    clear_rows_from(sum, rows);
  }

 private:
  static int value(uint8_t byte, bool is_signed) { return is_signed ? static_cast<int8_t>(byte) : byte; }

  static bool zeroes(const uint8_t* bytes, size_t n) {
    for (size_t i = 0; i < n; ++i) {
      if (bytes[i] != 0) return false;
    }
    return true;
  }

  bool usable(int tile) {
    if (!configured()) {
      fail("a tile used before the configuration");
    } else if (config_.rows[tile] == 0) {
      fail("a tile that is not configured");
    }
    return configured() && config_.rows[tile] != 0;
  }

  void clear_rows_from(int tile, int row) {
    memset(data_[tile] + row, 0, static_cast<size_t>(kTileRows - row) * kTileRowBytes);
  }

  void fail(const char* what) {
    if (fault_ == nullptr) fault_ = what;
  }

  TileConfig config_;
  uint8_t data_[kTiles][kTileRows][kTileRowBytes] = {};
  const char* fault_ = nullptr;
};

// Each thread has its own, as with the registers.
inline TileModel& this_threads_tiles() {
  static constinit thread_local TileModel tiles;
  return tiles;
}

// The tile layer on the model.
struct ModelTiles {
  static void configure(const TileConfig& config) { this_threads_tiles().configure(&config); }
  static void release() { this_threads_tiles().release(); }
  template <int kTile>
  static void zero() {
    this_threads_tiles().zero(kTile);
  }
  template <int kTile>
  static void load(const void* rows, size_t stride) {
    this_threads_tiles().load(kTile, rows, static_cast<ptrdiff_t>(stride));
  }
  template <int kTile>
  static void store(void* rows, size_t stride) {
    this_threads_tiles().store(kTile, rows, static_cast<ptrdiff_t>(stride));
  }
  template <int kSum, int kInput, int kCodes>
  static void dot() {
    this_threads_tiles().dot(kSum, kInput, kCodes, true, true);
  }
};

}  // namespace studio::engine
