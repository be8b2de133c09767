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
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bucket_counts.h"
#include "base/result.h"
#include "engine/sampling/params.h"
#include "engine/tensor/kv_type.h"
#include "engine/tensor/token.h"

namespace studio::engine::constrain {
struct SharedMatchers;
}

namespace studio::engine {

class ModelSource;

enum class FinishReason { kNone, kStop, kLength, kCancelled, kError };

// After `after_tokens` produced tokens without `end_id`, the next tokens are `forced` (they hold end_id), then sampling
// goes on. This is how a thinking budget cuts a chain of thought.
struct ForcedEnd {
  int after_tokens = 0;
  TokenId end_id = -1;
  std::vector<TokenId> forced;
};

// What an answer is held to, behind its reasoning where the model reasons.
struct AnswerConstraint {
  std::string spec;  // as it travels (engine/constrain/spec.h); the engine looks at `matchers` alone
  std::shared_ptr<constrain::SharedMatchers> matchers;
  TokenId begin_reasoning = -1;  // the first token may be this one, and reasoning follows; -1: none does
  TokenId end_reasoning = -1;
  bool is_open_reasoning = false;  // the prompt ends inside of it
};

// A hundred to one is all or nothing in a batch of a few dozen places.
inline constexpr int kMaxWeight = 100;

// Who may guess what a sequence says next, where the engine speculates: for who compares. The same tokens whoever does.
enum class Guesses {
  kNone,
  kLookedUp,
  kAll,  // a draft model too, where there is one
};

// Of a beginning of a prompt that its caller wants held: the least that is, and for how long. The vendor's own.
inline constexpr int kLeastHeldTokens = 1024;
inline constexpr std::chrono::minutes kHeldFor{5};
inline constexpr size_t kMaxCacheMarks = 4;

struct SequenceRequest {
  std::vector<TokenId> prompt;  // 1 .. context ids
  std::vector<TokenId> resume;  // ids already produced for this request: not reported again
  SamplingParams sampling;
  int max_new_tokens = 0;         // counts resume ids too; prompt + max_new_tokens <= context
  std::vector<TokenId> stop_ids;  // produced, reported with kStop, not fed back
  std::optional<ForcedEnd> forced_end;
  std::optional<AnswerConstraint> constraint;
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  // Only sequences of one salt share computed prefixes: one for each tenant, or how soon an answer comes tells what
  // others have asked. 0 is the public one, for what everybody may know.
  uint64_t prefix_salt = 0;
  int public_tokens = 0;  // the first ones of the prompt, which everybody shares whatever the salt
  // Beginnings of the prompt to be held, by their tokens, ascending: whoever has the same salt finds them computed for
  // kHeldFor, and as long again from each such find on. Whole pages of them are; shorter ones than kLeastHeldTokens
  // not.
  std::vector<int> cache_marks;
  bool scores_prompt = false;  // the prompt's tokens are told with their logprobs (TokenEvent::scores)
  // Who asks: places and prompts are shared between tenants by their weights, 1 .. kMaxWeight.
  uint64_t tenant = 0;
  int weight = 1;
  std::string adapter;  // digest of one that the engine holds; empty: the model alone
  Guesses guesses = Guesses::kAll;
};

struct Usage {
  int prompt_tokens = 0;
  int cached_tokens = 0;     // of the prompt, not computed again
  int generated_tokens = 0;  // resume ids included
  // Where the request has cache marks: of the prompt, held before; and held from now on.
  int held_tokens = 0, newly_held_tokens = 0;
};

// A token of a prompt, as the model would have said it.
struct TokenScore {
  float logprob = 0;
  std::vector<TopLogprob> top_logprobs;  // descending, if asked for
};

// One produced token, or the end of the sequence (or both: finish != kNone with id >= 0).
struct TokenEvent {
  TokenId id = -1;    // -1: no token with this event
  int index = 0;      // 0-based place among the produced ids, resume included
  float logprob = 0;  // natural log of the model's probability before temperature and penalties; valid if asked for
  std::vector<TopLogprob> top_logprobs;  // descending, if asked for
  // With neither token nor end: of the prompt's tokens from `first_score` on, which is 1 at least: the first token has
  // none. All of them come once, in order, before the first token.
  int first_score = 0;
  std::vector<TokenScore> scores;
  uint32_t check = 0;  // of all produced ids up to this one, see next_check(); 0: not told
  FinishReason finish = FinishReason::kNone;
  std::optional<Error> error;  // with kError
  Usage usage;                 // so far; final with finish
};

using TokenSink = std::function<void(const TokenEvent&)>;

// Which vector instructions the kernels use. All give the same bits; the choice is for speed and for tests.
enum class KernelChoice { kAuto, kScalar, kAvx2, kAvx512, kAmx };
Result<KernelChoice> parse_kernel_choice(const std::string& name);  // auto, scalar, avx2, avx512, amx
struct KernelSet;
// The set itself. Errors: unimplemented where this machine cannot run it.
Result<const KernelSet*> kernels_of(KernelChoice choice);

Result<KvType> parse_kv_type(const std::string& name);  // int16, int8
const char* kv_type_name(KvType type);

// Whether likely tokens are fed beside the last one, to be kept where they come true: the same tokens in fewer passes.
enum class Speculation {
  kOff,
  kAuto,    // where it seems to pay
  kAlways,  // whatever can be guessed, for tests
};

Result<Speculation> parse_speculation(const std::string& name);  // auto, off

struct EngineOptions {
  std::string model_path;  // a file or a folder (formats/open_model.h)
  int threads = 0;         // 0: one per core
  KernelChoice kernels = KernelChoice::kAuto;
  int max_sequences = 16;  // running at once; others wait
  int max_queue = 256;     // waiting; beyond it submit answers overloaded
  int context_tokens = 0;  // 0: the model's own limit
  int64_t kv_bytes = 0;    // 0: enough for max_sequences at 4,096 tokens, at least one full context, within free memory
  KvType kv_type = KvType::kInt16;
  int prompt_chunk = 512;      // prompt tokens per step at most (1 .. 512)
  int step_ms = 0;             // of a step with running streams and prompts; 0: see scheduler.h
  bool share_prefixes = true;  // a prefix that was computed is not computed again while there is room
  // Computed prefixes outlive the engine in a file in this folder (mode 0700): the public ones, or all. Empty: none do.
  std::string prefix_folder;
  int64_t prefix_file_bytes = int64_t{256} << 20;
  bool keeps_private_prefixes = false;
  Speculation speculation = Speculation::kAuto;
  std::string draft_model_path;  // a smaller model of the same vocabulary that guesses where nothing repeats; or empty
};

struct EngineInfo {
  std::string architecture;  // "qwen2"
  std::string name;          // general.name
  std::string
      digest;  // SHA-256 of the model file's metadata and tensor directory, hex (names the numbers, fast to compute)
  std::string numerics_class;  // "x86-f32-v4", or "x86-f32-v4-kv8" by EngineOptions::kv_type: same class, same bits
  std::string kernels;         // "avx512": the set in use
  int vocab_size = 0;
  int context_tokens = 0;
  int threads = 0;
  int max_sequences = 0;  // running at once
  int64_t weight_bytes = 0;
  int64_t parameters = 0;
  std::string no_prefix_file;  // why there is none, where one was asked for
};

// Sequences in one step: powers of two up to the widest batch.
inline constexpr std::array<double, 10> kBatchSizeBounds = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};
// Seconds that a sequence waited for its first step: from an idle engine to a queue of long prompts.
inline constexpr std::array<double, 13> kQueueSecondsBounds = {0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5,
                                                               1,     2.5,   5,    10,   30,  60};
// Seconds of a step: from a small model's to a long piece of a prompt on a slow machine.
inline constexpr std::array<double, 12> kStepSecondsBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                              0.1,   0.25,   0.5,   1,    2.5,   10};
// Seconds that an answer's form takes of a token: from a look at a state that is known to one that is new.
inline constexpr std::array<double, 10> kConstraintSecondsBounds = {1e-6, 2.5e-6, 5e-6,   1e-5, 2.5e-5,
                                                                    5e-5, 1e-4,   2.5e-4, 1e-3, 1e-2};
using BatchSizes = BucketCounts<kBatchSizeBounds.size()>;
using QueueSeconds = BucketCounts<kQueueSecondsBounds.size()>;
using ConstraintSeconds = BucketCounts<kConstraintSecondsBounds.size()>;
using StepSeconds = BucketCounts<kStepSecondsBounds.size()>;

// Since the engine was loaded, or of now.
struct EngineStats {
  int running = 0, waiting = 0;
  int pages_total = 0, pages_free = 0;
  int pages_idle = 0;  // of the free ones, kept because a prefix in them may come again
  uint64_t steps = 0, prompt_tokens = 0, generated_tokens = 0;
  uint64_t cached_tokens = 0;    // of prompts, found computed and not computed again
  uint64_t prefills = 0;         // times that a sequence was computed from its first token on
  uint64_t whole_prompts = 0;    // prompts of which nothing was computed, as their logits were kept
  uint64_t pages_restored = 0;   // that came from the prefix file
  int pages_in_file = 0;         // prefix file
  uint64_t drafted_tokens = 0;   // fed on a guess
  uint64_t accepted_tokens = 0;  // of them, that came: generated without a pass of their own
  uint64_t draft_passes = 0;     // of the draft model
  uint64_t preemptions = 0;      // sequences that gave their pages back to others
  // Steps in a row in which somebody had sequences here and none of them was computed: the most there may be for who
  // comes now (Scheduler::starvation_bound()), and the most there were.
  uint64_t starvation_bound_steps = 0, longest_starved_steps = 0;
  int tenants = 0;                       // who have sequences here now
  int tenant_weights = 0;                // theirs together
  BatchSizes batch_sizes;                // one entry for each step
  StepSeconds step_seconds;              // the same
  ConstraintSeconds constraint_seconds;  // one entry for each token of an answer that is held to a form
  QueueSeconds queue_seconds;            // one entry for each sequence that was admitted
  // Grows many times within a step, about once a matrix: while something runs it stands still only in a stuck engine.
  uint64_t progress = 0;
  int adapters = 0;                // that it holds
  int64_t adapter_bytes = 0;       // their memory
  int64_t last_token_age_ms = -1;  // since a token was produced; -1: never
};

class Engine {
 public:
  static Result<std::unique_ptr<Engine>> load(const EngineOptions& options);
  virtual ~Engine() = default;  // cancels what runs, joins the scheduler thread

  using SequenceId = uint64_t;
  // invalid_argument (with both counts) when the prompt does not fit the context; overloaded when the queue is full;
  // not_found when the adapter is not held.
  virtual Result<SequenceId> submit(SequenceRequest request, TokenSink sink) = 0;
  // The sequence's pages are free within one step; its sink sees kCancelled once. Unknown ids are ignored.
  virtual void cancel(SequenceId id) = 0;

  // An adapter for this model: `file` as formats/lora_writer.h makes it, `digest` its SHA-256 in hex. Held until it is
  // dropped; one that is held already is left as it is. Any thread; sequences run on meanwhile. Errors: corrupt_data
  // naming what is wrong, overloaded and payload_too_large beyond the limits of engine/lora/adapter_set.h.
  virtual Status load_adapter(std::string_view digest, std::span<const uint8_t> file) = 0;
  // False: it was not held. Sequences that run with it go on; its memory goes with the last of them.
  virtual bool drop_adapter(std::string_view digest) = 0;

  virtual const EngineInfo& info() const = 0;
  // The model as it was read, for who needs its vocabulary; null where there is none. Lives as long as the engine.
  virtual const ModelSource* source() const { return nullptr; }
  virtual EngineStats stats() const = 0;

  // Logits of every position of `tokens` [T, V] f32, alone: the oracle's door for accuracy and golden tests.
  // Runs between steps; `chunk` cuts the prompt as the scheduler would (1 .. 512). The sink gets one row at a time.
  // `adapter` is the digest of one that is held, or empty.
  virtual Status logits(const std::vector<TokenId>& tokens, int chunk,
                        const std::function<void(int position, const float* row)>& sink,
                        std::string_view adapter = {}) = 0;
};

}  // namespace studio::engine
