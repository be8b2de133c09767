// Which tokens run in the next step, and what becomes of its logits.
//
// A step has a budget of time: 2.25 times what it would take for its decodes alone, and what the short prompts in it
// take, a quarter of a second at most. It is spent on what is due, in this order: every decoding sequence gets its one
// token; prompts get pieces for the rest, how many tokens that are is learned (step_cost.h). So a long prompt costs
// running streams a small gap, many questions at once are read one after the other before their answers go on, and a
// prompt that is alone is computed in pieces as large as they come.
//
// A step with room feeds guesses beside the last tokens, and so may give a sequence several (drafting.h).
//
// Tenants share places and prompt pieces (fair_share.h). Among the prompts of one tenant half goes to the oldest and
// half to the one with least to compute: a short question waits for no long document, and no document for ever.
//
// A sequence is admitted when the pages of all its ids are free. When pages run out in mid-flight, or another tenant's
// turn has come, the sequence that is cheapest to compute again gives its own back, waits, and computes them later with
// the same result. What another sequence has computed, or will, is not computed again (prefix_sharing.h).
//
// Threads: the engine's scheduler thread. What needs nothing of it is done on others while a step runs: requests are
// checked and made sequences by who submits them, events are written by who takes them.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/thread_pool.h"
#include "engine/models/model.h"
#include "engine/sampling/sampler.h"
#include "engine/schedule/drafting.h"
#include "engine/schedule/fair_share.h"
#include "engine/schedule/prefix_sharing.h"
#include "engine/schedule/sequence.h"
#include "engine/schedule/step_cost.h"

namespace studio::engine {

// Of a step's time without prompts, with them: readers of running streams see a gap of 2.5 at most, an error of a tenth
// in the estimate included.
inline constexpr double kStepStretch = 2.25;
// Whatever the batch: a stream that is silent for 0.3 s looks stuck.
inline constexpr double kLongestStepSeconds = 0.25;
// A prompt is short that costs no more than this from its first token on: some of them fit into the longest step.
inline constexpr int kShortPromptUnits = 128;
// What prompts get in every step, however slow steps are; and the piece that tenants take turns with. In units
// (step_cost.h): 16 columns more cost a pass least, as the weights are read anyway.
inline constexpr int kPieceUnits = 16;
// Prompt units of a step with others in it as long as no step was seen.
inline constexpr int kFirstPromptUnits = 64;
// Tokens that a sequence has drawn before it must give its place to a tenant that has fewer for its weight; and to one
// that has none, though it be its own tenant's only one. Long enough that computing it again, a second or two, is a
// small part of the turn.
inline constexpr int kShortTurn = 64, kLongTurn = 256;

// Tokens of prompts that are told with their logprobs, in a step: each is a row of logits, 0.6 MB for Qwen's
// vocabulary.
inline constexpr int kScoresPerStep = 32;

struct SchedulerLimits {
  int max_sequences = 16;
  int prompt_chunk = kMaxBatchTokens;
  bool share_prefixes = true;
  int64_t restored_bytes_per_step = kRestoredBytesPerStep;
  Speculation speculation = Speculation::kOff;
  double step_seconds = 0;  // of a step with decodes and prompts; 0: by kStepStretch
};

struct StepCounts {
  int sequences = 0;  // that the model computed; none: there was no pass
  int prompt_tokens = 0;
  int produced_tokens = 0;
  double seconds = 0;
};

class Scheduler {
 public:
  using Clock = std::chrono::steady_clock;

  // `now`: what tells the time of steps, deadlines and waits.
  Scheduler(Model& model, PagePool& pages, ThreadPool& threads, const SchedulerLimits& limits,
            std::function<Clock::time_point()> now = &Clock::now, std::unique_ptr<DraftModel> draft_model = nullptr);
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
  // After the last step: what waits to be written to that file, for at most `time`.
  void write_prefixes(std::chrono::steady_clock::duration time) { prefixes_.write_rest(time); }
  const FairShare& shares() const { return shares_; }
  const Drafting& drafting() const { return drafting_; }
  uint64_t preemptions() const { return preemptions_; }
  const QueueSeconds& queue_seconds() const { return queue_seconds_; }
  const ConstraintSeconds& constraint_seconds() const { return constraint_seconds_; }

  // Steps after which a tenant of weight 1 that came now would have the first piece of its prompt computed, at the
  // latest.
  uint64_t starvation_bound() const;

  // One pass of the model, or nothing when no sequence can run.
  StepCounts step();

 private:
  using List = std::list<std::unique_ptr<Sequence>>;
  using Tenant = FairShare::Tenant;

  void drop_expired(Clock::time_point now);

  // Who has a place (scheduler_places.cc).
  void admit();
  Sequence& next_to_admit();
  bool has_pages_for(Sequence& next);
  bool take_turn_from_another(const Tenant& tenant);
  void make_room_for_decodes();
  template <typename Filter>
  List::iterator cheapest_to_recompute(Filter&& may_go);
  void preempt(List::iterator victim);

  // What a step computes (scheduler_budget.cc).
  void share_prefixes();
  void choose();
  struct Room {
    double units = 0;
    double for_short = 0;  // of them, by which the step is longer because short prompts wait
  };
  Room room_for_prompts(int decodes) const;
  bool is_short(const Sequence& sequence) const;
  double units_of_short_prompts() const;
  void plan_prompts(Room room, int tokens);
  struct Prompts {  // of one tenant, that have more to compute than is planned
    Sequence* oldest = nullptr;
    Sequence* shortest = nullptr;  // least to compute
  };
  Prompts prompts_of(const Tenant& tenant) const;
  int unplanned(const Sequence& sequence) const;
  void plan(Sequence& sequence, int tokens);
  void draft();

  struct Chosen {
    Sequence* sequence;
    int tokens;
    bool draws;                               // its last id is among them: a token follows
    std::span<const float> kept_logits = {};  // [V]: there is nothing to compute
  };
  void assemble(StepCounts& counts);
  void assemble_scores(const Chosen& chosen);
  void sample();
  void score();
  void deliver_scores();
  int deliver_all(size_t drawing);
  void deliver(Sequence& sequence, Result<SampledToken>& sampled, size_t row);
  void leave(Sequence& sequence);
  void end(Sequence& sequence, FinishReason reason, std::optional<Error> error = std::nullopt);
  void forget(Sequence& sequence);

  Model& model_;
  PagePool& pages_;
  ThreadPool& threads_;
  SchedulerLimits limits_;
  std::function<Clock::time_point()> now_;
  PrefixSharing prefixes_;
  Drafting drafting_;
  FairShare shares_;
  StepCost cost_;
  uint64_t arrivals_ = 0;
  uint64_t preemptions_ = 0;
  QueueSeconds queue_seconds_;
  List running_;  // by when they got their place, oldest first
  List waiting_;

  // Of the step under way.
  double planned_units_ = 0;
  int scores_left_ = 0;             // that may yet be planned
  std::vector<Sequence*> prompts_;  // that can go on
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
  // A row that says how likely the prompt's token at `position` was.
  struct Scored {
    Sequence* sequence;
    size_t row;
    int position;
  };
  std::vector<Scored> scored_;
  std::vector<Drawing> drawing_;
  std::vector<Draws> draws_;
  std::vector<float> logits_;                  // [rows, V]
  std::vector<Result<SampledToken>> sampled_;  // [rows]; behind one that differs from its draft they mean nothing
  std::vector<double> held_seconds_;           // [rows] spent on their constraint
  std::vector<Sampler> samplers_;              // one per thread
  ConstraintSeconds constraint_seconds_;
};

}  // namespace studio::engine
