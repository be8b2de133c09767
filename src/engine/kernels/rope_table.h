// Cosines and sines of rotary position embedding, the same bits on every machine: own arithmetic in f64, rounded once.
//
// angle(p, i) = p * base^(-2i / rotary_dim) / factor[i]. Rows are computed in blocks on first use and kept, so a step
// pays for new positions alone. Source: RoPE (Su et al., 2021), section 3.4.
// Threads: gather() from one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace studio::engine {

class RopeTable {
 public:
  // factors: rotary_dim / 2 divisors of the frequencies (Llama 3 scaling), or empty. max_positions bounds the memory.
  RopeTable(int rotary_dim, double base, std::span<const float> factors, int max_positions);

  // Rows of the given positions (each < max_positions): cos and sin [positions.size(), rotary_dim / 2].
  void gather(std::span<const int32_t> positions, float* cos, float* sin);

 private:
  void compute_block(int block);

  int pairs_;
  std::vector<double> frequencies_;         // [pairs]
  std::vector<std::vector<float>> blocks_;  // each kBlockPositions rows of [cos..., sin...]
};

// The f64 functions behind it, with + - * / alone. Within 2^-50 relative (sin, cos: absolute) for the arguments used.
double exact_log2(double x);                        // x > 0, normal
double exact_exp2(double x);                        // |x| < 1000
void exact_sincos(double x, double& s, double& c);  // |x| < 2^22

}  // namespace studio::engine
