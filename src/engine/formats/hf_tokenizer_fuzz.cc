// Any texts as the files of a model folder that make its vocabulary: refused with a reason, or keys of a model.
// Input: tokenizer.json, config.json, tokenizer_config.json, generation_config.json, parted by a byte FF, which no
// UTF-8 holds. Those that are missing or refused are as if the folder had a plain one.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_mutator.h"
#include "engine/formats/gguf.h"
#include "engine/formats/hf_text.h"

namespace {

using namespace studio;
using namespace studio::engine;

constexpr char kBetween = '\xff';
constexpr int kPlainVocab = 512, kMaxVocab = 4096;  // more rows teach nothing more

void check(bool holds) {
  if (!holds) std::abort();
}

std::array<std::string_view, 4> files_of(std::string_view input) {
  std::array<std::string_view, 4> files;
  for (std::string_view& file : files) {
    const size_t size = std::min(input.find(kBetween), input.size());
    file = input.substr(0, size);
    input.remove_prefix(std::min(size + 1, input.size()));
  }
  return files;
}

template <typename T>
T taken_or(Result<T> read, T plain) {
  if (read.ok()) return std::move(*read);
  check(!read.error().message().empty());
  return plain;
}

// One of the files changes and stays a document.
class FolderMutator : fuzz::Mutator {
 public:
  explicit FolderMutator(unsigned seed) : Mutator(seed), json_(seed) {}

  std::string mutate(std::string_view input) {
    const auto files = files_of(input);
    const size_t chosen = below(files.size());
    const std::string changed = json_.mutate(files[chosen].empty() ? "{}" : files[chosen]);
    if (changed.empty()) return {};
    std::string out;
    for (size_t i = 0; i < files.size(); ++i) {
      if (i > 0) out += kBetween;
      out += i == chosen ? std::string_view(changed) : files[i];
    }
    return out;
  }

 private:
  fuzz::JsonMutator json_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto files = files_of({reinterpret_cast<const char*>(data), size});
  auto read = HfTokenizer::parse(files[0]);
  if (!read.ok()) {
    check(!read.error().message().empty());
    return 0;
  }
  check(!read->split.empty());
  for (const HfAddedToken& token : read->added) check(token.id >= 0);
  HfConfig plain;
  plain.vocab = kPlainVocab;
  HfConfig model = taken_or(HfConfig::parse(files[1]), std::move(plain));
  model.vocab = std::min(model.vocab, kMaxVocab);
  HfText text;
  text.tokenizer = std::move(*read);
  text.config = taken_or(HfTokenizerConfig::parse(files[2]), HfTokenizerConfig{});
  text.generation_end_ids = taken_or(parse_generation_end_ids(files[3]), std::vector<int32_t>{});
  GgufWriter writer;
  if (auto described = text.describe(model, writer); !described.ok()) {
    check(!described.error().message().empty());
    return 0;
  }
  auto bytes = writer.finish();
  if (!bytes.ok()) return 0;  // a text over GGUF's limits
  auto file = GgufFile::parse(*bytes);
  check(file.ok() && file->find_entry("tokenizer.ggml.tokens")->count == static_cast<uint64_t>(model.vocab));
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<FolderMutator>(data, size, max_size, seed);
}
