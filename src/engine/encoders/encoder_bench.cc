// Texts a second of an encoder, by their length and how many come together, and which share of the float rate of the
// cores that is.
//
//   encoder_bench FOLDER|FILE.gguf [--threads N] [--set scalar|avx2|avx512] [--seconds S] [--fast]
//     [--tokens 16,128,256] [--texts 1,32] [--json]
//
// Ids are made up: time depends on their number alone. The best of several runs counts. Every vector of a batch is
// compared with the same text's alone.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>
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
  bool is_fast = false, is_json = false;
  double seconds = 2;
  std::vector<int> tokens = {16, 128, 256}, texts = {1, 32};
};

// Multiply-adds of one text: the matrices of each layer, and attention's two products.
double multiply_adds(const EncoderConfig& config, double tokens) {
  const double width = config.hidden, wide = config.feed_forward;
  return config.layers * (tokens * (4 * width * width + 2 * width * wide) + 2 * tokens * tokens * width);
}

double cosine(const float* a, const float* b, int width) {
  double product = 0, of_a = 0, of_b = 0;
  for (int i = 0; i < width; ++i) {
    const auto x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    product += x * y;
    of_a += x * x;
    of_b += y * y;
  }
  return product / std::sqrt(of_a * of_b);
}

std::vector<EncoderText> made_up(const EncoderConfig& config, int count, int tokens) {
  std::vector<EncoderText> texts(static_cast<size_t>(count));
  uint32_t state = 1;
  for (auto& text : texts) {
    for (int i = 0; i < tokens; ++i) {
      state = state * 1664525u + 1013904223u;
      text.ids.push_back(static_cast<TokenId>((state >> 8) % static_cast<uint32_t>(config.vocab)));
    }
  }
  return texts;
}

struct Measured {
  int tokens = 0, texts = 0;
  double seconds = 0;
  double cosine = 1;  // the least of a vector to the default class's
};

// Nothing where a text has other bits alone.
std::optional<Measured> measure(Encoder& encoder, Measured what, const Options& options) {
  const auto texts = made_up(encoder.config(), what.texts, what.tokens);
  const auto encode = [&](std::span<const EncoderText> some) {
    return options.is_fast ? encoder.encode_fast(some) : encoder.encode(some);
  };
  auto vectors = encode(texts);
  const auto alone = encode(std::span(texts).last(1)), plain = encoder.encode(texts);
  const int width = encoder.config().width();
  if (!vectors.ok() || !alone.ok() || !plain.ok() ||
      !std::equal(alone->begin(), alone->end(), vectors->end() - width)) {
    return std::nullopt;
  }
  for (size_t i = 0; i < vectors->size(); i += static_cast<size_t>(width)) {
    what.cosine = std::min(what.cosine, cosine(vectors->data() + i, plain->data() + i, width));
  }
  what.seconds = 1e9;
  const auto start = Clock::now();
  do {
    const auto begin = Clock::now();
    vectors = encode(texts);
    what.seconds = std::min(what.seconds, std::chrono::duration<double>(Clock::now() - begin).count());
  } while (std::chrono::duration<double>(Clock::now() - start).count() < options.seconds);
  return what;
}

void print(const Encoder& encoder, const Measured& found, const Options& options, bool is_first) {
  const double rate = found.texts / found.seconds;
  if (options.is_json) {
    std::printf("%s{\"tokens\": %d, \"texts\": %d, \"rate\": %.3f, \"cosine\": %.9f}", is_first ? "[" : ", ",
                found.tokens, found.texts, rate, found.cosine);
    return;
  }
  std::printf("%4d texts of %4d tokens: %8.2f ms, %8.1f texts/s, %7.1f GFLOP/s, cosine 1 - %.1e\n", found.texts,
              found.tokens, found.seconds * 1e3, rate, 2e-9 * multiply_adds(encoder.config(), found.tokens) * rate,
              1 - found.cosine);
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
  if (!options.is_json) {
    std::printf("%s, kernels %s, %d threads, opened in %.0f ms\n", (*encoder)->config().name.c_str(), (*kernels)->name,
                options.threads, std::chrono::duration<double>(Clock::now() - begin).count() * 1e3);
  }
  const int most = (*encoder)->config().context_tokens;
  bool is_first = true;
  for (const int tokens : options.tokens) {
    for (const int texts : options.texts) {
      const auto found = measure(**encoder, {.tokens = std::min(tokens, most), .texts = texts}, options);
      if (!found) return std::fprintf(stderr, "a text has other bits alone\n"), 1;
      print(**encoder, *found, options, is_first);
      is_first = false;
    }
  }
  if (options.is_json) std::printf("]\n");
  return 0;
}

// "1,8,32"
std::vector<int> numbers(const char* text) {
  std::vector<int> found;
  for (char* end = nullptr; *text != 0; text = *end == ',' ? end + 1 : end) {
    const long number = std::strtol(text, &end, 10);
    if (end == text || number < 1) std::exit(2);
    found.push_back(static_cast<int>(number));
  }
  return found;
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
    } else if (word == "--tokens" && i + 1 < argc) {
      options.tokens = studio::engine::numbers(argv[++i]);
    } else if (word == "--texts" && i + 1 < argc) {
      options.texts = studio::engine::numbers(argv[++i]);
    } else if (word == "--json") {
      options.is_json = true;
    } else if (word == "--fast") {
      options.is_fast = true;
    } else if (word == "--seconds" && i + 1 < argc) {
      options.seconds = std::atof(argv[++i]);
    } else {
      options.path = word;
    }
  }
  return studio::engine::run(options);
}
