#include "engine/kernels/kernel_set.h"

#include <string>

#include "engine/kernels/kernel_tables.h"

namespace studio::engine {
namespace {

// The slowest first. __builtin_cpu_supports asks CPUID and whether the system saves the registers.
constexpr const KernelSet* kSets[] = {&kScalarKernels, &kAvx2Kernels, &kAvx512Kernels};

bool cpu_runs(Isa isa) {
  switch (isa) {
    case Isa::kScalar:
      return true;
    case Isa::kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    case Isa::kAvx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("fma");
    case Isa::kAmx:
    case Isa::kAuto:
      return false;
  }
  return false;
}

const char* name_of(Isa isa) {
  switch (isa) {
    case Isa::kScalar:
      return "scalar";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
    case Isa::kAmx:
      return "amx";
    case Isa::kAuto:
      break;
  }
  return "auto";
}

}  // namespace

std::vector<const KernelSet*> available_kernels() {
  std::vector<const KernelSet*> sets;
  for (const KernelSet* set : kSets) {
    if (cpu_runs(set->isa)) sets.push_back(set);
  }
  return sets;
}

Result<const KernelSet*> select_kernels(Isa isa) {
  const std::vector<const KernelSet*> sets = available_kernels();
  if (isa == Isa::kAuto) return sets.back();
  for (const KernelSet* set : sets) {
    if (set->isa == isa) return set;
  }
  return Error(Code::kUnimplemented, std::string("this CPU cannot run the \"") + name_of(isa) + "\" kernels; use auto");
}

}  // namespace studio::engine
