// llama.cpp's parts around the model, for comparison with ours (bench/parts.cc has the same commands).
// Usage: llama_parts vocabulary MODEL         seconds until the vocabulary of a model file is ready
//        llama_parts tokenize MODEL < TEXTS   (bench/parts_protocol.h)
//        llama_parts sample top_k|top_p       seconds of a draw from a row of logits
//        llama_parts first_token MODEL THREADS repack|plain < PROMPT   prints the text of the likeliest next token
// The last loads the model as fast as the library can: without a trial run, with or without repacking the weights.
#include <cstdlib>
#include <iostream>
#include <iterator>

#include "llama.h"
#include "parts_protocol.h"

namespace {

llama_model* load_vocabulary(const char* path) {
  llama_model_params params = llama_model_default_params();
  params.vocab_only = true;
  return llama_model_load_from_file(path, params);
}

std::vector<int32_t> encode(const llama_vocab* vocab, std::string_view text, bool reads_control) {
  std::vector<llama_token> ids(text.size() + 8);  // no token is shorter than a byte
  const int32_t count = llama_tokenize(vocab, text.data(), static_cast<int32_t>(text.size()), ids.data(),
                                       static_cast<int32_t>(ids.size()), false, reads_control);
  ids.resize(count < 0 ? 0 : static_cast<size_t>(count));
  return ids;
}

int vocabulary(const char* path) {
  const double start = parts::wall_seconds();
  const llama_model* model = load_vocabulary(path);
  const double took = parts::wall_seconds() - start;
  if (model == nullptr) return 1;
  std::printf("{\"seconds\": %.9f, \"tokens\": %d}\n", took, llama_vocab_n_tokens(llama_model_get_vocab(model)));
  return 0;
}

int tokenize(const char* path) {
  const llama_model* model = load_vocabulary(path);
  if (model == nullptr) return 1;
  const llama_vocab* vocab = llama_model_get_vocab(model);
  return parts::tokenize_all([&](std::string_view text) { return encode(vocab, text, false); });
}

int sample(const parts::Chain& chain) {
  llama_sampler* sampler = llama_sampler_chain_init(llama_sampler_chain_default_params());
  if (chain.top_k > 0) llama_sampler_chain_add(sampler, llama_sampler_init_top_k(chain.top_k));
  llama_sampler_chain_add(sampler, llama_sampler_init_top_p(chain.top_p, 1));
  if (chain.min_p > 0) llama_sampler_chain_add(sampler, llama_sampler_init_min_p(chain.min_p, 1));
  llama_sampler_chain_add(sampler, llama_sampler_init_dist(1));
  std::vector<llama_token_data> candidates(parts::kVocab);
  const bool is_right = parts::sample_all(chain, [&](const std::vector<float>& row, int) {
    // As llama_sampler_sample() does for every token.
    for (int i = 0; i < parts::kVocab; ++i) candidates[static_cast<size_t>(i)] = {i, row[static_cast<size_t>(i)], 0.0f};
    llama_token_data_array all = {candidates.data(), candidates.size(), -1, false};
    llama_sampler_apply(sampler, &all);
    return all.selected < 0 ? -1 : all.data[all.selected].id;
  });
  llama_sampler_free(sampler);
  return is_right ? 0 : 1;
}

int first_token(const char* path, int threads, bool repacks) {
  const std::string prompt{std::istreambuf_iterator<char>(std::cin), {}};
  llama_model_params model_params = llama_model_default_params();
  model_params.use_extra_bufts = repacks;
  llama_model* model = llama_model_load_from_file(path, model_params);
  if (model == nullptr) return 1;
  const llama_vocab* vocab = llama_model_get_vocab(model);
  std::vector<int32_t> ids = encode(vocab, prompt, true);
  llama_context_params params = llama_context_default_params();
  params.n_ctx = 512;
  params.n_threads = params.n_threads_batch = threads;
  llama_context* context = llama_init_from_model(model, params);
  if (context == nullptr || ids.empty() || ids.size() > params.n_ctx) return 1;
  if (llama_decode(context, llama_batch_get_one(ids.data(), static_cast<int32_t>(ids.size()))) != 0) return 1;
  const float* logits = llama_get_logits_ith(context, -1);
  const auto best = static_cast<llama_token>(std::max_element(logits, logits + llama_vocab_n_tokens(vocab)) - logits);
  char text[256];
  const int32_t bytes = llama_token_to_piece(vocab, best, text, sizeof text, 0, true);
  if (bytes < 0) return 1;
  std::fwrite(text, 1, static_cast<size_t>(bytes), stdout);
  std::fflush(stdout);
  std::_Exit(0);  // what is in memory need not be given back: nobody waits for that
}

}  // namespace

int main(int argc, char** argv) {
  llama_log_set(
      [](ggml_log_level level, const char* text, void*) {
        if (level == GGML_LOG_LEVEL_ERROR) std::fputs(text, stderr);
      },
      nullptr);
  const std::string_view what = argc >= 3 ? argv[1] : "";
  if (what == "first_token" && argc == 5) {
    return first_token(argv[2], std::atoi(argv[3]), std::string_view(argv[4]) == "repack");
  }
  parts::Chain chain{};
  if (what == "vocabulary" && argc == 3) return vocabulary(argv[2]);
  if (what == "tokenize" && argc == 3) return tokenize(argv[2]);
  if (what == "sample" && argc == 3 && parts::find_chain(argv[2], &chain)) return sample(chain);
  std::fprintf(stderr, "usage: llama_parts vocabulary MODEL | tokenize MODEL | sample top_k|top_p | first_token ...\n");
  return 2;
}
