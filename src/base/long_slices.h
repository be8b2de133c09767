// How the kernel shares processors between threads that compute for long and those that wake for a moment.
#pragma once

namespace studio {

// The calling thread computes for long: from here on a thread that wakes beside it, to carry away what it computed,
// runs at once, not at the next tick of the clock, some milliseconds later. Its share of the processor stays the same.
// Without effect before Linux 6.12, and where the call is not allowed.
void compute_in_long_slices();

}  // namespace studio
