// The kernels: one table of functions per instruction set, all giving the same bits.
//
// Every function is defined by numerics.md down to the order of operations, for any number of columns, any cut of its
// ranges and any thread. The sources are templates over a small vector layer (isa_*.h), compiled once per set with that
// set's flags; kernels_test.cc compares every set with the scalar one bit by bit, and that one with plain f64 code.
// Kernels keep no state: they may run on several threads over disjoint ranges. What they take: kernel_args.h.
#pragma once

#include <vector>

#include "base/result.h"
#include "engine/kernels/kernel_args.h"

namespace studio::engine {

// unimplemented when this CPU (or its kernel settings, for AMX) cannot run the set asked for.
Result<const KernelSet*> select_kernels(Isa isa);

// Every set this CPU can run, the slowest (scalar) first.
std::vector<const KernelSet*> available_kernels();

}  // namespace studio::engine
