// What the two programs for the parts around the model share, ours (parts.cc) and the peer's (peers/llama_parts.cc):
// the same texts and rows of logits, the same clock, the same way to hand out results. C++17, the standard library
// alone.
#pragma once

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

namespace parts {

constexpr int kVocab = 151936;           // of Qwen 2.5
constexpr int kRows = 16, kDraws = 200;  // so many different rows that no branch is learnt by heart
constexpr double kSlack = 1e-3;          // of a probability: f32 sums in another order

inline double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

inline double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Texts from standard input: each int32 n, then n bytes. To standard output for each: f64 CPU seconds, int32 n,
// n x int32 ids. encode(text) gives ids.
template <typename Encode>
int tokenize_all(Encode encode) {
  int32_t bytes = 0;
  std::string text;
  while (std::fread(&bytes, sizeof bytes, 1, stdin) == 1 && bytes >= 0) {
    text.resize(static_cast<size_t>(bytes));
    if (std::fread(text.data(), 1, text.size(), stdin) != text.size()) return 1;
    const double start = cpu_seconds();
    const std::vector<int32_t> ids = encode(std::string_view(text));
    const double took = cpu_seconds() - start;
    const auto count = static_cast<int32_t>(ids.size());
    std::fwrite(&took, sizeof took, 1, stdout);
    std::fwrite(&count, sizeof count, 1, stdout);
    std::fwrite(ids.data(), sizeof(int32_t), ids.size(), stdout);
  }
  return 0;
}

struct Chain {
  int top_k;  // 0: all
  float top_p, min_p;
};

// The two of the comparison by name; temperature 1, so that it does not matter where in the chain it comes.
inline bool find_chain(std::string_view name, Chain* chain) {
  if (name == "top_k") *chain = {40, 0.95f, 0.05f};
  if (name == "top_p") *chain = {0, 0.95f, 0};
  return name == "top_k" || name == "top_p";
}

// A few likely tokens over a broad tail, as real rows have it.
inline std::vector<float> make_row(uint64_t seed) {
  uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
  auto draw = [&] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<float>(state >> 40) / 16777216.0f;
  };
  std::vector<float> row(kVocab);
  for (float& logit : row) logit = 6.0f * (draw() + draw() + draw() - 1.5f);
  for (size_t i = 0; i < 30; ++i) row[i * 977 + seed * 31] = 15.0f + 0.3f * static_cast<float>(i);
  return row;
}

// Whether the chain may give this id, by a full sort in f64.
class Allowed {
 public:
  Allowed(const std::vector<float>& row, const Chain& chain) : row_(row) {
    std::vector<int> order(row.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](int a, int b) { return row[a] > row[b]; });
    if (chain.top_k > 0) order.resize(static_cast<size_t>(chain.top_k));
    const double max = row[order[0]];
    double total = 0, before = 0;
    for (const int id : order) total += std::exp(row[id] - max);
    for (const int id : order) {
      const double share = std::exp(row[id] - max);
      if (before / total >= chain.top_p + kSlack || share < chain.min_p - kSlack) break;
      before += share;
      lowest_ = row[id];
    }
  }
  bool has(int id) const { return id >= 0 && id < static_cast<int>(row_.size()) && row_[id] >= lowest_; }

 private:
  const std::vector<float>& row_;
  float lowest_ = 0;
};

// Prints {"seconds": median of a draw}. draw(row, position) gives an id; false when one is not the chain's.
template <typename Draw>
bool sample_all(const Chain& chain, Draw draw) {
  std::vector<std::vector<float>> rows;
  std::vector<Allowed> allowed;
  for (uint64_t seed = 0; seed < kRows; ++seed) rows.push_back(make_row(seed));
  for (const auto& row : rows) allowed.emplace_back(row, chain);
  std::vector<float> row(kVocab);
  std::vector<double> seconds;
  for (int i = 0; i < kDraws; ++i) {
    row = rows[i % kRows];
    const double start = wall_seconds();
    const int id = draw(row, i);
    seconds.push_back(wall_seconds() - start);
    if (!allowed[i % kRows].has(id)) return std::fprintf(stderr, "draw %d gave %d, outside the chain\n", i, id), false;
  }
  std::nth_element(seconds.begin(), seconds.begin() + kDraws / 2, seconds.end());
  std::printf("{\"seconds\": %.9f}\n", seconds[kDraws / 2]);
  return true;
}

}  // namespace parts
