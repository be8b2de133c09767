// Which tokens run in the next step, and what becomes of its logits.
//
// A step first gives every decoding sequence its one token, then fills up with prompt pieces in order of arrival: up to
// the prompt chunk when nothing decodes, kChunkBesideDecodes when something does, so that a long prompt costs running
// streams a bounded gap. A sequence is admitted when the pages of all its ids are free; when pages run out in
// mid-flight, the youngest sequence gives its own back, waits at the head of the queue, and computes them again later
// with the same result. What another sequence has computed, or will, is not computed again (prefix_sharing.h).
// Threads: the engine's scheduler thread.
#pragma once

#include <deque>
#include <list>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/thread_pool.h"
#include "engine/models/model.h"
#include "engine/sampling/sampler.h"
#include "engine/schedule/prefix_sharing.h"
#include "engine/schedule/sequence.h"

namespace studio::engine {

// Prompt tokens in a step that also decodes: about as much work as the step has to do anyway, read weights once.
inline constexpr int kChunkBesideDecodes = 64;

struct SchedulerLimits {
  int max_sequences = 16;
  int prompt_chunk = kMaxBatchTokens;
  bool share_prefixes = true;
  int64_t restored_bytes_per_step = kRestoredBytesPerStep;
};

struct StepCounts {
  int sequences = 0;  // that the model computed; none: there was no pass
  int prompt_tokens = 0;
  int produced_tokens = 0;
};

class Scheduler {
 public:
  Scheduler(Model& model, PagePool& pages, ThreadPool& threads, const SchedulerLimits& limits);
  ~Scheduler();  // every sequence ends with kCancelled

  void add(std::unique_ptr<Sequence> sequence);
  void cancel(uint64_t id);

  bool idle() const { return running_.empty() && waiting_.empty(); }
  int running() const { return static_cast<int>(running_.size()); }
  int waiting() const { return static_cast<int>(waiting_.size()); }
  int64_t waiting_pages() const;  // that the waiting ones need to be admitted

  const PrefixSharing& prefixes() const { return prefixes_; }
  // Before the first sequence comes.
  void use_prefix_file(PrefixFile file, PrefixTree::Writes writes) { prefixes_.use_file(std::move(file), writes); }
  uint64_t preemptions() const { return preemptions_; }
  const QueueSeconds& queue_seconds() const { return queue_seconds_; }

  // One pass of the model, or nothing when no sequence can run.
  StepCounts step();

 private:
  using List = std::list<std::unique_ptr<Sequence>>;

  void drop_expired();
  void admit();
  void share_prefixes();
  void choose();
  bool make_room(Sequence& sequence, int tokens);
  void preempt(List::iterator victim);
  void sample();
  void deliver(Sequence& sequence, Result<SampledToken>& sampled);
  void end(Sequence& sequence, FinishReason reason, std::optional<Error> error = std::nullopt);

  Model& model_;
  PagePool& pages_;
  ThreadPool& threads_;
  SchedulerLimits limits_;
  PrefixSharing prefixes_;
  uint64_t preemptions_ = 0;
  QueueSeconds queue_seconds_;
  List running_;  // by age, oldest first
  List waiting_;

  // Of the step under way.
  struct Chosen {
    Sequence* sequence;
    int tokens;
    bool draws;                               // its last id is among them: a token follows
    std::span<const float> kept_logits = {};  // [V]: there is nothing to compute
  };
  std::vector<Chosen> chosen_;
  std::vector<BatchRun> runs_;
  std::vector<Sequence*> drawing_;
  std::vector<float> logits_;  // [drawing, V]
  std::vector<Result<SampledToken>> sampled_;
  std::vector<Sampler> samplers_;  // one per thread
};

}  // namespace studio::engine
