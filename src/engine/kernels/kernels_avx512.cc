#include "engine/kernels/isa_avx512.h"
// The vector layer comes first: the templates below use its macros.
#include "engine/kernels/kernel_set_impl.h"
#include "engine/kernels/kernel_tables.h"

namespace studio::engine {

constinit const KernelSet kAvx512Kernels = make_kernel_set<Avx512>("avx512", Isa::kAvx512);

// A CPU with AMX has all of AVX-512: only the products differ, and their source holds only what tiles add.
constexpr KernelSet with_tiles() {
  KernelSet set = make_kernel_set<Avx512>("amx", Isa::kAmx);
  set.matmul = amx_matmul;
  return set;
}
constinit const KernelSet kAmxKernels = with_tiles();

}  // namespace studio::engine
