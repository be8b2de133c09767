// Encodes texts for the parity test. Usage: encode_tool FILE.gguf|tokenizer.json < TEXTS > IDS
// TEXTS: each int32 n, then n bytes; IDS: each int32 n, then n x int32. Special tokens are read (a template's text).
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/file.h"
#include "engine/tokenizer/tokenizer.h"

int main(int argc, char** argv) {
  using namespace studio;
  if (argc != 2) return 2;
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
  double seconds = 0, total = 0;
  while (std::fread(&bytes, sizeof bytes, 1, stdin) == 1 && bytes >= 0) {
    text.resize(static_cast<size_t>(bytes));
    if (std::fread(text.data(), 1, text.size(), stdin) != text.size()) return 1;
    const auto start = std::chrono::steady_clock::now();
    const auto ids = (*tokenizer)->encode_template(text);
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    total += static_cast<double>(text.size());
    const auto count = static_cast<int32_t>(ids.size());
    std::fwrite(&count, sizeof count, 1, stdout);
    std::fwrite(ids.data(), sizeof(int32_t), ids.size(), stdout);
  }
  std::fprintf(stderr, "%.1f MB, %.1f MB/s\n", total / 1e6, total / 1e6 / (seconds > 0 ? seconds : 1));
  return 0;
}
