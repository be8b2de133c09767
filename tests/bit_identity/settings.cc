#include "settings.h"

#include <array>
#include <set>
#include <utility>

#include "engine/kernels/kernel_set.h"

namespace studio::bit_identity {
namespace {

using engine::KernelChoice;

constexpr std::array kConcurrency = {1, 2, 7, 16};
constexpr std::array kChunks = {1, 17, 512};
constexpr std::array kThreads = {1, 2, 3, 8};
constexpr int kFactors = 5;

KernelChoice choice_of(engine::Isa isa) {
  switch (isa) {
    case engine::Isa::kScalar:
      return KernelChoice::kScalar;
    case engine::Isa::kAvx2:
      return KernelChoice::kAvx2;
    case engine::Isa::kAvx512:
      return KernelChoice::kAvx512;
    case engine::Isa::kAmx:
      return KernelChoice::kAmx;
    case engine::Isa::kAuto:
      break;
  }
  return KernelChoice::kAuto;
}

const char* name_of(KernelChoice kernels) {
  switch (kernels) {
    case KernelChoice::kScalar:
      return "scalar";
    case KernelChoice::kAvx2:
      return "avx2";
    case KernelChoice::kAvx512:
      return "avx512";
    case KernelChoice::kAmx:
      return "amx";
    case KernelChoice::kAuto:
      break;
  }
  return "auto";
}

// A value is (factor, level); a pair of them with the smaller factor first.
using Pair = std::array<int, 4>;

std::array<int, kFactors> levels_of(const Setting& s) {
  return {s.concurrency, s.prompt_chunk, s.threads, static_cast<int>(s.kernels), s.scarce_pages ? 1 : 0};
}

std::vector<Pair> pairs_of(const Setting& setting) {
  const auto levels = levels_of(setting);
  std::vector<Pair> pairs;
  for (int a = 0; a < kFactors; ++a) {
    for (int b = a + 1; b < kFactors; ++b) {
      pairs.push_back({a, levels[static_cast<size_t>(a)], b, levels[static_cast<size_t>(b)]});
    }
  }
  return pairs;
}

std::vector<Setting> every_setting() {
  std::vector<Setting> all;
  // The fastest kernels first: they are what a tie takes.
  const std::vector<const engine::KernelSet*> sets = engine::available_kernels();
  for (auto set = sets.rbegin(); set != sets.rend(); ++set) {
    for (const int concurrency : kConcurrency) {
      for (const int chunk : kChunks) {
        for (const int threads : kThreads) {
          for (const bool scarce : {false, true}) {
            all.push_back({concurrency, chunk, threads, choice_of((*set)->isa), scarce});
          }
        }
      }
    }
  }
  return all;
}

std::set<Pair> pairs_of(const std::vector<Setting>& settings) {
  std::set<Pair> pairs;
  for (const Setting& setting : settings) {
    for (const Pair& pair : pairs_of(setting)) pairs.insert(pair);
  }
  return pairs;
}

}  // namespace

std::string describe(const Setting& s) {
  return std::to_string(s.concurrency) + " at once, chunk " + std::to_string(s.prompt_chunk) + ", " +
         std::to_string(s.threads) + " threads, " + name_of(s.kernels) + (s.scarce_pages ? ", scarce pages" : "");
}

std::vector<Setting> every_pair_of_values() {
  const std::vector<Setting> all = every_setting();
  std::set<Pair> open = pairs_of(all);
  std::vector<Setting> rows;
  while (!open.empty()) {
    const Setting* best = nullptr;
    size_t most = 0;
    for (const Setting& setting : all) {
      size_t gained = 0;
      for (const Pair& pair : pairs_of(setting)) gained += open.count(pair);
      if (gained > most) {
        most = gained;
        best = &setting;
      }
    }
    rows.push_back(*best);
    for (const Pair& pair : pairs_of(*best)) open.erase(pair);
  }
  return rows;
}

PairCount count_pairs(const std::vector<Setting>& settings) {
  return {static_cast<int>(pairs_of(settings).size()), static_cast<int>(pairs_of(every_setting()).size())};
}

}  // namespace studio::bit_identity
