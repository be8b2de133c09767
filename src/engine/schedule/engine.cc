#include "engine/schedule/engine.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <fstream>
#include <mutex>
#include <span>
#include <thread>
#include <utility>

#include "base/digest.h"
#include "base/long_slices.h"
#include "engine/formats/model_digest.h"
#include "engine/formats/open_model.h"
#include "engine/formats/same_vocabulary.h"
#include "engine/kv/prefix_folder.h"
#include "engine/lora/adapter_set.h"
#include "engine/schedule/queue_pace.h"
#include "engine/schedule/scheduler.h"

namespace studio::engine {
namespace {

using Clock = std::chrono::steady_clock;

// Names the bits that machines of one kind agree on; a new number with every change of numerics.md.
constexpr const char* kNumericsClass = "x86-f32-v4";
constexpr const char* kNumericsClassInt8 = "x86-f32-v4-kv8";  // of keys and values in 8 bits
// KV by default: this many positions for each sequence that may run at once ...
constexpr int64_t kDefaultTokensPerSequence = 4096;
// ... within this share of the memory that is free when the model is loaded.
constexpr int64_t kShareOfFreeMemory = 2;
constexpr int64_t kAssumedFreeBytes = int64_t{4} << 30;  // where the system does not say
constexpr int kMaxThreads = 256;
constexpr int kMostStepMs = 10'000;  // longer ones are no longer streams
// Prompts that wait may need this many times the pages there are: with every page in use for half a minute or so, the
// last of them starts after minutes, which is as long as clients wait. Short prompts meet max_queue first.
constexpr int64_t kQueuedShares = 8;
// Within a worker's grace (api/gateway.cc). 128 pages of a 0.5B model, a prompt of 2,000 tokens, take 0.1 s.
constexpr std::chrono::milliseconds kWriteOnStop{1000};
int64_t free_memory_bytes() {
  std::ifstream file("/proc/meminfo");
  std::string word;
  while (file >> word) {
    int64_t kilobytes = 0;
    if (word == "MemAvailable:" && file >> kilobytes) return kilobytes * 1024;
  }
  return kAssumedFreeBytes;
}

Isa isa_of(KernelChoice choice) {
  switch (choice) {
    case KernelChoice::kAuto:
      return Isa::kAuto;
    case KernelChoice::kScalar:
      return Isa::kScalar;
    case KernelChoice::kAvx2:
      return Isa::kAvx2;
    case KernelChoice::kAvx512:
      return Isa::kAvx512;
    case KernelChoice::kAmx:
      return Isa::kAmx;
  }
  return Isa::kAuto;
}

Result<EngineOptions> checked(EngineOptions options) {
  auto out_of = [](const char* name, const char* range) {
    return Error(Code::kInvalidArgument, std::string(name) + " must lie in " + range).with_param(name);
  };
  if (options.threads < 0 || options.threads > kMaxThreads) return out_of("threads", "0 .. 256");
  // Every step has room for a piece of a prompt.
  constexpr int kMostSequences = kMaxBatchTokens - kPieceUnits;
  if (options.max_sequences < 1 || options.max_sequences > kMostSequences) return out_of("max_sequences", "1 .. 496");
  if (options.max_queue < 0 || options.max_queue > 65536) return out_of("max_queue", "0 .. 65536");
  if (options.prompt_chunk < 1 || options.prompt_chunk > kMaxBatchTokens) return out_of("prompt_chunk", "1 .. 512");
  if (options.step_ms < 0 || options.step_ms > kMostStepMs) return out_of("step_ms", "0 .. 10000");
  if (options.context_tokens < 0) return out_of("context_tokens", "0 and above");
  if (options.kv_bytes < 0) return out_of("kv_bytes", "0 and above");
  if (!options.draft_model_path.empty() && options.speculation == Speculation::kOff) {
    return Error(Code::kInvalidArgument, "a draft model needs speculation").with_param("draft_model_path");
  }
  if (options.threads == 0) options.threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return options;
}

int kv_pages(const EngineOptions& options, const KvShape& shape, int context) {
  const auto page_bytes = static_cast<int64_t>(shape.bytes_per_page());
  int64_t pages = options.kv_bytes / page_bytes;
  if (options.kv_bytes == 0) {
    const int64_t wanted = options.max_sequences * kDefaultTokensPerSequence / kPageTokens;
    const int64_t affordable = free_memory_bytes() / kShareOfFreeMemory / page_bytes;
    pages = std::min(std::max<int64_t>(wanted, pages_for(context)), affordable);
  }
  return static_cast<int>(std::clamp<int64_t>(pages, 1, 1 << 24));
}

class LocalEngine final : public Engine {
 public:
  LocalEngine(ModelSource file, const EngineOptions& options)
      : file_(std::move(file)), options_(options), threads_(options.threads) {}
  ~LocalEngine() override;

  Status start();

  Result<SequenceId> submit(SequenceRequest request, TokenSink sink) override;
  void cancel(SequenceId id) override;
  Status load_adapter(std::string_view digest, std::span<const uint8_t> file) override {
    return adapters_.load(digest, file, file_);
  }
  bool drop_adapter(std::string_view digest) override { return adapters_.drop(digest); }
  const EngineInfo& info() const override { return info_; }
  const ModelSource* source() const override { return &file_; }
  EngineStats stats() const override;
  Status logits(const std::vector<TokenId>& tokens, int chunk, const std::function<void(int, const float*)>& sink,
                std::string_view adapter_digest) override;

 private:
  // A piece of work done on the scheduler thread between two steps.
  struct Job {
    std::function<Status()> work;
    Result<Ok> result = Ok{};
    bool done = false;
  };

  Result<std::unique_ptr<DraftModel>> load_draft_model(const KernelSet& kernels);
  KvShape kv_shape() const;
  void open_prefixes();
  void run();
  void take_inbox(std::unique_lock<std::mutex>& lock);
  Status check(const SequenceRequest& request) const;
  Status check_room(int64_t pages) const;
  Status compute_logits(const std::vector<TokenId>& tokens, int chunk, const Adapter* adapter,
                        const std::function<void(int, const float*)>& sink);
  // Null for an empty digest. Errors: not_found.
  Result<std::shared_ptr<const Adapter>> find_adapter(std::string_view digest) const;

  ModelSource file_;
  std::optional<ModelSource> draft_file_;
  EngineOptions options_;
  ThreadPool threads_;
  EngineInfo info_;
  std::unique_ptr<Model> model_;
  AdapterSet adapters_;
  std::optional<PagePool> pages_;
  std::optional<Scheduler> scheduler_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_, job_done_;
  std::vector<std::unique_ptr<Sequence>> inbox_;
  int64_t queued_pages_ = 0;  // that the inbox and the waiting need
  QueuePace pace_;
  std::vector<SequenceId> cancels_;
  std::deque<Job*> jobs_;
  EngineStats stats_;
  Clock::time_point last_token_{};
  SequenceId next_id_ = 1;
  bool stopping_ = false;

  std::thread thread_;
};

KvShape LocalEngine::kv_shape() const {
  KvShape shape = model_->kv_shape();
  shape.type = options_.kv_type;
  return shape;
}

Status LocalEngine::start() {
  STUDIO_TRY(const KernelSet* kernels, kernels_of(options_.kernels));
  STUDIO_TRY(model_, load_model(file_, *kernels, threads_));
  const ModelConfig& config = model_->config();
  int context = config.context_tokens;
  if (options_.context_tokens > context) {
    return Error(Code::kInvalidArgument, "context_tokens is " + std::to_string(options_.context_tokens) +
                                             "; the model holds " + std::to_string(context))
        .with_param("context_tokens");
  }
  if (options_.context_tokens > 0) context = options_.context_tokens;
  STUDIO_TRY(auto draft_model, load_draft_model(*kernels));
  const int count = kv_pages(options_, kv_shape(), context);
  const int64_t room = static_cast<int64_t>(count) * kPageTokens;
  if (room < context && (options_.context_tokens > 0 || options_.kv_bytes > 0)) {
    return Error(Code::kInvalidArgument, "there is room for the keys and values of " + std::to_string(room) +
                                             " tokens only, and the context is " + std::to_string(context) +
                                             "; raise kv_bytes or lower context_tokens")
        .with_param("kv_bytes");
  }
  context = static_cast<int>(std::min<int64_t>(context, room));  // of our own choice: as long as memory allows
  STUDIO_TRY(pages_, PagePool::create(kv_shape(), count));
  model_->use_pages(&*pages_);
  scheduler_.emplace(*model_, *pages_, threads_,
                     SchedulerLimits{.max_sequences = options_.max_sequences,
                                     .prompt_chunk = options_.prompt_chunk,
                                     .share_prefixes = options_.share_prefixes,
                                     .speculation = options_.speculation,
                                     .step_seconds = options_.step_ms / 1000.0},
                     &Clock::now, std::move(draft_model));

  info_ = {.architecture = config.architecture,
           .name = config.name,
           .digest = model_digest(file_),
           .numerics_class = options_.kv_type == KvType::kInt8 ? kNumericsClassInt8 : kNumericsClass,
           .kernels = kernels->name,
           .vocab_size = config.vocab,
           .context_tokens = context,
           .threads = threads_.threads(),
           .max_sequences = options_.max_sequences,
           .weight_bytes = model_->weight_bytes(),
           .parameters = model_->parameters(),
           .no_prefix_file = {}};
  if (options_.share_prefixes && !options_.prefix_folder.empty()) open_prefixes();
  stats_.pages_total = stats_.pages_free = count;
  thread_ = std::thread([this] { run(); });
  return Ok{};
}

// Null where none is wanted.
Result<std::unique_ptr<DraftModel>> LocalEngine::load_draft_model(const KernelSet& kernels) {
  if (options_.draft_model_path.empty()) return std::unique_ptr<DraftModel>();
  STUDIO_TRY(draft_file_, open_model(options_.draft_model_path));
  if (const Status fits = check_same_vocabulary(file_, *draft_file_); !fits.ok()) {
    return Error(fits.error().code(), "draft_model_path: " + fits.error().message()).with_param("draft_model_path");
  }
  STUDIO_TRY(auto model, load_model(*draft_file_, kernels, threads_));
  // Passes of few columns take about as long as reading the weights.
  const double weights = static_cast<double>(model->weight_bytes()) / static_cast<double>(model_->weight_bytes());
  return DraftModel::create(std::move(model), model_->config().vocab, weights);
}

// What cannot be kept is computed again: no reason not to serve.
void LocalEngine::open_prefixes() {
  Sha256 identity;
  const KvShape shape = kv_shape();
  for (const std::string& part :
       {std::string(kv_format(shape.type)), info_.numerics_class, info_.digest, std::to_string(shape.layers),
        std::to_string(shape.kv_heads), std::to_string(shape.head_dim)}) {
    identity.update(part + "\n");
  }
  auto file = open_prefix_file(
      options_.prefix_folder,
      {.identity = identity.finish(), .page_bytes = shape.bytes_per_page(), .limit_bytes = options_.prefix_file_bytes});
  if (!file.ok()) {
    info_.no_prefix_file = file.error().message();
    return;
  }
  // What lies in it is read into pages before a first answer: their memory is there then.
  pages_->touch(file->pages());
  scheduler_->use_prefix_file(std::move(*file), options_.keeps_private_prefixes ? PrefixTree::Writes::kAllPages
                                                                                : PrefixTree::Writes::kPublicPages);
  stats_.pages_in_file = scheduler_->prefixes().pages_in_file();
}

LocalEngine::~LocalEngine() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Status LocalEngine::check(const SequenceRequest& request) const {
  const auto prompt = static_cast<int64_t>(request.prompt.size());
  if (prompt == 0) return Error(Code::kInvalidArgument, "the prompt has no tokens").with_param("prompt");
  if (request.max_new_tokens < 1) {
    return Error(Code::kInvalidArgument, "max_tokens must be at least 1").with_param("max_tokens");
  }
  if (prompt + request.max_new_tokens > info_.context_tokens) {
    return Error(Code::kInvalidArgument,
                 "the prompt has " + std::to_string(prompt) + " tokens and " + std::to_string(request.max_new_tokens) +
                     " more are asked for; the context holds " + std::to_string(info_.context_tokens))
        .with_param("prompt");
  }
  for (const std::vector<TokenId>* ids : {&request.prompt, &request.resume, &request.stop_ids}) {
    for (const TokenId id : *ids) {
      if (id < 0 || id >= info_.vocab_size) {
        return Error(Code::kInvalidArgument,
                     "token id " + std::to_string(id) + " is not in 0 .. " + std::to_string(info_.vocab_size - 1))
            .with_param("prompt");
      }
    }
  }
  const std::vector<int>& marks = request.cache_marks;
  const bool are_marks_sound = marks.size() <= kMaxCacheMarks && std::ranges::is_sorted(marks) &&
                               (marks.empty() || (marks.front() >= 1 && marks.back() <= prompt));
  if (!are_marks_sound) {
    return Error(Code::kInvalidArgument, "cache_marks must be at most 4 places in the prompt, ascending")
        .with_param("cache_marks");
  }
  if (request.scores_prompt && !request.sampling.logprobs) {
    return Error(Code::kInvalidArgument, "scores_prompt needs logprobs").with_param("scores_prompt");
  }
  if (request.public_tokens < 0) {
    return Error(Code::kInvalidArgument, "public_tokens must not be negative").with_param("public_tokens");
  }
  if (static_cast<int64_t>(request.resume.size()) > request.max_new_tokens) {
    return Error(Code::kInvalidArgument, "there are more resume ids than max_new_tokens").with_param("resume");
  }
  if (request.weight < 1 || request.weight > kMaxWeight) {
    return Error(Code::kInvalidArgument, "weight must lie in 1 .. " + std::to_string(kMaxWeight)).with_param("weight");
  }
  if (request.forced_end.has_value()) {
    if (request.forced_end->after_tokens < 0) {
      return Error(Code::kInvalidArgument, "forced_end.after_tokens must not be negative").with_param("forced_end");
    }
    for (const TokenId id : request.forced_end->forced) {
      if (id < 0 || id >= info_.vocab_size) {
        return Error(Code::kInvalidArgument, "forced_end holds an id outside the vocabulary").with_param("forced_end");
      }
    }
  }
  if (request.constraint && request.constraint->matchers == nullptr) {
    return Error(Code::kInvalidArgument, "the constraint was not compiled").with_param("constraint");
  }
  return validate(request.sampling, info_.vocab_size);
}

// With mutex_ held.
Status LocalEngine::check_room(int64_t pages) const {
  const int queued = stats_.waiting + static_cast<int>(inbox_.size());
  const int free_seats = std::max(0, options_.max_sequences - stats_.running);
  const bool has_place = queued < options_.max_queue + free_seats;
  // One request alone is always taken: it fits the context, so it fits the pages.
  const bool has_pages = queued == 0 || queued_pages_ + pages <= kQueuedShares * stats_.pages_total + stats_.pages_free;
  if (has_place && has_pages) return Ok{};
  return Error(Code::kOverloaded, has_place
                                      ? "the prompts that wait for the model need too much of its memory already; "
                                        "try again later"
                                      : "the model's queue is full; try again later")
      .with_retry_after(pace_.until_room(Clock::now()));
}

Result<std::shared_ptr<const Adapter>> LocalEngine::find_adapter(std::string_view digest) const {
  if (digest.empty()) return std::shared_ptr<const Adapter>();
  auto adapter = adapters_.find(digest);
  if (adapter == nullptr) {
    return Error(Code::kNotFound, "the adapter is not here any more").with_param("model");
  }
  return adapter;
}

Result<Engine::SequenceId> LocalEngine::submit(SequenceRequest request, TokenSink sink) {
  STUDIO_CHECK_OK(check(request));
  STUDIO_TRY(auto adapter, find_adapter(request.adapter));
  const int64_t pages = pages_for(static_cast<int>(request.prompt.size() + request.resume.size()));
  SequenceId id = 0;
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return Error(Code::kUnavailable, "the engine is stopping");
    STUDIO_CHECK_OK(check_room(pages));
    if (stats_.running == 0 && stats_.waiting == 0 && inbox_.empty()) pace_.begin(Clock::now());
    queued_pages_ += pages;
    id = next_id_++;
    inbox_.push_back(std::make_unique<Sequence>(id, std::move(request), std::move(sink), &*pages_, std::move(adapter)));
  }
  wake_.notify_one();
  return id;
}

void LocalEngine::cancel(SequenceId id) {
  {
    std::lock_guard lock(mutex_);
    cancels_.push_back(id);
  }
  wake_.notify_one();
}

EngineStats LocalEngine::stats() const {
  std::lock_guard lock(mutex_);
  EngineStats stats = stats_;
  stats.waiting += static_cast<int>(inbox_.size());
  stats.progress = threads_.loops();
  stats.adapters = adapters_.count();
  stats.adapter_bytes = adapters_.bytes();
  if (last_token_ != Clock::time_point{}) {
    stats.last_token_age_ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - last_token_).count();
  }
  return stats;
}

void LocalEngine::take_inbox(std::unique_lock<std::mutex>& lock) {
  // Sinks and jobs run without the lock: they may call back into submit or cancel.
  auto arrivals = std::exchange(inbox_, {});
  auto cancels = std::exchange(cancels_, {});
  auto jobs = std::exchange(jobs_, {});
  stats_.waiting += static_cast<int>(arrivals.size());
  lock.unlock();
  for (auto& sequence : arrivals) scheduler_->add(std::move(sequence));
  for (const SequenceId id : cancels) scheduler_->cancel(id);
  for (Job* job : jobs) {
    auto result = job->work();
    std::lock_guard guard(mutex_);
    job->result = std::move(result);
    job->done = true;
    job_done_.notify_all();
  }
  lock.lock();
}

void LocalEngine::run() {
  compute_in_long_slices();
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] {
      return stopping_ || !inbox_.empty() || !cancels_.empty() || !jobs_.empty() || !scheduler_->idle() ||
             scheduler_->prefixes().has_unwritten();
    });
    if (stopping_) break;
    take_inbox(lock);
    lock.unlock();
    const int before = scheduler_->running() + scheduler_->waiting();
    const StepCounts counts = scheduler_->step();
    const int ended = before - scheduler_->running() - scheduler_->waiting();
    const int64_t waiting_pages = scheduler_->waiting_pages();
    const uint64_t starvation_bound = scheduler_->starvation_bound();
    lock.lock();
    pace_.note_ends(ended, Clock::now());
    queued_pages_ = waiting_pages;
    for (const auto& sequence : inbox_) queued_pages_ += pages_for(static_cast<int>(sequence->ids.size()));
    stats_.running = scheduler_->running();
    stats_.waiting = scheduler_->waiting();
    stats_.pages_free = pages_->free();
    stats_.pages_idle = pages_->idle();
    stats_.cached_tokens = scheduler_->prefixes().cached_tokens();
    stats_.prefills = scheduler_->prefixes().prefills();
    stats_.whole_prompts = scheduler_->prefixes().whole_prompts();
    stats_.pages_restored = scheduler_->prefixes().pages_restored();
    stats_.pages_in_file = scheduler_->prefixes().pages_in_file();
    if (counts.sequences > 0) {
      ++stats_.steps;
      stats_.batch_sizes.add(kBatchSizeBounds, counts.sequences);
      stats_.step_seconds.add(kStepSecondsBounds, counts.seconds);
    }
    stats_.drafted_tokens = scheduler_->drafting().drafted_tokens();
    stats_.accepted_tokens = scheduler_->drafting().accepted_tokens();
    if (const DraftModel* model = scheduler_->drafting().model()) stats_.draft_passes = model->passes();
    stats_.preemptions = scheduler_->preemptions();
    stats_.starvation_bound_steps = starvation_bound;
    stats_.longest_starved_steps = scheduler_->shares().longest_unserved();
    stats_.tenants = scheduler_->shares().size();
    stats_.tenant_weights = scheduler_->shares().weights();
    stats_.queue_seconds = scheduler_->queue_seconds();
    stats_.constraint_seconds = scheduler_->constraint_seconds();
    stats_.prompt_tokens += static_cast<uint64_t>(counts.prompt_tokens);
    stats_.generated_tokens += static_cast<uint64_t>(counts.produced_tokens);
    if (counts.produced_tokens > 0) last_token_ = Clock::now();
  }
  // What never started ends here too; what runs is ended by the scheduler.
  take_inbox(lock);
  lock.unlock();
  scheduler_->write_prefixes(kWriteOnStop);
  scheduler_.reset();
}

Status LocalEngine::logits(const std::vector<TokenId>& tokens, int chunk,
                           const std::function<void(int, const float*)>& sink, std::string_view adapter_digest) {
  STUDIO_TRY(const auto adapter, find_adapter(adapter_digest));
  if (tokens.empty() || static_cast<int>(tokens.size()) > info_.context_tokens) {
    return Error(Code::kInvalidArgument, "between 1 and " + std::to_string(info_.context_tokens) + " tokens");
  }
  if (chunk < 1 || chunk > kMaxBatchTokens) return Error(Code::kInvalidArgument, "chunk must lie in 1 .. 512");
  for (const TokenId id : tokens) {
    if (id < 0 || id >= info_.vocab_size) return Error(Code::kInvalidArgument, "a token id is outside the vocabulary");
  }
  Job job;
  job.work = [&] { return compute_logits(tokens, chunk, adapter.get(), sink); };
  std::unique_lock lock(mutex_);
  if (stopping_) return Error(Code::kUnavailable, "the engine is stopping");
  jobs_.push_back(&job);
  wake_.notify_one();
  job_done_.wait(lock, [&] { return job.done; });
  return std::move(job.result);
}

Status LocalEngine::compute_logits(const std::vector<TokenId>& tokens, int chunk, const Adapter* adapter,
                                   const std::function<void(int, const float*)>& sink) {
  SequenceState state(&*pages_);
  if (!state.reserve(static_cast<int>(tokens.size()))) {
    return Error(Code::kOverloaded, "too few KV pages are free for this many tokens");
  }
  const auto vocab = static_cast<size_t>(info_.vocab_size);
  std::vector<float> rows(std::min(tokens.size(), static_cast<size_t>(chunk)) * vocab);
  for (size_t first = 0; first < tokens.size(); first += static_cast<size_t>(chunk)) {
    const std::span<const TokenId> piece =
        std::span(tokens).subspan(first, std::min(static_cast<size_t>(chunk), tokens.size() - first));
    const BatchRun run{&state, piece, WantLogits::kAll, adapter};
    model_->forward({&run, 1}, rows.data());
    for (size_t i = 0; i < piece.size(); ++i) sink(static_cast<int>(first + i), rows.data() + i * vocab);
  }
  return Ok{};
}

}  // namespace

Result<KernelChoice> parse_kernel_choice(const std::string& name) {
  if (name == "auto") return KernelChoice::kAuto;
  if (name == "scalar") return KernelChoice::kScalar;
  if (name == "avx2") return KernelChoice::kAvx2;
  if (name == "avx512") return KernelChoice::kAvx512;
  if (name == "amx") return KernelChoice::kAmx;
  return Error(Code::kInvalidArgument, "kernels must be auto, scalar, avx2, avx512 or amx").with_param("kernels");
}

Result<const KernelSet*> kernels_of(KernelChoice choice) {
  return select_kernels(isa_of(choice));
}

Result<KvType> parse_kv_type(const std::string& name) {
  for (const KvType type : {KvType::kInt16, KvType::kInt8}) {
    if (name == kv_type_name(type)) return type;
  }
  return Error(Code::kInvalidArgument, "kv_type must be int16 or int8").with_param("kv_type");
}

const char* kv_type_name(KvType type) {
  return type == KvType::kInt8 ? "int8" : "int16";
}

Result<Speculation> parse_speculation(const std::string& name) {
  if (name == "auto") return Speculation::kAuto;
  if (name == "off") return Speculation::kOff;
  return Error(Code::kInvalidArgument, "speculation must be auto or off").with_param("speculation");
}

Result<std::unique_ptr<Engine>> Engine::load(const EngineOptions& options) {
  STUDIO_TRY(auto valid, checked(options));
  STUDIO_TRY(auto file, open_model(valid.model_path));
  auto engine = std::make_unique<LocalEngine>(std::move(file), valid);
  STUDIO_CHECK_OK(engine->start());
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace studio::engine
