#include "engine/kernels/kernel_set.h"

#include <string>

#include "engine/kernels/amx_support.h"
#include "engine/kernels/kernel_tables.h"

namespace studio::engine {
namespace {

// The slowest first.
constexpr const KernelSet* kSets[] = {&kScalarKernels, &kAvx2Kernels, &kAvx512Kernels, &kAmxKernels};

}  // namespace

// __builtin_cpu_supports asks CPUID and whether the system saves the registers.
const char* kernel_obstacle(Isa isa) {
  switch (isa) {
    case Isa::kAuto:
    case Isa::kScalar:
      return nullptr;
    case Isa::kAvx2:
      if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")) {
        return nullptr;
      }
      return "the processor has no AVX2 with FMA and F16C";
    case Isa::kAvx512:
      if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
          __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("fma")) {
        return nullptr;
      }
      return "the processor has no AVX-512 (F, BW, VL, DQ) with VNNI";
    case Isa::kAmx:
      if (const char* obstacle = kernel_obstacle(Isa::kAvx512)) return obstacle;
      return amx_obstacle();
  }
  return "there is no such set";
}

std::vector<const KernelSet*> available_kernels() {
  std::vector<const KernelSet*> sets;
  for (const KernelSet* set : kSets) {
    if (kernel_obstacle(set->isa) == nullptr) sets.push_back(set);
  }
  return sets;
}

Result<const KernelSet*> select_kernels(Isa isa) {
  if (isa == Isa::kAuto) return available_kernels().back();
  for (const KernelSet* set : kSets) {
    if (set->isa != isa) continue;
    const char* obstacle = kernel_obstacle(isa);
    if (obstacle == nullptr) return set;
    return Error(Code::kUnimplemented,
                 std::string("this machine cannot run the \"") + set->name + "\" kernels: " + obstacle + "; use auto");
  }
  return Error(Code::kInternal, "a kernel set without a table");
}

}  // namespace studio::engine
