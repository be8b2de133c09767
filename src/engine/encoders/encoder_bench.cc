// Texts a second of an encoder, by their length and how many come together, and which share of the float rate of the
// cores that is.
//
//   encoder_bench FOLDER|FILE.gguf [--threads N] [--set scalar|avx2|avx512] [--seconds S]
//
// Ids are made up: time depends on their number alone. The best of several runs counts. Every vector of a batch is
// compared with the same text's alone.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "engine/encoders/encoder.h"

namespace studio::engine {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string path;
  int threads = static_cast<int>(std::thread::hardware_concurrency());
  std::string set;
  double seconds = 2;
};

// Multiply-adds of one text: the matrices of each layer, and attention's two products.
double multiply_adds(const EncoderConfig& config, double tokens) {
  const double width = config.hidden, wide = config.feed_forward;
  return config.layers * (tokens * (4 * width * width + 2 * width * wide) + 2 * tokens * tokens * width);
}

std::vector<std::vector<TokenId>> made_up(const EncoderConfig& config, int count, int tokens) {
  std::vector<std::vector<TokenId>> texts(static_cast<size_t>(count));
  uint32_t state = 1;
  for (auto& text : texts) {
    for (int i = 0; i < tokens; ++i) {
      state = state * 1664525u + 1013904223u;
      text.push_back(static_cast<TokenId>((state >> 8) % static_cast<uint32_t>(config.vocab)));
    }
  }
  return texts;
}

bool measure(Encoder& encoder, int count, int tokens, double seconds) {
  const auto texts = made_up(encoder.config(), count, tokens);
  auto vectors = encoder.embed(texts);
  auto alone = encoder.embed(std::span(texts).last(1));
  if (!vectors.ok() || !alone.ok() ||
      !std::equal(alone->begin(), alone->end(), vectors->end() - encoder.config().hidden)) {
    return false;
  }
  double best = 1e9;
  const auto start = Clock::now();
  do {
    const auto begin = Clock::now();
    vectors = encoder.embed(texts);
    best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count());
  } while (std::chrono::duration<double>(Clock::now() - start).count() < seconds);
  const double rate = 2 * multiply_adds(encoder.config(), tokens) * count / best;
  std::printf("%4d texts of %4d tokens: %8.2f ms, %8.1f texts/s, %7.1f GFLOP/s\n", count, tokens, best * 1e3,
              count / best, rate / 1e9);
  return true;
}

Result<const KernelSet*> kernels_named(const std::string& name) {
  if (name.empty()) return select_kernels(Isa::kAuto);
  for (const KernelSet* set : available_kernels()) {
    if (set->name == name) return set;
  }
  return Error(Code::kInvalidArgument, "this machine has no set " + name);
}

int run(const Options& options) {
  auto kernels = kernels_named(options.set);
  if (!kernels.ok()) return std::fprintf(stderr, "%s\n", kernels.error().message().c_str()), 1;
  ThreadPool pool(options.threads);
  const auto begin = Clock::now();
  auto encoder = Encoder::open(options.path, **kernels, pool);
  if (!encoder.ok()) return std::fprintf(stderr, "%s\n", encoder.error().message().c_str()), 1;
  std::printf("%s, kernels %s, %d threads, opened in %.0f ms\n", (*encoder)->config().name.c_str(), (*kernels)->name,
              options.threads, std::chrono::duration<double>(Clock::now() - begin).count() * 1e3);
  const int most = (*encoder)->config().context_tokens;
  for (const int tokens : {16, 128, 256}) {
    for (const int count : {1, 32}) {
      if (!measure(**encoder, count, std::min(tokens, most), options.seconds)) {
        return std::fprintf(stderr, "a text has other bits alone\n"), 1;
      }
    }
  }
  return 0;
}

}  // namespace
}  // namespace studio::engine

int main(int argc, char** argv) {
  studio::engine::Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--threads" && i + 1 < argc) {
      options.threads = std::atoi(argv[++i]);
    } else if (word == "--set" && i + 1 < argc) {
      options.set = argv[++i];
    } else if (word == "--seconds" && i + 1 < argc) {
      options.seconds = std::atof(argv[++i]);
    } else {
      options.path = word;
    }
  }
  return studio::engine::run(options);
}
