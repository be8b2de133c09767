// A loaded model: tokens of several sequences in, logits out. One file per architecture implements it.
//
// A batch is up to kMaxBatchTokens tokens in runs, one run per sequence: a decoding sequence brings one token, a prompt
// a chunk. Every row of the result depends on its own sequence alone, to the bit.
// Threads: the scheduler thread calls forward(); the model spreads the work over the pool.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "engine/formats/model_source.h"
#include "engine/kernels/kernel_set.h"
#include "engine/kv/page_pool.h"
#include "engine/kv/sequence_state.h"
#include "engine/lora/adapter.h"
#include "engine/tensor/token.h"

namespace studio::engine {

// Columns of one step: 512 keep the activations of a 9,000-wide layer within a few MB while weights stay the larger
// part.
inline constexpr int kMaxBatchTokens = 512;

enum class WantLogits { kNone, kLast, kAll };

// One sequence's tokens of a step; they stand at positions sequence->length() and on, whose pages are reserved.
struct BatchRun {
  SequenceState* sequence = nullptr;
  std::span<const TokenId> tokens;
  WantLogits want = WantLogits::kLast;
  const Adapter* adapter = nullptr;  // on top of the weights; nullptr: none. Runs of one do best side by side
};

struct ModelConfig {
  std::string architecture;
  std::string name;
  int layers = 0;        // L
  int hidden = 0;        // C
  int heads = 0;         // H
  int kv_heads = 0;      // K
  int head_dim = 0;      // D
  int feed_forward = 0;  // F
  int vocab = 0;         // V: rows of the embedding
  int context_tokens = 0;
  float norm_eps = 0;
  double rope_base = 0;
};

class Model {
 public:
  virtual ~Model() = default;
  virtual const ModelConfig& config() const = 0;
  virtual KvShape kv_shape() const = 0;
  virtual int64_t weight_bytes() const = 0;  // read once per step, whatever the batch
  virtual int64_t parameters() const = 0;

  // The pool that sequences' pages come from; of kv_shape(). Before the first forward().
  virtual void use_pages(PagePool* pages) = 0;

  // Computes the runs, stores their keys and values and advances the sequences. Rows of logits [V] f32 come in the
  // order of the runs (kLast: one, kAll: one per token) into `logits`, which holds as many rows as the runs want.
  virtual void forward(std::span<const BatchRun> runs, float* logits) = 0;
};

// corrupt_data naming the key or tensor; unimplemented naming an architecture (and the known ones) or a key we do not
// honour. The file must outlive the model: embedding rows are decoded from it.
Result<std::unique_ptr<Model>> load_model(const ModelSource& file, const KernelSet& kernels, ThreadPool& pool);

}  // namespace studio::engine
