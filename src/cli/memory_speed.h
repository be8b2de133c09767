// How fast this machine reads memory: the roof of every answer's speed.
#pragma once

namespace studio::cli {

// GB/s (10^9 bytes) that `threads` threads read together from memory that no cache holds; takes about 0.2 s.
double memory_read_gbs(int threads);

}  // namespace studio::cli
