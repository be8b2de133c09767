// A text encoder (of the BERT family: MiniLM, E5, BGE, XLM-R; Qwen3-Embedding, Qwen3-Reranker): token ids of texts in,
// one vector for each text out; of a model that ranks one score for each text or pair of texts.
//
// The texts of a call are computed together, row after row without padding, and a vector depends on its own text alone:
// the same bits alone or among others, for any number of threads and any kernel set (kernels/numerics.md, section 8).
// Weights of any type that the kernels multiply: f32, f16, bf16 as they are, coded ones by inputs in two terms.
// Sources: bert.cc, qwen3_encoder.cc; pooling as sentence-transformers.
// Threads: one call at a time, from the pool's owner.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "engine/encoders/encoder_config.h"
#include "engine/formats/model_source.h"
#include "engine/kernels/kernel_set.h"
#include "engine/tensor/token.h"

namespace studio::engine {

// Texts of one call. What a dialect allows in one request is less; more would keep others waiting.
inline constexpr size_t kMaxEncoderTexts = 4096;

struct EncoderText {
  std::vector<TokenId> ids;  // with [CLS] and [SEP]
  int second_from = 0;       // of a pair: index of the second text's first id; 0: there is one text
  friend bool operator==(const EncoderText&, const EncoderText&) = default;
};

class Encoder {
 public:
  // A folder or GGUF file as formats/open_encoder.h has it. Errors: those of the readers, naming file, field or tensor;
  // unavailable when memory is short. kernels and pool must outlive it.
  static Result<std::unique_ptr<Encoder>> open(const std::string& path, const KernelSet& kernels, ThreadPool& pool);
  static Result<std::unique_ptr<Encoder>> load(ModelSource source, const KernelSet& kernels, ThreadPool& pool);

  virtual ~Encoder() = default;
  virtual const EncoderConfig& config() const = 0;
  virtual int64_t weight_bytes() const = 0;

  // [texts, config().width()] f32: a vector for each text, of length 1 where the model says so (config().normalises),
  // or the head's logit where it ranks. Errors: those of check().
  virtual Result<std::vector<float>> encode(std::span<const EncoderText> texts) = 0;
  // The same in the faster class of numerics (kernels/numerics.md, section 9), whose vectors have a cosine of 0.9999
  // and more to these. Errors besides: unavailable where memory for its weights is short, which the first call makes;
  // unimplemented where there is none.
  virtual bool has_fast() const { return false; }
  virtual Result<std::vector<float>> encode_fast(std::span<const EncoderText>) {
    return Error(Code::kUnimplemented, "this encoder has no faster class of numerics");
  }
  // invalid_argument naming the text when it has no id, more than config().context_tokens, or one outside the
  // vocabulary, when its second text begins outside it, or when there are more than kMaxEncoderTexts. Any thread.
  virtual Status check(std::span<const EncoderText> texts) const;
  // The same of texts alone.
  Result<std::vector<float>> embed(std::span<const std::vector<TokenId>> texts);
};

}  // namespace studio::engine
