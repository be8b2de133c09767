// How a quantised panel of 16 rows lies in memory: one description for the repacking and for every kernel.
//
// Codes. A block is 16 rows x 32 k. Unpacked it is 8 registers of 64 bytes; register j, byte i holds the unsigned code
// of row i / 4 at k = 4 j + i % 4, so that each 32-bit lane is one row and a dot instruction multiplies its four bytes
// with the same four activations. A half is 4 registers (16 k). Packed, with h the half and v, s, j small integers:
//
//   nibbles   256 B  vector 2h + v (64 B): low nibbles are register 4h + 2v, high nibbles register 4h + 2v + 1
//   pairs     128 B  vector h: bits 2s, 2s + 1 of a byte are its code in register 4h + s
//   bits       64 B  one vector: bit j of a byte belongs to its code in register j
//   bytes     512 B  the 8 registers themselves
//
//   format  N2     N3           N4       N5              N6               B8      T4 (index into a table of 16)
//   parts   pairs  pairs, bits  nibbles  nibbles, bits   nibbles, pairs   bytes   nibbles
//
// The later part holds the upper bits of the codes. Blocks follow each other along K, no gaps.
//
// Scales, 16 rows side by side, before the codes:
//
//   kF16       per 32:  d f16[16]
//   kF16Min    per 32:  d f16[16], m f16[16]
//   kSub32     per 256: d f16[16];           then per 32: scale i8[16]
//   kSub32Min  per 256: d f16[16], m f16[16]; then per 32: scale u8[16], min u8[16]
//   kSub16     per 256: d f16[16];           then per 16: scale i8[16]
//   kSub16Min  per 256: d f16[16], m f16[16]; then per 16: u8[16], scale in the low nibble, min in the high one
//
// Float types have no scales: their panels are [K][16] elements of the type.
//
// Panels reach disk (formats/panel_file.h): whoever changes this layout gives it a new kPanelLayoutName there.
#pragma once

#include "engine/tensor/dtype.h"

namespace studio::engine {

enum class Codes { kN2, kN3, kN4, kN5, kN6, kB8, kT4, kNone };
enum class Scales { kF16, kF16Min, kSub32, kSub32Min, kSub16, kSub16Min, kNone };

struct PanelLayout {
  Codes codes;
  Scales scales;
  int offset_log2;  // codes stand for code - 2^offset_log2; -1: for the code itself

  // Rows of 256 share their f16 factors; in the other formats the group is the block itself.
  constexpr bool grouped() const { return scales != Scales::kF16 && scales != Scales::kF16Min; }
  constexpr bool has_min() const {
    return scales == Scales::kF16Min || scales == Scales::kSub32Min || scales == Scales::kSub16Min;
  }
  constexpr bool per_half() const { return scales == Scales::kSub16 || scales == Scales::kSub16Min; }
  constexpr int group_blocks() const { return grouped() ? 8 : 1; }
  constexpr int factor_bytes() const { return has_min() ? 64 : 32; }  // the f16 rows at the head of a group
  constexpr int sub_bytes() const {                                   // the 8-bit rows of one block
    return !grouped() ? 0 : scales == Scales::kSub32 ? 16 : 32;
  }
  constexpr int group_bytes() const { return factor_bytes() + group_blocks() * sub_bytes(); }
  constexpr int code_bytes() const {  // per block
    switch (codes) {
      case Codes::kN2:
        return 128;
      case Codes::kN3:
        return 192;
      case Codes::kN4:
      case Codes::kT4:
        return 256;
      case Codes::kN5:
        return 320;
      case Codes::kN6:
        return 384;
      case Codes::kB8:
        return 512;
      case Codes::kNone:
        return 0;
    }
    return 0;
  }
};

// Every type whose panels hold codes: a kernel set has a product for each. The rest are floats.
#define STUDIO_CODED_TYPES(apply)                                                                                      \
  apply(kQ4_0) apply(kQ4_1) apply(kQ5_0) apply(kQ5_1) apply(kQ8_0) apply(kQ2_K) apply(kQ3_K) apply(kQ4_K) apply(kQ5_K) \
      apply(kQ6_K) apply(kIQ4_NL) apply(kIQ4_XS)

// The offset of T4 lifts the table's values, -127 .. 113, to unsigned bytes.
constexpr PanelLayout panel_layout(DType type) {
  switch (type) {
    case DType::kQ4_0:
      return {Codes::kN4, Scales::kF16, 3};
    case DType::kQ4_1:
      return {Codes::kN4, Scales::kF16Min, -1};
    case DType::kQ5_0:
      return {Codes::kN5, Scales::kF16, 4};
    case DType::kQ5_1:
      return {Codes::kN5, Scales::kF16Min, -1};
    case DType::kQ8_0:
      return {Codes::kB8, Scales::kF16, 7};
    case DType::kQ2_K:
      return {Codes::kN2, Scales::kSub16Min, -1};
    case DType::kQ3_K:
      return {Codes::kN3, Scales::kSub16, 2};
    case DType::kQ4_K:
      return {Codes::kN4, Scales::kSub32Min, -1};
    case DType::kQ5_K:
      return {Codes::kN5, Scales::kSub32Min, -1};
    case DType::kQ6_K:
      return {Codes::kN6, Scales::kSub16, 5};
    case DType::kIQ4_NL:
      return {Codes::kT4, Scales::kF16, 7};
    case DType::kIQ4_XS:
      return {Codes::kT4, Scales::kSub32, 7};
    case DType::kF32:
    case DType::kF16:
    case DType::kBF16:
      break;
  }
  return {Codes::kNone, Scales::kNone, -1};
}

}  // namespace studio::engine
