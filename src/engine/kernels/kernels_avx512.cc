#include "engine/kernels/isa_avx512.h"
// The vector layer comes first: the templates below use its macros.
#include "engine/kernels/kernel_set_impl.h"
#include "engine/kernels/kernel_tables.h"

namespace studio::engine {

constinit const KernelSet kAvx512Kernels = make_kernel_set<Avx512>("avx512", Isa::kAvx512);

}  // namespace studio::engine
