#include "engine/kernels/amx_support.h"

#include <cpuid.h>
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace studio::engine {
namespace {

// Intel SDM volume 1, 13.2 and 18.3; CPUID leaves 1 and 7.
constexpr uint32_t kOsxsave = 1u << 27;    // leaf 1, ECX: XGETBV may be used
constexpr uint32_t kAmxTile = 1u << 24;    // leaf 7, EDX
constexpr uint32_t kAmxInt8 = 1u << 25;    // leaf 7, EDX
constexpr uint64_t kTileState = 3u << 17;  // XCR0: tile configuration and tile data

// Linux, Documentation/arch/x86/xstate.rst, since 5.16.
constexpr int kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
constexpr int kTileData = 18;               // XFEATURE_XTILEDATA

uint64_t saved_states() {
  uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

const char* find_obstacle() {
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kOsxsave) == 0) return "the processor has no AMX";
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (d & kAmxTile) == 0) return "the processor has no AMX";
  if ((d & kAmxInt8) == 0) return "the processor's AMX has no int8 products";
  if ((saved_states() & kTileState) != kTileState) return "the system (or its hypervisor) has not turned AMX on";
  if (syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0) return nullptr;
  if (errno == EINVAL || errno == ENOSYS) return "Linux gives no permission for AMX before version 5.16";
  return "Linux refuses this process the permission for AMX";
}

}  // namespace

const char* amx_obstacle() {
  static const char* const obstacle = find_obstacle();
  return obstacle;
}

}  // namespace studio::engine
