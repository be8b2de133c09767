#include "engine/kernels/isa_avx2.h"
// The vector layer comes first: the templates below use its macros.
#include "engine/kernels/kernel_set_impl.h"
#include "engine/kernels/kernel_tables.h"

namespace studio::engine {

constinit const KernelSet kAvx2Kernels = make_kernel_set<Avx2>("avx2", Isa::kAvx2);

}  // namespace studio::engine
