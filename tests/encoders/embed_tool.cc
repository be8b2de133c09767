// Ids and values of texts for the parity tests. Usage: embed_tool MODEL ids|vectors|fast|pairs < TEXTS > RESULTS
// MODEL: an encoder's folder or GGUF file; for ids also a tokenizer.json with a unigram.
// TEXTS: each int32 n, then n bytes. RESULTS: each int32 n, then n x int32 ids, or n x f32 of the text's vector
// (fast: in the faster class of numerics).
// pairs: a text is query, NUL, document, and its result the logit. Ids have what the model wants around a text; of
// values' texts what it cannot take is cut, as Hugging Face truncates: what stands around a text stays.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "engine/encoders/encoder.h"
#include "engine/formats/open_encoder.h"
#include "engine/formats/tokenizer_json.h"
#include "inference/encoder_model.h"

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

Result<Encode> tokenizer_of(const std::string& path) {
  if (path.ends_with(".json")) {
    STUDIO_TRY(const auto json, read_file(path, kMaxTokenizerJsonBytes));
    STUDIO_TRY(auto unigram, Unigram::from_json(json));
    return Encode([unigram](std::string_view text) { return unigram->encode_for_model(text); });
  }
  STUDIO_TRY(const auto head, read_encoder_head(path));
  STUDIO_TRY(auto tokenizer, EncoderTokenizer::open(head, path));
  return Encode([tokenizer](std::string_view text) {
    std::vector<TokenId> ids = tokenizer->before();
    for (const auto& more : {tokenizer->encode(text), tokenizer->after()})
      ids.insert(ids.end(), more.begin(), more.end());
    return ids;
  });
}

int write_ids(const std::string& path) {
  auto encode = tokenizer_of(path);
  if (!encode.ok()) return fail(encode.error());
  for (std::string text; read_text(text);) {
    const auto ids = (*encode)(text);
    write(ids.data(), ids.size());
  }
  return 0;
}

using Prepare = std::function<Result<EncoderText>(const std::string&)>;

// Batches of texts through the model; each gives config().width() values.
int write_values(const std::string& path, const Prepare& prepare, bool is_fast = false) {
  ThreadPool pool(2);
  auto encoder = Encoder::open(path, *available_kernels().back(), pool);
  if (!encoder.ok()) return fail(encoder.error());
  const auto width = static_cast<size_t>((*encoder)->config().width());
  std::string text;
  for (bool has_more = true; has_more;) {
    std::vector<EncoderText> batch;
    while (batch.size() < kBatch && (has_more = read_text(text))) {
      auto prepared = prepare(text);
      if (!prepared.ok()) return fail(prepared.error());
      batch.push_back(std::move(*prepared));
    }
    auto values = is_fast ? (*encoder)->encode_fast(batch) : (*encoder)->encode(batch);
    if (!values.ok()) return fail(values.error());
    for (size_t i = 0; i < batch.size(); ++i) write(values->data() + i * width, width);
  }
  return 0;
}

int write_vectors(const std::string& path, bool is_fast) {
  const auto model = inference::EncoderModel::open(path, nullptr);
  if (!model.ok()) return fail(model.error());
  return write_values(
      path,
      [&](const std::string& text) -> Result<EncoderText> {
        STUDIO_TRY(auto prepared, (*model)->prepare_text(text, "text", inference::TooLong::kIsCut));
        return std::move(prepared.text);
      },
      is_fast);
}

int write_pairs(const std::string& path) {
  const auto model = inference::EncoderModel::open(path, nullptr);
  if (!model.ok()) return fail(model.error());
  return write_values(path, [&](const std::string& text) -> Result<EncoderText> {
    const size_t end = std::min(text.find('\0'), text.size() - 1);
    const auto query = (*model)->query_ids(std::string_view(text).substr(0, end));
    STUDIO_TRY(auto prepared, (*model)->prepare_pair(query, std::string_view(text).substr(end + 1), "text",
                                                     inference::TooLong::kIsCut));
    return std::move(prepared.text);
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string_view what = argv[2];
  if (what == "ids") return write_ids(argv[1]);
  return what == "pairs" ? write_pairs(argv[1]) : write_vectors(argv[1], what == "fast");
}
