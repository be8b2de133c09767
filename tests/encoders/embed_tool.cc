// Ids and vectors of texts for the parity test. Usage: embed_tool FOLDER ids|vectors < TEXTS > RESULTS
// TEXTS: each int32 n, then n bytes. RESULTS: each int32 n, then n x int32 ids, or n x f32 of the text's vector.
// Ids have [CLS] and [SEP]; what a model cannot take is cut behind its last token.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "engine/encoders/encoder.h"
#include "engine/formats/hf_tokenizer.h"
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

int write_ids(const WordPiece& pieces) {
  for (std::string text; read_text(text);) {
    const auto ids = pieces.encode_for_model(text);
    write(ids.data(), ids.size());
  }
  return 0;
}

int write_vectors(const WordPiece& pieces, const std::string& folder) {
  ThreadPool pool(2);
  auto encoder = Encoder::open(folder, *available_kernels().back(), pool);
  if (!encoder.ok()) return fail(encoder.error());
  const auto most = static_cast<size_t>((*encoder)->config().context_tokens);
  const auto width = static_cast<size_t>((*encoder)->config().hidden);
  std::string text;
  for (bool has_more = true; has_more;) {
    std::vector<std::vector<TokenId>> batch;
    while (batch.size() < kBatch && (has_more = read_text(text))) {
      batch.push_back(pieces.encode_for_model(text));
      if (batch.back().size() > most) batch.back().resize(most);
    }
    auto vectors = (*encoder)->embed(batch);
    if (!vectors.ok()) return fail(vectors.error());
    for (size_t i = 0; i < batch.size(); ++i) write(vectors->data() + i * width, width);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string folder = argv[1];
  auto json = read_file(folder + "/tokenizer.json", kMaxTokenizerJsonBytes);
  if (!json.ok()) return fail(json.error());
  auto pieces = WordPiece::from_json(*json);
  if (!pieces.ok()) return fail(pieces.error());
  return std::string_view(argv[2]) == "ids" ? write_ids(**pieces) : write_vectors(**pieces, folder);
}
