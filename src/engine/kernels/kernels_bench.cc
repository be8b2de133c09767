// How near the matrix products come to the machine: GB/s of weights and TOPS for 1 .. 512 columns, beside the stream
// bandwidth and the integer dot rate measured in the same run, before and after every line.
//
//   kernels_bench [--threads N] [--set scalar|avx2|avx512|amx] [--quick] [--type NAME]
//
// "roof" is the larger of bytes / bandwidth and operations / dot rate, over the time taken. The dot rate is that of the
// set's own instruction: AVX-512 VNNI, or tiles with one block of K in each product, which is all that scales per
// block allow. The best of several repetitions counts, for the roofs too. Every product is checked against the scalar
// set on one panel.
#include <immintrin.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "engine/formats/block_encode.h"
#include "engine/kernels/matmul.h"
#include "engine/kernels/tile_config.h"

namespace studio::engine {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kStreamBytes = 256u << 20;  // well past any last-level cache
constexpr int64_t kMatrixBytes = 192 << 20;

template <typename Fn>
double best_seconds(int repetitions, Fn fn) {
  double best = 1e9;
  for (int i = 0; i < repetitions; ++i) {
    const auto begin = Clock::now();
    fn();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count());
  }
  return best;
}

// Reads every cache line once.
__attribute__((target("avx2"))) uint64_t read_all(const uint8_t* data, size_t bytes) {
  __m256i sum[8] = {};
  for (size_t i = 0; i + 256 <= bytes; i += 256) {
#pragma clang loop unroll(full)
    for (int j = 0; j < 8; ++j) {
      sum[j] = _mm256_xor_si256(sum[j], _mm256_load_si256(reinterpret_cast<const __m256i*>(data + i + 32 * j)));
    }
  }
  for (int j = 1; j < 8; ++j) sum[0] = _mm256_xor_si256(sum[0], sum[j]);
  return static_cast<uint64_t>(_mm256_extract_epi64(sum[0], 0));
}

// Twelve independent chains of dot instructions; returns operations done.
__attribute__((target("avx512f,avx512vnni"))) double dot_loop(int64_t rounds) {
  __m512i acc[12], a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(5);
  for (auto& x : acc) x = _mm512_setzero_si512();
  for (int64_t i = 0; i < rounds; ++i) {
#pragma clang loop unroll(full)
    for (int j = 0; j < 12; ++j) {
      acc[j] = _mm512_dpbusd_epi32(acc[j], a, b);
      __asm__ volatile("" : "+v"(acc[j]));
    }
  }
  for (int j = 1; j < 12; ++j) acc[0] = _mm512_add_epi32(acc[0], acc[j]);
  volatile int sink = _mm512_reduce_add_epi32(acc[0]);
  (void)sink;
  return static_cast<double>(rounds) * 12 * 128;
}

// The same with tiles: two products in turn, each with its loads and its store, as matmul_amx_impl.h has them.
__attribute__((target("amx-tile,amx-int8"))) double tile_loop(int64_t rounds) {
  static constexpr TileConfig kConfig = product_tiles(kActivationBlock);
  alignas(64) static const int8_t input[2][16][kActivationBlock] = {};
  alignas(64) static const int8_t codes[2][8][64] = {};
  alignas(64) int32_t sums[2][16][16];
  _tile_loadconfig(&kConfig);
  for (int64_t i = 0; i < rounds; ++i) {
    _tile_zero(0);
    _tile_loadd(2, input[0], kActivationBlock);
    _tile_loadd(4, codes[0], kTileRowBytes);
    _tile_dpbssd(0, 2, 4);
    _tile_stored(0, sums[0], kTileRowBytes);
    _tile_zero(1);
    _tile_loadd(3, input[1], kActivationBlock);
    _tile_loadd(5, codes[1], kTileRowBytes);
    _tile_dpbssd(1, 3, 5);
    _tile_stored(1, sums[1], kTileRowBytes);
  }
  _tile_release();
  return static_cast<double>(rounds) * 2 * 2 * 16 * 16 * kActivationBlock;
}

struct Roofs {
  double bandwidth;  // bytes per second, all threads
  double dots;       // operations per second, all threads; 0 where the CPU has no such instruction
};

class Machine {
 public:
  Machine(const KernelSet& set, ThreadPool& pool) : set_(set), pool_(pool), stream_(kStreamBytes) {
    std::memset(stream_.data(), 1, kStreamBytes);
  }

  Roofs measure() {
    Roofs roofs{};
    const double seconds = best_seconds(3, [&] {
      pool_.parallel_for(static_cast<int64_t>(kStreamBytes >> 20), 4, [&](int64_t begin, int64_t end, int) {
        volatile uint64_t sink = read_all(stream_.data() + (begin << 20), static_cast<size_t>(end - begin) << 20);
        (void)sink;
      });
    });
    roofs.bandwidth = kStreamBytes / seconds;
    if (set_.isa == Isa::kAmx) {
      roofs.dots = rate_of(tile_loop, 500'000);
    } else if (__builtin_cpu_supports("avx512vnni")) {
      roofs.dots = rate_of(dot_loop, 2'000'000);
    }
    return roofs;
  }

 private:
  double rate_of(double (*loop)(int64_t), int64_t rounds) {
    std::atomic<double> operations = 0;
    const double seconds = best_seconds(3, [&] {
      operations = 0;
      pool_.parallel_for(pool_.threads(), 1, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) operations += loop(rounds);
      });
    });
    return operations / seconds;
  }

  const KernelSet& set_;
  ThreadPool& pool_;
  AlignedBuffer stream_;
};

PanelMatrix big_matrix(DType type, int k, ThreadPool& pool) {
  std::vector<float> values(static_cast<size_t>(k));
  uint32_t state = 1;
  std::vector<uint8_t> some;  // 64 different rows, repeated
  const size_t bytes = row_bytes(type, values.size());
  for (int r = 0; r < 64; ++r) {
    for (float& v : values) v = static_cast<float>(static_cast<int32_t>(state = state * 1664525 + 1013904223)) * 1e-9f;
    some.resize(some.size() + bytes);
    encode_row(type, values.data(), some.data() + some.size() - bytes, values.size());
  }
  const int64_t rows = kMatrixBytes / static_cast<int64_t>(bytes) / 64 * 64;
  std::vector<uint8_t> data(static_cast<size_t>(rows) * bytes);
  for (size_t at = 0; at < data.size(); at += some.size()) std::memcpy(data.data() + at, some.data(), some.size());
  auto matrix = PanelMatrix::build(type, rows, k, data, &pool);
  if (!matrix.ok()) std::abort();
  return std::move(*matrix);
}

void check(const KernelSet& set, const PanelMatrix& weights, const Activations& x) {
  const auto columns = static_cast<size_t>(x.columns());
  std::vector<float> found(16 * columns), expected(16 * columns);
  set.matmul(weights.view(), x.view(), {.out = found.data(), .stride = 16}, 0, 1);
  available_kernels().front()->matmul(weights.view(), x.view(), {.out = expected.data(), .stride = 16}, 0, 1);
  if (std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)) != 0) {
    std::fprintf(stderr, "wrong result: %s, %d columns\n", set.name, x.columns());
    std::exit(1);
  }
}

void bench_type(const KernelSet& set, ThreadPool& pool, Machine& machine, DType type, int k,
                const std::vector<int>& column_counts) {
  const PanelMatrix weights = big_matrix(type, k, pool);
  double one_column = 0;
  for (int columns : column_counts) {
    // Many columns over a slice: enough work to time, not more.
    const int64_t panels =
        columns <= 16 ? weights.panels() : std::min<int64_t>(weights.panels(), std::min(400'000 / k, 304));
    Activations x(columns, k, {.codes = is_quantised(type), .values = !is_quantised(type)});
    std::vector<float> values(static_cast<size_t>(columns) * static_cast<size_t>(k));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(static_cast<int>(i * 7919 % 255) - 127);
    set.quantize(values.data(), static_cast<size_t>(k), x.view(), 0, columns, 0, x.view().k);
    check(set, weights, x);
    // As in a model: columns start at 64-byte borders, some thousands of rows apart.
    const auto stride = static_cast<size_t>(panels) * kPanelRows;
    const AlignedBuffer y(static_cast<size_t>(columns) * stride * sizeof(float));
    const MatmulOutput out{.out = y.as<float>(), .stride = stride};

    const Roofs before = machine.measure();
    const int64_t chunk = std::max<int64_t>(1, panels / (32 * pool.threads())) * 2;
    const double seconds = best_seconds(columns <= 16 ? 7 : 5, [&] {
      pool.parallel_for(panels, chunk, [&](int64_t begin, int64_t end, int) {
        set.matmul(weights.view(), x.view(), out, static_cast<int>(begin), static_cast<int>(end));
      });
    });
    const Roofs after = machine.measure();
    const Roofs roofs{std::max(before.bandwidth, after.bandwidth), std::max(before.dots, after.dots)};

    const double bytes = static_cast<double>(panels) * static_cast<double>(weights.view().panel_bytes);
    const double operations = 2.0 * static_cast<double>(panels) * 16 * k * columns;
    if (columns == 1) one_column = seconds;
    const double floor = std::max(bytes / roofs.bandwidth, roofs.dots > 0 ? operations / roofs.dots : 0);
    std::printf(
        "%-6s %5d %4d | %6.1f GB/s %3.0f%% of %5.1f | %6.3f TOPS %3.0f%% of %5.3f | roof %3.0f%% | x%.2f of one\n",
        std::string(dtype_name(type)).c_str(), k, columns, bytes / seconds / 1e9,
        100 * bytes / seconds / roofs.bandwidth, roofs.bandwidth / 1e9, operations / seconds / 1e12,
        roofs.dots > 0 ? 100 * operations / seconds / roofs.dots : 0, roofs.dots / 1e12, 100 * floor / seconds,
        columns <= 16 && one_column > 0 ? seconds / one_column : 0);
    std::fflush(stdout);
  }
}

void bench_barrier(ThreadPool& pool) {
  constexpr int kLoops = 20'000;
  const double seconds = best_seconds(5, [&] {
    for (int i = 0; i < kLoops; ++i) pool.parallel_for(pool.threads() * 4, 1, [](int64_t, int64_t, int) {});
  });
  std::printf("empty loop over %d threads: %.0f ns\n", pool.threads(), seconds / kLoops * 1e9);
}

int run(int argc, char** argv) {
  int threads = static_cast<int>(std::thread::hardware_concurrency());
  bool quick = false;
  std::string set_name, only_type;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg == "--quick") quick = true;
    if (arg == "--threads" && i + 1 < argc) threads = std::max(1, std::atoi(argv[++i]));
    if (arg == "--set" && i + 1 < argc) set_name = argv[++i];
    if (arg == "--type" && i + 1 < argc) only_type = argv[++i];
  }
  const std::vector<const KernelSet*> sets = available_kernels();
  const auto named = std::find_if(sets.begin(), sets.end(), [&](auto* one) { return set_name == one->name; });
  if (!set_name.empty() && named == sets.end()) {
    std::fprintf(stderr, "this machine cannot run the kernels \"%s\"\n", set_name.c_str());
    return 1;
  }
  const KernelSet* set = set_name.empty() ? sets.back() : *named;
  ThreadPool pool(threads);
  Machine machine(*set, pool);
  std::printf("set %s, %d threads\n", set->name, pool.threads());
  bench_barrier(pool);
  std::printf("type       K    N | weights                     | arithmetic                  |\n");
  const std::vector<int> columns =
      quick ? std::vector<int>{1, 8, 16, 256} : std::vector<int>{1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 256, 512};
  const std::pair<DType, int> shapes[] = {{DType::kQ5_0, 896},  {DType::kQ8_0, 896},  {DType::kQ4_K, 4864},
                                          {DType::kQ6_K, 4864}, {DType::kQ4_K, 1536}, {DType::kQ6_K, 1536},
                                          {DType::kQ4_K, 8960}, {DType::kQ4_0, 896},  {DType::kQ4_1, 576}};
  for (const auto& [type, k] : shapes) {
    if (only_type.empty() || only_type == dtype_name(type)) bench_type(*set, pool, machine, type, k, columns);
  }
  return 0;
}

}  // namespace
}  // namespace studio::engine

int main(int argc, char** argv) {
  return studio::engine::run(argc, argv);
}
