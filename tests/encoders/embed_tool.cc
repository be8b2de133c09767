// Ids and vectors of texts for the parity test. Usage: embed_tool FOLDER|FILE.gguf ids|vectors|fast < TEXTS > RESULTS
// TEXTS: each int32 n, then n bytes. RESULTS: each int32 n, then n x int32 ids, or n x f32 of the text's vector
// (fast: in the faster class of numerics).
// Ids have [CLS] and [SEP]; what a model cannot take is cut behind its last token.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "engine/encoders/encoder.h"
#include "engine/formats/gguf.h"
#include "engine/formats/hf_tokenizer.h"
#include "engine/tokenizer/unigram.h"
#include "engine/tokenizer/wordpiece.h"

namespace {

using namespace studio;
using namespace studio::engine;

constexpr size_t kBatch = 64;

int fail(const Error& error) {
  std::fprintf(stderr, "%s\n", error.message().c_str());
  return 1;
}

bool read_text(std::string& text) {
  int32_t bytes = 0;
  if (std::fread(&bytes, sizeof bytes, 1, stdin) != 1 || bytes < 0) return false;
  text.resize(static_cast<size_t>(bytes));
  return std::fread(text.data(), 1, text.size(), stdin) == text.size();
}

template <typename T>
void write(const T* values, size_t n) {
  const auto count = static_cast<int32_t>(n);
  std::fwrite(&count, sizeof count, 1, stdout);
  std::fwrite(values, sizeof(T), n, stdout);
}

using Encode = std::function<std::vector<TokenId>(std::string_view)>;

// A folder has a WordPiece, a GGUF file a unigram.
Result<Encode> tokenizer_of(const std::string& path) {
  if (path.ends_with(".gguf")) {
    STUDIO_TRY(const auto file, GgufFile::open(path));
    STUDIO_TRY(auto unigram, Unigram::from_gguf(file));
    return Encode([unigram](std::string_view text) { return unigram->encode_for_model(text); });
  }
  STUDIO_TRY(const auto json, read_file(path + "/tokenizer.json", kMaxTokenizerJsonBytes));
  STUDIO_TRY(auto pieces, WordPiece::from_json(json));
  return Encode([pieces](std::string_view text) { return pieces->encode_for_model(text); });
}

int write_ids(const Encode& encode) {
  for (std::string text; read_text(text);) {
    const auto ids = encode(text);
    write(ids.data(), ids.size());
  }
  return 0;
}

int write_vectors(const Encode& encode, const std::string& path, bool is_fast) {
  ThreadPool pool(2);
  auto encoder = Encoder::open(path, *available_kernels().back(), pool);
  if (!encoder.ok()) return fail(encoder.error());
  const auto most = static_cast<size_t>((*encoder)->config().context_tokens);
  const auto width = static_cast<size_t>((*encoder)->config().hidden);
  std::string text;
  for (bool has_more = true; has_more;) {
    std::vector<EncoderText> batch;
    while (batch.size() < kBatch && (has_more = read_text(text))) {
      batch.push_back({.ids = encode(text)});
      if (batch.back().ids.size() > most) batch.back().ids.resize(most);
    }
    auto vectors = is_fast ? (*encoder)->encode_fast(batch) : (*encoder)->encode(batch);
    if (!vectors.ok()) return fail(vectors.error());
    for (size_t i = 0; i < batch.size(); ++i) write(vectors->data() + i * width, width);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  auto encode = tokenizer_of(argv[1]);
  if (!encode.ok()) return fail(encode.error());
  const std::string_view what = argv[2];
  return what == "ids" ? write_ids(*encode) : write_vectors(*encode, argv[1], what == "fast");
}
