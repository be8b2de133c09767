// Which tokens run in the next step, and what becomes of its logits.
//
// A step first gives every decoding sequence its one token, then fills up with prompt pieces in order of arrival: up to
// the prompt chunk when nothing decodes, kChunkBesideDecodes when something does, so that a long prompt costs running
// streams a bounded gap. A sequence is admitted when the pages of all its ids are free; when pages run out in
// mid-flight, the youngest sequence gives its own back, waits at the head of the queue, and computes them again later
// with the same result. What another sequence has computed, or will, is not computed again (prefix_sharing.h). A step
// with room feeds guesses beside the last tokens, and so may give a sequence several (drafting.h).
// Threads: the engine's scheduler thread.
#pragma once

#include <deque>
#include <list>
#include <memory>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "engine/models/model.h"
#include "engine/sampling/sampler.h"
#include "engine/schedule/drafting.h"
#include "engine/schedule/prefix_sharing.h"
#include "engine/schedule/sequence.h"

namespace studio::engine {

// Prompt tokens in a step that also decodes: about as much work as the step has to do anyway, read weights once.
inline constexpr int kChunkBesideDecodes = 64;

struct SchedulerLimits {
  int max_sequences = 16;
  int prompt_chunk = kMaxBatchTokens;
  bool share_prefixes = true;
  Speculation speculation = Speculation::kOff;
};

struct StepCounts {
  int sequences = 0;
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
  const Drafting& drafting() const { return drafting_; }
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
  void draft();
  void assemble(StepCounts& counts);
  bool make_room(Sequence& sequence, int tokens);
  void preempt(List::iterator victim);
  void sample();
  int deliver_all(size_t drawing);
  void deliver(Sequence& sequence, Result<SampledToken>& sampled);
  void leave(Sequence& sequence);
  void end(Sequence& sequence, FinishReason reason, std::optional<Error> error = std::nullopt);

  Model& model_;
  PagePool& pages_;
  ThreadPool& threads_;
  SchedulerLimits limits_;
  PrefixSharing prefixes_;
  Drafting drafting_;
  uint64_t preemptions_ = 0;
  QueueSeconds queue_seconds_;
  List running_;  // by age, oldest first
  List waiting_;

  // Of the step under way.
  struct Chosen {
    Sequence* sequence;
    int tokens;
    bool draws;  // its last id is among them: a token follows
  };
  std::vector<Chosen> chosen_;
  std::vector<Sequence*> decoding_;  // of them, those that may speculate
  std::vector<BatchRun> runs_;
  std::vector<TokenId> fed_;  // last ids with the drafts behind them, where the runs of these sequences lie
  // One that draws draws a token for each draft and one more: rows [first_row, first_row + draft.size()].
  struct Drawing {
    Sequence* sequence;
    size_t first_row;
  };
  // Rows of a drawing that one thread samples in order.
  struct Draws {
    size_t drawing;
    size_t begin, end;
  };
  std::vector<Drawing> drawing_;
  std::vector<Draws> draws_;
  std::vector<float> logits_;                  // [rows, V]
  std::vector<Result<SampledToken>> sampled_;  // [rows]; behind one that differs from its draft they mean nothing
  std::vector<Sampler> samplers_;              // one per thread
};

}  // namespace studio::engine
