#include "engine/schedule/scheduler.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace studio::engine {
namespace {

// The linear layers compute on 8-bit integers, attention in f32: a third as fast, by the 0.5B's prefill at 512 and
// 4,096 tokens (bench/results, AuthenticAMD-26-2).
constexpr double kAttentionSlowdown = 3;

// Depth D at which attention's 4 L H D_head d operations of a token, at their speed, take as long as the two of each
// parameter.
double depth_unit(const Model& model) {
  const ModelConfig& config = model.config();
  const double attention = 4.0 * config.layers * config.heads * config.head_dim;
  const double linear = 2.0 * (static_cast<double>(model.parameters()) - 1.0 * config.vocab * config.hidden);
  if (attention <= 0 || linear <= 0) return std::numeric_limits<double>::infinity();
  return linear / (attention * kAttentionSlowdown);
}

}  // namespace

Scheduler::Scheduler(Model& model, PagePool& pages, ThreadPool& threads, const SchedulerLimits& limits,
                     std::function<Clock::time_point()> now)
    : model_(model),
      pages_(pages),
      threads_(threads),
      limits_(limits),
      now_(std::move(now)),
      prefixes_(pages, limits.share_prefixes, limits.restored_bytes_per_step),
      cost_(depth_unit(model)) {
  samplers_.reserve(static_cast<size_t>(threads.threads()));
  for (int i = 0; i < threads.threads(); ++i) samplers_.emplace_back(model.config().vocab);
}

Scheduler::~Scheduler() {
  for (List* list : {&running_, &waiting_}) {
    for (const auto& sequence : *list) end(*sequence, FinishReason::kCancelled);
  }
}

void Scheduler::add(std::unique_ptr<Sequence> sequence) {
  sequence->arrival = ++arrivals_;
  shares_.enter(sequence->request.tenant, sequence->request.weight);
  // Resumed ids may already be the whole answer.
  if (const FinishReason reason = sequence->finish(); reason != FinishReason::kNone) return end(*sequence, reason);
  waiting_.push_back(std::move(sequence));
}

void Scheduler::cancel(uint64_t id) {
  for (List* list : {&running_, &waiting_}) {
    for (auto it = list->begin(); it != list->end(); ++it) {
      if ((*it)->id != id) continue;
      end(**it, FinishReason::kCancelled);
      list->erase(it);
      return;
    }
  }
}

int64_t Scheduler::waiting_pages() const {
  int64_t pages = 0;
  for (const auto& sequence : waiting_) pages += pages_for(static_cast<int>(sequence->ids.size()));
  return pages;
}

void Scheduler::drop_expired(Clock::time_point now) {
  for (List* list : {&running_, &waiting_}) {
    list->remove_if([&](const std::unique_ptr<Sequence>& sequence) {
      if (sequence->request.deadline > now) return false;
      end(*sequence, FinishReason::kError, Error(Code::kDeadlineExceeded, "the request's deadline passed"));
      return true;
    });
  }
}

void Scheduler::share_prefixes() {
  for (auto it = running_.begin(); it != running_.end(); ++it) {
    Sequence& sequence = **it;
    sequence.waits_for_prefix = false;
    if (sequence.is_decoding() && sequence.produced() > 0) continue;
    prefixes_.take(sequence);
    sequence.urgency = sequence.pending();
    sequence.waits_for_prefix = prefixes_.restore(sequence);
    if (sequence.waits_for_prefix) continue;
    if (limits_.share_prefixes) {
      const auto older = std::find_if(running_.begin(), it,
                                      [&](const auto& one) { return PrefixSharing::will_compute_for(*one, sequence); });
      sequence.waits_for_prefix = older != it;
      if (older != it) (*older)->urgency = std::min((*older)->urgency, sequence.urgency);
    }
    if (!sequence.waits_for_prefix) prefixes_.take_beginning(sequence);
  }
}

StepCounts Scheduler::step() {
  const Clock::time_point begun = now_();
  drop_expired(begun);
  prefixes_.begin_step();
  admit();
  share_prefixes();
  choose();
  StepCounts counts;
  if (chosen_.empty()) return counts;

  runs_.clear();
  drawing_.clear();
  for (const Chosen& chosen : chosen_) {
    Sequence& sequence = *chosen.sequence;
    if (!sequence.is_decoding() || sequence.produced() == 0) counts.prompt_tokens += chosen.tokens;
    prefixes_.count(sequence, chosen.tokens);
    if (chosen.tokens == 0) continue;
    const std::span<const TokenId> ids(sequence.ids);
    runs_.push_back({&sequence.state,
                     ids.subspan(static_cast<size_t>(sequence.state.length()), static_cast<size_t>(chosen.tokens)),
                     chosen.draws ? WantLogits::kLast : WantLogits::kNone});
    if (chosen.draws) drawing_.push_back(&sequence);
  }
  counts.sequences = static_cast<int>(runs_.size());
  const size_t computed = drawing_.size();
  for (const Chosen& chosen : chosen_) {
    if (chosen.tokens == 0) drawing_.push_back(chosen.sequence);
  }
  const auto vocab = static_cast<size_t>(model_.config().vocab);
  if (logits_.size() < drawing_.size() * vocab) logits_.resize(drawing_.size() * vocab);
  if (!runs_.empty()) model_.forward(runs_, logits_.data());
  float* row = logits_.data() + computed * vocab;
  for (const Chosen& chosen : chosen_) {
    if (chosen.tokens == 0) row = std::ranges::copy(chosen.kept_logits, row).out;
  }
  sample();
  counts.produced_tokens = static_cast<int>(drawing_.size());
  for (size_t i = 0; i < drawing_.size(); ++i) {
    if (sampled_[i].ok()) prefixes_.give_end(*drawing_[i], std::span(logits_).subspan(i * vocab, vocab));
    deliver(*drawing_[i], sampled_[i]);
  }
  for (const Chosen& chosen : chosen_) {
    if (chosen.sequence->sink != nullptr) prefixes_.give(*chosen.sequence);
  }
  running_.remove_if([](const std::unique_ptr<Sequence>& sequence) { return sequence->sink == nullptr; });
  if (runs_.empty()) return counts;
  shares_.end_step();
  counts.seconds = std::chrono::duration<double>(now_() - begun).count();
  cost_.observe(planned_units_, counts.seconds);
  return counts;
}

void Scheduler::sample() {
  const auto vocab = static_cast<size_t>(model_.config().vocab);
  sampled_.clear();
  for (size_t i = 0; i < drawing_.size(); ++i) sampled_.emplace_back(SampledToken{});
  threads_.parallel_for(static_cast<int64_t>(drawing_.size()), 1, [&](int64_t begin, int64_t end, int thread) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      const Sequence& sequence = *drawing_[i];
      const std::span<float> row(logits_.data() + i * vocab, vocab);
      const TokenId forced = sequence.forced_next();
      Sampler& sampler = samplers_[static_cast<size_t>(thread)];
      sampled_[i] = forced >= 0 ? sampler.score(row, sequence.request.sampling, forced)
                                : sampler.sample(row, sequence.request.sampling, sequence.history, sequence.ids.size());
    }
  });
}

void Scheduler::deliver(Sequence& sequence, Result<SampledToken>& sampled) {
  if (!sampled.ok()) {
    prefixes_.fail(sequence);
    return end(sequence, FinishReason::kError, std::move(sampled).error());
  }
  sequence.append(sampled->id);
  ++sequence.drawn;
  TokenEvent event;
  event.id = sampled->id;
  event.index = sequence.produced() - 1;
  event.check = sequence.check;
  event.logprob = sampled->logprob;
  event.top_logprobs = std::move(sampled->top_logprobs);
  event.finish = sequence.finish();
  event.usage = sequence.usage();
  sequence.sink(event);
  if (event.finish != FinishReason::kNone) {
    prefixes_.leave(sequence);
    forget(sequence);
  }
}

// The last event of a sequence that ends without a token. A null sink marks it as done.
void Scheduler::end(Sequence& sequence, FinishReason reason, std::optional<Error> error) {
  if (sequence.sink == nullptr) return;
  prefixes_.leave(sequence);
  TokenEvent event;
  event.index = sequence.produced();
  event.finish = reason;
  event.error = std::move(error);
  event.usage = sequence.usage();
  sequence.sink(event);
  forget(sequence);
}

void Scheduler::forget(Sequence& sequence) {
  sequence.sink = nullptr;
  if (std::exchange(sequence.has_place, false)) shares_.give_place(sequence.request.tenant);
  shares_.leave(sequence.request.tenant);
}

}  // namespace studio::engine
