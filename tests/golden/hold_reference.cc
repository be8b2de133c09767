// Holds the plain reference against `transformers` on a real model: hold_reference MODEL.gguf DIR [THREADS]
//
// DIR is what tools/golden/reference_logits.py wrote for that file. Prints the worst error over all contexts as a share
// of the logit range; exit 0 when it is at most 1e-4 and there were at least 50 contexts.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "logit_error.h"
#include "reference_model.h"
#include "sequence_files.h"

namespace {

using studio::golden::LogitFile;

constexpr double kMaxError = 1e-4;
constexpr size_t kMinContexts = 50;

template <class T>
T take(studio::Result<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "hold_reference: %s\n", result.error().message().c_str());
    std::exit(2);
  }
  return std::move(*result);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: hold_reference MODEL.gguf DIR [THREADS]\n");
    return 2;
  }
  const std::string folder = argv[2];
  const int threads = argc > 3 ? std::max(1, std::atoi(argv[3])) : 2;
  auto model = take(studio::reference::ReferenceModel::open(argv[1], threads));
  const size_t vocab = static_cast<size_t>(model->config().vocab);
  const auto contexts = take(studio::golden::read_tokens(folder + "/contexts.tokens"));
  auto file = take(LogitFile::open(folder + "/picked.logits", LogitFile::Kind::kPicked, vocab));

  double worst = 0;
  size_t rows = 0;
  for (size_t c = 0; c < contexts.size(); ++c) {
    const auto expected = take(file.next());
    size_t at = 0;
    model->logits(contexts[c], [&](int position, const float* row) {
      if (at == expected.positions.size() || position != expected.positions[at]) return;
      worst = std::max(worst, studio::golden::logit_error(expected.values.data() + at * vocab, row, vocab));
      ++at;
    });
    rows += at;
    std::fprintf(stderr, "\rcontext %zu of %zu, worst error %.2e of the range", c + 1, contexts.size(), worst);
  }
  std::fprintf(stderr, "\n");
  const bool green = worst <= kMaxError && contexts.size() >= kMinContexts;
  std::printf("reference against transformers: %zu contexts, %zu rows, worst error %.2e of the logit range: %s\n",
              contexts.size(), rows, worst, green ? "green" : "red");
  return green ? 0 : 1;
}
