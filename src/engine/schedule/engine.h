// One model replica: takes token ids, gives token ids.
//
// Sequences are submitted from any thread and stepped together by one scheduler thread that the engine owns: every
// step runs the running sequences' next tokens and pieces of waiting prompts as one batch. "Prompt + ids so far" is the
// whole state of a generation: a sequence submitted with `resume` ids continues exactly as the one that produced them.
// Results do not depend on what else is in the batch, on how prompts are cut, or on the number of threads.
//
// Threads: submit, cancel and stats from any thread. Events arrive on the scheduler thread; a sink must not block.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bucket_counts.h"
#include "base/result.h"
#include "engine/sampling/params.h"
#include "engine/tensor/token.h"

namespace studio::engine {

enum class FinishReason { kNone, kStop, kLength, kCancelled, kError };

// After `after_tokens` produced tokens without `end_id`, the next tokens are `forced` (they hold end_id), then sampling
// goes on. This is how a thinking budget cuts a chain of thought.
struct ForcedEnd {
  int after_tokens = 0;
  TokenId end_id = -1;
  std::vector<TokenId> forced;
};

struct SequenceRequest {
  std::vector<TokenId> prompt;  // 1 .. context ids
  std::vector<TokenId> resume;  // ids already produced for this request: not reported again
  SamplingParams sampling;
  int max_new_tokens = 0;         // counts resume ids too; prompt + max_new_tokens <= context
  std::vector<TokenId> stop_ids;  // produced, reported with kStop, not fed back
  std::optional<ForcedEnd> forced_end;
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  // Only sequences of one salt share computed prefixes: one for each tenant, or how soon an answer comes tells what
  // others have asked. 0 is the public one, for what everybody may know.
  uint64_t prefix_salt = 0;
};

struct Usage {
  int prompt_tokens = 0;
  int cached_tokens = 0;     // of the prompt, not computed again
  int generated_tokens = 0;  // resume ids included
};

// One produced token, or the end of the sequence (or both: finish != kNone with id >= 0).
struct TokenEvent {
  TokenId id = -1;    // -1: no token with this event
  int index = 0;      // 0-based place among the produced ids, resume included
  float logprob = 0;  // natural log of the model's probability before temperature and penalties; valid if asked for
  std::vector<TopLogprob> top_logprobs;  // descending, if asked for
  uint32_t check = 0;                    // of all produced ids up to this one, see next_check(); 0: not told
  FinishReason finish = FinishReason::kNone;
  std::optional<Error> error;  // with kError
  Usage usage;                 // so far; final with finish
};

using TokenSink = std::function<void(const TokenEvent&)>;

// Which vector instructions the kernels use. All give the same bits; the choice is for speed and for tests.
enum class KernelChoice { kAuto, kScalar, kAvx2, kAvx512, kAmx };
Result<KernelChoice> parse_kernel_choice(const std::string& name);  // auto, scalar, avx2, avx512, amx

struct EngineOptions {
  std::string model_path;  // a file or a folder (formats/open_model.h)
  int threads = 0;         // 0: one per core
  KernelChoice kernels = KernelChoice::kAuto;
  int max_sequences = 16;  // running at once; others wait
  int max_queue = 256;     // waiting; beyond it submit answers overloaded
  int context_tokens = 0;  // 0: the model's own limit
  int64_t kv_bytes = 0;    // 0: enough for max_sequences at 4,096 tokens, at least one full context, within free memory
  int prompt_chunk = 512;  // prompt tokens per step at most (1 .. 512)
  bool share_prefixes = true;  // a prefix that was computed is not computed again while there is room
};

struct EngineInfo {
  std::string architecture;  // "qwen2"
  std::string name;          // general.name
  std::string
      digest;  // SHA-256 of the model file's metadata and tensor directory, hex (names the numbers, fast to compute)
  std::string numerics_class;  // "x86-f32-v4": same class, same bits
  std::string kernels;         // "avx512": the set in use
  int vocab_size = 0;
  int context_tokens = 0;
  int threads = 0;
  int max_sequences = 0;  // running at once
  int64_t weight_bytes = 0;
  int64_t parameters = 0;
};

// Sequences in one step: powers of two up to the widest batch.
inline constexpr std::array<double, 10> kBatchSizeBounds = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};
// Seconds that a sequence waited for its first step: from an idle engine to a queue of long prompts.
inline constexpr std::array<double, 13> kQueueSecondsBounds = {0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5,
                                                               1,     2.5,   5,    10,   30,  60};
using BatchSizes = BucketCounts<kBatchSizeBounds.size()>;
using QueueSeconds = BucketCounts<kQueueSecondsBounds.size()>;

// Since the engine was loaded, or of now.
struct EngineStats {
  int running = 0, waiting = 0;
  int pages_total = 0, pages_free = 0;
  int pages_idle = 0;  // of the free ones, kept because a prefix in them may come again
  uint64_t steps = 0, prompt_tokens = 0, generated_tokens = 0;
  uint64_t cached_tokens = 0;  // of prompts, found computed and not computed again
  uint64_t prefills = 0;       // times that a sequence was computed from its first token on
  uint64_t preemptions = 0;    // sequences that gave their pages back to older ones
  BatchSizes batch_sizes;      // one entry for each step
  QueueSeconds queue_seconds;  // one entry for each sequence that was admitted
  // Grows many times within a step, about once a matrix: while something runs it stands still only in a stuck engine.
  uint64_t progress = 0;
  int64_t last_token_age_ms = -1;  // since a token was produced; -1: never
};

class Engine {
 public:
  static Result<std::unique_ptr<Engine>> load(const EngineOptions& options);
  virtual ~Engine() = default;  // cancels what runs, joins the scheduler thread

  using SequenceId = uint64_t;
  // invalid_argument (with both counts) when the prompt does not fit the context; overloaded when the queue is full.
  virtual Result<SequenceId> submit(SequenceRequest request, TokenSink sink) = 0;
  // The sequence's pages are free within one step; its sink sees kCancelled once. Unknown ids are ignored.
  virtual void cancel(SequenceId id) = 0;

  virtual const EngineInfo& info() const = 0;
  virtual EngineStats stats() const = 0;

  // Logits of every position of `tokens` [T, V] f32, alone: the oracle's door for accuracy and golden tests.
  // Runs between steps; `chunk` cuts the prompt as the scheduler would (1 .. 512). The sink gets one row at a time.
  virtual Status logits(const std::vector<TokenId>& tokens, int chunk,
                        const std::function<void(int position, const float* row)>& sink) = 0;
};

}  // namespace studio::engine
