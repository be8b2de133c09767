// Time of one row of 151,936 logits by setting. The row's spread is that of a real one: a few likely tokens over a
// broad tail; `flat` is the worst case for top_p.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "engine/sampling/philox.h"
#include "engine/sampling/sampler.h"

namespace {

using namespace studio::engine;

constexpr int kVocab = 151936;

std::vector<float> make_row(float spread, int likely) {
  std::vector<float> row(kVocab);
  for (size_t i = 0; i < row.size(); ++i) {
    const uint64_t bits = random_bits(3, 0, i);
    row[i] = spread *
             (static_cast<float>(bits & 0xFFFF) + static_cast<float>(bits >> 16 & 0xFFFF) +
              static_cast<float>(bits >> 32 & 0xFFFF) - 98304.0f) /
             32768.0f;
  }
  for (int i = 0; i < likely; ++i) row[static_cast<size_t>(i * 977)] = 15.0f + 0.3f * static_cast<float>(i);
  return row;
}

void measure(const char* name, std::vector<float>& row, const SamplingParams& params) {
  Sampler sampler(kVocab);
  std::vector<double> micros;
  int64_t check = 0;
  for (uint64_t i = 0; i < 200; ++i) {
    const auto start = std::chrono::steady_clock::now();
    auto token = sampler.sample(row, params, {}, i);
    micros.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
    check += token.ok() ? token->id : 0;
  }
  std::sort(micros.begin(), micros.end());
  std::printf("%-34s p50 %7.1f us   p95 %7.1f us   (sum of ids %lld)\n", name, micros[100], micros[190],
              static_cast<long long>(check));
}

}  // namespace

int main() {
  std::printf("passes: %s\n", vocab_passes().name);
  for (const bool flat : {false, true}) {
    std::vector<float> row = make_row(flat ? 0.5f : 3.0f, flat ? 0 : 30);
    std::printf("%s\n", flat ? "flat row" : "usual row");
    SamplingParams p;
    p.temperature = 0;
    measure("greedy", row, p);
    p.temperature = 0.7f;
    measure("temperature 0.7", row, p);
    p.top_p = 0.95f;
    measure("top_p 0.95", row, p);
    p.top_k = 20;
    measure("top_k 20, top_p 0.95", row, p);
    p.top_k = 5000;
    measure("top_k 5000, top_p 0.95", row, p);
    p.top_k = 0;
    p.top_p = 1;
    p.min_p = 0.05f;
    measure("min_p 0.05", row, p);
    p.min_p = 0;
    p.logprobs = true;
    p.top_logprobs = 20;
    measure("temperature 0.7, 20 logprobs", row, p);
  }
}
