// The parts around the model, each timed and its result handed out; peers/llama_parts.cc does the same for the peer.
// Usage: parts_bench vocabulary MODEL         seconds until the vocabulary of a model file is ready, its tables built
//        parts_bench vocabulary MODEL FOLDER  the same as a server does it: by the tables that FOLDER keeps; the first
//                                             time it builds them and keeps them there
//        parts_bench tokenize MODEL < TEXTS   (parts_protocol.h)
//        parts_bench sample top_k|top_p       seconds of a draw from a row of logits
#include "parts_protocol.h"

#include <memory>

#include "engine/formats/gguf.h"
#include "engine/formats/open_model.h"
#include "engine/formats/panel_file.h"
#include "engine/sampling/sampler.h"
#include "engine/tokenizer/tokenizer.h"

namespace {

using namespace studio;
using namespace studio::engine;

Result<std::shared_ptr<const Tokenizer>> load(const char* path) {
  STUDIO_TRY(auto file, GgufFile::open(path));
  return Tokenizer::from_gguf(file);
}

// As TextModel opens it.
Result<std::shared_ptr<const Tokenizer>> load_kept(const char* path, const char* folder) {
  STUDIO_TRY(const ModelSource file, read_model_head(path));
  return Tokenizer::open(file, {folder, panel_vocabulary(file, path)});
}

int vocabulary(const char* path, const char* folder) {
  const double start = parts::wall_seconds();
  auto tokenizer = folder == nullptr ? load(path) : load_kept(path, folder);
  const double took = parts::wall_seconds() - start;
  if (!tokenizer.ok()) return std::fprintf(stderr, "%s\n", tokenizer.error().message().c_str()), 1;
  std::printf("{\"seconds\": %.9f, \"tokens\": %d}\n", took, (*tokenizer)->vocab_size());
  return 0;
}

int tokenize(const char* path) {
  auto tokenizer = load(path);
  if (!tokenizer.ok()) return std::fprintf(stderr, "%s\n", tokenizer.error().message().c_str()), 1;
  return parts::tokenize_all([&](std::string_view text) { return (*tokenizer)->encode(text); });
}

int sample(const parts::Chain& chain) {
  SamplingParams params;
  params.top_k = chain.top_k;
  params.top_p = chain.top_p;
  params.min_p = chain.min_p;
  Sampler sampler(parts::kVocab);
  const bool is_right = parts::sample_all(chain, [&](std::vector<float>& row, int position) {
    auto token = sampler.sample(row, params, {}, static_cast<uint64_t>(position));
    return token.ok() ? token->id : -1;
  });
  return is_right ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc == 3 || argc == 4 ? argv[1] : "";
  parts::Chain chain{};
  if (what == "vocabulary") return vocabulary(argv[2], argc == 4 ? argv[3] : nullptr);
  if (what == "tokenize" && argc == 3) return tokenize(argv[2]);
  if (what == "sample" && argc == 3 && parts::find_chain(argv[2], &chain)) return sample(chain);
  return std::fprintf(stderr, "usage: parts_bench vocabulary MODEL [FOLDER] | tokenize MODEL | sample top_k|top_p\n"),
         2;
}
