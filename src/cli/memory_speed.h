// How fast this machine reads memory: the roof of every answer's speed.
#pragma once

namespace studio::cli {

// GB/s (10^9 bytes) that `threads` threads read together from 512 MiB that no cache holds, the best of five rounds;
// takes about half a second. 0 where the memory cannot be had.
double memory_read_gbs(int threads);

}  // namespace studio::cli
