#include "engine/kernels/isa_scalar.h"
// The vector layer comes first: the templates below use its macros.
#include "engine/kernels/kernel_set_impl.h"
#include "engine/kernels/kernel_tables.h"

namespace studio::engine {

constinit const KernelSet kScalarKernels = make_kernel_set<Scalar>("scalar", Isa::kScalar);

}  // namespace studio::engine
