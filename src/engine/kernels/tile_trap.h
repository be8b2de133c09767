// Runs code compiled for AMX on a machine without it, for tests: each tile instruction raises SIGILL, whose handler
// decodes it and lets the calling thread's TileModel do it. So the very instructions of kernels_amx.cc are tested:
// which operand is which, strides, the configuration in memory. Where the CPU has AMX nothing is trapped.
//
// Encodings: Intel SDM volume 2, VEX.128.{NP,66,F3,F2}.0F38.W0 with opcodes 49, 4B, 5E.
#pragma once

#include <signal.h>
#include <ucontext.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "engine/kernels/tile_model.h"

namespace studio::engine {

// One at a time; it catches the instructions of every thread.
class TileTrap {
 public:
  TileTrap() {
    products_ = 0;
    struct sigaction action = {};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGILL, &action, &before_);
  }
  ~TileTrap() { sigaction(SIGILL, &before_, nullptr); }
  TileTrap(const TileTrap&) = delete;
  TileTrap& operator=(const TileTrap&) = delete;

  static int64_t products() { return products_; }  // tile products done so far

 private:
  enum Prefix { kNone, k66, kF3, kF2 };  // the VEX field pp

  static void handle(int, siginfo_t*, void* context) {
    greg_t* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    const auto* code = reinterpret_cast<const uint8_t*>(registers[REG_RIP]);
    TileModel& tiles = this_threads_tiles();
    const int length = execute(code, registers, tiles);
    if (length > 0 && tiles.fault() == nullptr) {
      registers[REG_RIP] += length;
      return;
    }
    // As on hardware: back to the instruction, now with the handler of before, which ends the process.
    std::fprintf(stderr, "illegal instruction: %s\n", length > 0 ? tiles.fault() : "none that tiles have");
    sigaction(SIGILL, &before_, nullptr);
  }

  // The length of the instruction, or 0 if it is none of tiles.
  static int execute(const uint8_t* code, const greg_t* registers, TileModel& tiles) {
    constexpr int kVex3 = 0xc4, kMap0F38 = 2;
    const bool wide_or_256 = (code[2] & 0x84) != 0;
    if (code[0] != kVex3 || (code[1] & 31) != kMap0F38 || wide_or_256) return 0;
    const int prefix = code[2] & 3, opcode = code[3], modrm = code[4];
    const int reg = modrm >> 3 & 7, rm = modrm & 7, vvvv = ~(code[2] >> 3) & 15;
    const bool in_memory = modrm >> 6 != 3;
    const Address at = in_memory ? address(code, registers) : Address{};

    if (opcode == 0x49 && prefix == kNone && in_memory && reg == 0) {
      tiles.configure(at.base);
    } else if (opcode == 0x49 && prefix == kNone && modrm == 0xc0) {
      tiles.release();
    } else if (opcode == 0x49 && prefix == kF2 && !in_memory && rm == 0) {
      tiles.zero(reg);
    } else if (opcode == 0x4b && (prefix == kF2 || prefix == k66) && in_memory && rm == 4) {
      tiles.load(reg, at.base, at.stride);
    } else if (opcode == 0x4b && prefix == kF3 && in_memory && rm == 4) {
      tiles.store(reg, at.base, at.stride);
    } else if (opcode == 0x5e && !in_memory) {  // UUD, USD, SUD, SSD: the letters name rm, then vvvv
      ++products_;
      tiles.dot(reg, rm, vvvv, prefix == kF2 || prefix == kF3, prefix == kF2 || prefix == k66);
    } else {
      return 0;
    }
    return in_memory ? at.length : 5;
  }

  struct Address {
    uint8_t* base = nullptr;  // of the first row
    ptrdiff_t stride = 0;     // the scaled index
    int length = 0;           // of the instruction
  };

  static Address address(const uint8_t* code, const greg_t* registers) {
    static constexpr int kRegisters[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                           REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    const bool extends_index = (code[1] & 0x40) == 0, extends_base = (code[1] & 0x20) == 0;
    const int mod = code[4] >> 6, rm = code[4] & 7;
    Address at;
    at.length = 5;
    int base = rm;
    bool has_base = true;
    if (rm == 4) {
      const int sib = code[at.length++], index = (sib >> 3 & 7) + (extends_index ? 8 : 0);
      base = sib & 7;
      has_base = mod != 0 || base != 5;
      constexpr int kNoIndex = 4;
      if (index != kNoIndex) at.stride = static_cast<ptrdiff_t>(registers[kRegisters[index]]) << (sib >> 6);
    }
    int32_t displacement = 0;
    if (mod == 1) {
      displacement = static_cast<int8_t>(code[at.length++]);
    } else if (mod == 2 || !has_base || (mod == 0 && rm == 5)) {
      std::memcpy(&displacement, code + at.length, sizeof displacement);
      at.length += 4;
    }
    greg_t from = 0;
    if (mod == 0 && rm == 5) {
      from = registers[REG_RIP] + at.length;
    } else if (has_base) {
      from = registers[kRegisters[base + (extends_base ? 8 : 0)]];
    }
    at.base = reinterpret_cast<uint8_t*>(from + displacement);
    return at;
  }

  static inline struct sigaction before_ = {};
  static inline std::atomic<int64_t> products_ = 0;
};

}  // namespace studio::engine
