// Encodes texts for the parity test. Usage: encode_tool FILE.gguf|tokenizer.json [REPEATS] < TEXTS > RESULTS
// TEXTS: each int32 n, then n bytes. RESULTS: each f64 least CPU seconds of REPEATS runs, int32 n, then n x int32 ids.
// Special tokens are read (a template's text).
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "engine/formats/gguf.h"
#include "engine/tokenizer/tokenizer.h"

namespace {

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace studio;
  if (argc < 2 || argc > 3) return 2;
  const int repeats = argc == 3 ? std::max(1, std::atoi(argv[2])) : 1;
  const std::string path = argv[1];
  Result<std::shared_ptr<const engine::Tokenizer>> tokenizer = Error(Code::kInternal, "");
  if (path.ends_with(".gguf")) {
    auto file = engine::GgufFile::open(path);
    if (!file.ok()) return std::fprintf(stderr, "%s\n", file.error().message().c_str()), 1;
    tokenizer = engine::Tokenizer::from_gguf(*file);
  } else {
    auto text = read_file(path, 64u << 20);
    if (!text.ok()) return std::fprintf(stderr, "%s\n", text.error().message().c_str()), 1;
    tokenizer = engine::Tokenizer::from_json(*text);
  }
  if (!tokenizer.ok()) return std::fprintf(stderr, "%s\n", tokenizer.error().message().c_str()), 1;
  int32_t bytes = 0;
  std::string text;
  while (std::fread(&bytes, sizeof bytes, 1, stdin) == 1 && bytes >= 0) {
    text.resize(static_cast<size_t>(bytes));
    if (std::fread(text.data(), 1, text.size(), stdin) != text.size()) return 1;
    double least = 1e9;
    std::vector<engine::TokenId> ids;
    for (int i = 0; i < repeats; ++i) {
      const double start = cpu_seconds();
      ids = (*tokenizer)->encode_template(text);
      least = std::min(least, cpu_seconds() - start);
    }
    const auto count = static_cast<int32_t>(ids.size());
    std::fwrite(&least, sizeof least, 1, stdout);
    std::fwrite(&count, sizeof count, 1, stdout);
    std::fwrite(ids.data(), sizeof(int32_t), ids.size(), stdout);
  }
  return 0;
}
