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

// Why this machine cannot run a set, as the end of a sentence, or null when it can. The first question about AMX asks
// Linux for the permission to use it (amx_support.h), so it comes before any thread runs a set.
const char* kernel_obstacle(Isa isa);

// unimplemented, with the obstacle, when this machine cannot run the set asked for.
Result<const KernelSet*> select_kernels(Isa isa);

// Every set this machine can run, the slowest (scalar) first.
std::vector<const KernelSet*> available_kernels();

}  // namespace studio::engine
