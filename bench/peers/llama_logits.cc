// Writes llama.cpp's logits for given token ids as f32, for the accuracy gate.
//
// Usage: llama_logits MODEL.gguf TOKENS.bin OUT THREADS [f16|q8_0]
// TOKENS.bin: sequences, each int32 T then T x int32 ids. OUT: for each sequence int32 T, then T x V x f32, in order
// (a named pipe serves: 20 k tokens of a 150 k vocabulary are 12 GB). Each sequence starts from an empty cache, of f16
// unless q8_0 is asked for.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "llama.h"

int main(int argc, char** argv) {
  const bool is_q8 = argc == 6 && std::strcmp(argv[5], "q8_0") == 0;
  if (argc != 5 && !is_q8 && !(argc == 6 && std::strcmp(argv[5], "f16") == 0)) {
    std::fprintf(stderr, "usage: llama_logits MODEL.gguf TOKENS.bin OUT THREADS [f16|q8_0]\n");
    return 2;
  }
  llama_log_set(
      [](ggml_log_level level, const char* text, void*) {
        if (level == GGML_LOG_LEVEL_ERROR) std::fputs(text, stderr);
      },
      nullptr);
  llama_backend_init();
  llama_model_params model_params = llama_model_default_params();
  llama_model* model = llama_model_load_from_file(argv[1], model_params);
  if (model == nullptr) return 1;

  llama_context_params params = llama_context_default_params();
  params.n_ctx = 2048;
  params.n_batch = 512;
  params.n_ubatch = 512;
  params.n_threads = params.n_threads_batch = std::atoi(argv[4]);
  if (is_q8) {
    params.type_k = params.type_v = GGML_TYPE_Q8_0;
    params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_ENABLED;  // without it values cannot be coded
  }
  llama_context* context = llama_init_from_model(model, params);
  if (context == nullptr) return 1;
  const size_t vocab = static_cast<size_t>(llama_vocab_n_tokens(llama_model_get_vocab(model)));

  FILE* in = std::fopen(argv[2], "rb");
  FILE* out = std::fopen(argv[3], "wb");
  if (in == nullptr || out == nullptr) return 1;
  int32_t length = 0;
  while (std::fread(&length, sizeof length, 1, in) == 1) {
    if (length < 1 || length > 2048) return 1;
    std::vector<llama_token> ids(static_cast<size_t>(length));
    if (std::fread(ids.data(), sizeof(llama_token), ids.size(), in) != ids.size()) return 1;
    std::fwrite(&length, sizeof length, 1, out);
    llama_memory_clear(llama_get_memory(context), true);
    for (int32_t start = 0; start < length; start += 512) {
      const int32_t count = length - start < 512 ? length - start : 512;
      llama_batch batch = llama_batch_init(count, 0, 1);
      batch.n_tokens = count;
      for (int32_t i = 0; i < count; ++i) {
        batch.token[i] = ids[static_cast<size_t>(start + i)];
        batch.pos[i] = start + i;
        batch.n_seq_id[i] = 1;
        batch.seq_id[i][0] = 0;
        batch.logits[i] = 1;
      }
      if (llama_decode(context, batch) != 0) return 1;
      for (int32_t i = 0; i < count; ++i) {
        if (std::fwrite(llama_get_logits_ith(context, i), sizeof(float), vocab, out) != vocab) return 1;
      }
      llama_batch_free(batch);
    }
  }
  std::fclose(out);
  llama_free(context);
  llama_model_free(model);
  return 0;
}
