// Time of one row of 151,936 logits by setting, from the second-level cache, the third and memory. Rows have the spread
// of real ones, a few likely tokens over a broad tail; `flat` is the worst case for top_p. Each draw has other values
// than the one before, so that no branch is learnt by heart.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "engine/sampling/philox.h"
#include "engine/sampling/sampler.h"

namespace {

using namespace studio::engine;

constexpr int kVocab = 151936;

constexpr int kRows = 16, kDraws = 200;

std::vector<float> make_row(float spread, int likely, uint64_t seed) {
  std::vector<float> row(kVocab);
  for (size_t i = 0; i < row.size(); ++i) {
    const uint64_t bits = random_bits(seed, 0, i);
    row[i] = spread *
             (static_cast<float>(bits & 0xFFFF) + static_cast<float>(bits >> 16 & 0xFFFF) +
              static_cast<float>(bits >> 32 & 0xFFFF) - 98304.0f) /
             32768.0f;
  }
  for (int i = 0; i < likely; ++i) {
    row[static_cast<size_t>(i) * 977 + seed * 31] = 15.0f + 0.3f * static_cast<float>(i);
  }
  return row;
}

enum class From { kSecondLevel, kThirdLevel, kMemory };

// Leaves the row's lines where a draw shall find them.
void place(std::vector<float>& row, From from) {
  static std::vector<char> other(8 << 20);  // several times the second level, within the third
  if (from == From::kThirdLevel) {
    for (size_t i = 0; i < other.size(); i += 64) ++other[i];
  }
  if (from == From::kMemory) {
    for (size_t i = 0; i < row.size(); i += 16) __builtin_ia32_clflush(&row[i]);
    __builtin_ia32_mfence();
  }
}

double median_micros(const std::vector<std::vector<float>>& rows, const SamplingParams& params, From from,
                     int64_t& check) {
  Sampler sampler(kVocab);
  std::vector<float> row(kVocab);
  std::vector<double> micros;
  for (uint64_t i = 0; i < kDraws; ++i) {
    row = rows[i % kRows];
    place(row, from);
    const auto start = std::chrono::steady_clock::now();
    auto token = sampler.sample(row, params, {}, i);
    micros.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
    check += token.ok() ? token->id : 0;
  }
  std::nth_element(micros.begin(), micros.begin() + kDraws / 2, micros.end());
  return micros[kDraws / 2];
}

void measure(const char* name, const std::vector<std::vector<float>>& rows, const SamplingParams& params) {
  int64_t check = 0;
  const double second = median_micros(rows, params, From::kSecondLevel, check);
  const double third = median_micros(rows, params, From::kThirdLevel, check);
  const double memory = median_micros(rows, params, From::kMemory, check);
  std::printf("%-40s %7.1f %7.1f %7.1f   (sum of ids %lld)\n", name, second, third, memory,
              static_cast<long long>(check));
}

SamplingParams params_of(float temperature, int top_k, float top_p, float min_p) {
  SamplingParams params;
  params.temperature = temperature;
  params.top_k = top_k;
  params.top_p = top_p;
  params.min_p = min_p;
  return params;
}

}  // namespace

int main() {
  std::printf("passes: %s; us per row, medians of %d: second-level cache, third, memory\n", vocab_passes().name,
              kDraws);
  for (const bool flat : {false, true}) {
    std::vector<std::vector<float>> rows;
    for (uint64_t seed = 0; seed < kRows; ++seed) rows.push_back(make_row(flat ? 0.5f : 3.0f, flat ? 0 : 30, seed));
    std::printf("%s\n", flat ? "flat rows" : "usual rows");
    measure("greedy", rows, params_of(0, 0, 1, 0));
    measure("temperature 0.7", rows, params_of(0.7f, 0, 1, 0));
    measure("top_k 40, top_p 0.95, min_p 0.05, T 0.8", rows, params_of(0.8f, 40, 0.95f, 0.05f));
    measure("top_p 0.95", rows, params_of(0.7f, 0, 0.95f, 0));
    measure("top_k 5000, top_p 0.95", rows, params_of(0.7f, 5000, 0.95f, 0));
    measure("min_p 0.05", rows, params_of(0.7f, 0, 1, 0.05f));
    SamplingParams logprobs = params_of(0.7f, 0, 1, 0);
    logprobs.logprobs = true;
    logprobs.top_logprobs = 20;
    measure("temperature 0.7, 20 logprobs", rows, logprobs);
  }
}
