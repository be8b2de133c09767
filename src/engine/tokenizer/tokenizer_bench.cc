// Megabytes a second of text to ids, on one thread, and milliseconds until a vocabulary is ready.
// Usage: tokenizer_bench MODEL.gguf TEXT.txt...
// "built": the tables are made from the vocabulary; "kept": they are read from a folder, as at every start but the
// first.
// Each text is cut to several sizes. "first": a tokenizer that has met no text yet; "again": the least time of more
// runs. Before it is timed a text's ids are compared with those of the plain definition, and what they stand for with
// the text.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/file.h"
#include "engine/formats/gguf.h"
#include "engine/tokenizer/plain_tokenizer.h"
#include "engine/tokenizer/tokenizer.h"

namespace {

using namespace studio;
using namespace studio::engine;

constexpr size_t kSizes[] = {512, 4096, 65'536, 4'194'304};
constexpr size_t kBytesAgain = 8u << 20;  // of all runs after the first together
constexpr size_t kMaxTextBytes = 64u << 20;
constexpr int kLoads = 9;

template <typename Fn>
double seconds(Fn&& fn) {
  const auto start = std::chrono::steady_clock::now();
  fn();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The first `bytes` of the text, no character cut in two.
std::string_view head(std::string_view text, size_t bytes) {
  if (bytes >= text.size()) return text;
  while (bytes > 0 && (static_cast<uint8_t>(text[bytes]) & 0xC0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

bool is_right(const TokenizerData& data, const Tokenizer& tokenizer, const PlainTokenizer& plain,
              std::string_view text) {
  const std::vector<TokenId> ids = tokenizer.encode(text);
  if (ids != plain.encode(text)) return false;
  std::string bytes;
  for (const TokenId id : ids) bytes += tokenizer.token_bytes(id);
  return bytes == (data.nfc ? PlainTokenizer::normalised(text) : std::string(text));
}

// By a tokenizer as it is after start; the tables of the process (character classes) are there by then.
double first_time(const TokenizerData& data, std::string_view text) {
  auto tokenizer = Tokenizer::build(data);
  if (!tokenizer.ok()) return 0;
  return seconds([&] { (void)(*tokenizer)->encode(text); });
}

double least_time(const Tokenizer& tokenizer, std::string_view text) {
  double least = 1e9;
  for (size_t runs = std::max<size_t>(3, kBytesAgain / std::max<size_t>(1, text.size())); runs > 0; --runs) {
    least = std::min(least, seconds([&] { (void)tokenizer.encode(text); }));
  }
  return least;
}

// A folder for kept tables, gone at the end.
class KeptFolder {
 public:
  KeptFolder() { path_ = ::mkdtemp(name_.data()) != nullptr ? name_ : std::string(); }
  ~KeptFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  KeptFolder(const KeptFolder&) = delete;
  KeptFolder& operator=(const KeptFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string name_ = std::filesystem::temp_directory_path() / "tokenizer_bench.XXXXXX", path_;
};

template <typename Load>
void print_loads(const char* how, Load&& load) {
  std::vector<double> loads;
  for (int i = 0; i < kLoads; ++i) loads.push_back(1e3 * seconds([&] { (void)load(); }));
  std::printf("%s: first load %.1f ms, ", how, loads[0]);
  std::sort(loads.begin(), loads.end());
  std::printf("least %.1f ms, median %.1f ms\n", loads[0], loads[kLoads / 2]);
}

int measure_texts(const TokenizerData& data, const Tokenizer& tokenizer, char** paths, int count) {
  const PlainTokenizer plain(data, tokenizer);
  for (int i = 0; i < count; ++i) {
    auto text = read_file(paths[i], kMaxTextBytes);
    if (!text.ok()) return std::fprintf(stderr, "%s\n", text.error().message().c_str()), 1;
    size_t before = 0;
    for (const size_t size : kSizes) {
      const std::string_view part = head(*text, size);
      if (part.size() == before) break;
      before = part.size();
      if (!is_right(data, tokenizer, plain, part)) return std::fprintf(stderr, "%s: wrong ids\n", paths[i]), 1;
      const double first = first_time(data, part), again = least_time(tokenizer, part), megabytes = part.size() / 1e6;
      std::printf("%-40s %8zu bytes   first %7.1f MB/s   again %7.1f MB/s\n", paths[i], part.size(), megabytes / first,
                  megabytes / again);
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: tokenizer_bench MODEL.gguf TEXT.txt...\n"), 2;
  auto file = GgufFile::open(argv[1]);
  if (!file.ok()) return std::fprintf(stderr, "%s\n", file.error().message().c_str()), 1;
  auto data = TokenizerData::from_gguf(*file);
  if (!data.ok()) return std::fprintf(stderr, "%s\n", data.error().message().c_str()), 1;
  auto tokenizer = Tokenizer::build(*data);
  if (!tokenizer.ok()) return std::fprintf(stderr, "%s\n", tokenizer.error().message().c_str()), 1;
  std::printf("%d tokens, %zu merges\n", (*tokenizer)->vocab_size(), data->merges.size());
  const KeptFolder folder;
  print_loads("built", [&] { return Tokenizer::from_gguf(*file); });
  if (!Tokenizer::open(*file, {folder.path(), {}}).ok()) return 1;
  print_loads("kept", [&] { return Tokenizer::open(*file, {folder.path(), {}}); });
  return measure_texts(*data, **tokenizer, argv + 2, argc - 2);
}
