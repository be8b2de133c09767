#include "engine/schedule/scheduler.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace studio::engine {

Scheduler::Scheduler(Model& model, PagePool& pages, ThreadPool& threads, const SchedulerLimits& limits)
    : model_(model), pages_(pages), threads_(threads), limits_(limits), prefixes_(pages, limits.share_prefixes) {
  samplers_.reserve(static_cast<size_t>(threads.threads()));
  for (int i = 0; i < threads.threads(); ++i) samplers_.emplace_back(model.config().vocab);
}

Scheduler::~Scheduler() {
  for (List* list : {&running_, &waiting_}) {
    for (const auto& sequence : *list) end(*sequence, FinishReason::kCancelled);
  }
}

void Scheduler::add(std::unique_ptr<Sequence> sequence) {
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

void Scheduler::drop_expired() {
  const auto now = std::chrono::steady_clock::now();
  for (List* list : {&running_, &waiting_}) {
    list->remove_if([&](const std::unique_ptr<Sequence>& sequence) {
      if (sequence->request.deadline > now) return false;
      end(*sequence, FinishReason::kError, Error(Code::kDeadlineExceeded, "the request's deadline passed"));
      return true;
    });
  }
}

void Scheduler::admit() {
  while (!waiting_.empty() && running() < limits_.max_sequences) {
    // Beside its own pages one for each running sequence, or the newcomer would be the next to be preempted. They are
    // taken now: the next in line must not count on them too.
    Sequence& next = *waiting_.front();
    prefixes_.take(next);
    const int needed = pages_for(static_cast<int>(next.ids.size()) + 1) - next.state.pages() + running();
    const bool has_room = running_.empty() || needed <= pages_.free();
    if (!has_room || !next.state.reserve(static_cast<int>(next.ids.size()))) return prefixes_.leave(next);
    if (!std::exchange(next.was_admitted, true)) {
      const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - next.submitted;
      queue_seconds_.add(kQueueSecondsBounds, waited.count());
    }
    running_.splice(running_.end(), waiting_, waiting_.begin());
  }
}

void Scheduler::preempt(List::iterator victim) {
  ++preemptions_;
  prefixes_.leave(**victim);
  waiting_.splice(waiting_.begin(), running_, victim);
}

bool Scheduler::make_room(Sequence& sequence, int tokens) {
  while (!sequence.state.reserve(sequence.state.length() + tokens)) {
    auto youngest = std::prev(running_.end());
    if (youngest->get() == &sequence) return false;
    // Victims are younger than the sequence, and the choice runs by age: none of them is in this step yet.
    preempt(youngest);
  }
  return true;
}

void Scheduler::share_prefixes() {
  for (auto it = running_.begin(); it != running_.end(); ++it) {
    Sequence& sequence = **it;
    sequence.waits_for_prefix = false;
    if (sequence.is_decoding()) continue;
    prefixes_.take(sequence);
    sequence.waits_for_prefix = limits_.share_prefixes && std::any_of(running_.begin(), it, [&](const auto& older) {
                                  return PrefixSharing::will_compute_for(*older, sequence);
                                });
    if (!sequence.waits_for_prefix) prefixes_.take_beginning(sequence);
  }
}

void Scheduler::choose() {
  chosen_.clear();
  int decodes = 0;
  for (const auto& sequence : running_) decodes += sequence->is_decoding() ? 1 : 0;
  int prompt_budget = decodes > 0 ? std::min(limits_.prompt_chunk, kChunkBesideDecodes) : limits_.prompt_chunk;
  prompt_budget = std::min(prompt_budget, kMaxBatchTokens - decodes);

  for (auto it = running_.begin(); it != running_.end();) {
    Sequence& sequence = **it;
    const int tokens = sequence.is_decoding() ? 1 : std::min(sequence.pending(), prompt_budget);
    if (tokens == 0 || sequence.waits_for_prefix) {
      ++it;
      continue;
    }
    if (!make_room(sequence, tokens)) {
      // The youngest of all and still no room: it gives up what it has and waits.
      preempt(it);
      return;
    }
    if (!sequence.is_decoding()) prompt_budget -= tokens;
    chosen_.push_back({&sequence, tokens, tokens == sequence.pending()});
    ++it;
  }
}

StepCounts Scheduler::step() {
  drop_expired();
  admit();
  share_prefixes();
  choose();
  StepCounts counts;
  if (chosen_.empty()) return counts;

  const bool has_adapters =
      std::ranges::any_of(chosen_, [](const Chosen& chosen) { return chosen.sequence->adapter != nullptr; });
  if (has_adapters) {  // rows of one adapter side by side read it once; the order changes nothing else
    std::ranges::sort(chosen_, {}, [](const Chosen& chosen) {
      return std::pair(chosen.sequence->adapter.get(), chosen.sequence->id);
    });
  }
  counts.sequences = static_cast<int>(chosen_.size());
  runs_.clear();
  drawing_.clear();
  for (const Chosen& chosen : chosen_) {
    Sequence& sequence = *chosen.sequence;
    if (!sequence.is_decoding() || sequence.produced() == 0) counts.prompt_tokens += chosen.tokens;
    prefixes_.count(sequence, chosen.tokens);
    const std::span<const TokenId> ids(sequence.ids);
    runs_.push_back({&sequence.state,
                     ids.subspan(static_cast<size_t>(sequence.state.length()), static_cast<size_t>(chosen.tokens)),
                     chosen.draws ? WantLogits::kLast : WantLogits::kNone, sequence.adapter.get()});
    if (chosen.draws) drawing_.push_back(&sequence);
  }
  const auto vocab = static_cast<size_t>(model_.config().vocab);
  if (logits_.size() < drawing_.size() * vocab) logits_.resize(drawing_.size() * vocab);
  model_.forward(runs_, logits_.data());
  sample();
  counts.produced_tokens = static_cast<int>(drawing_.size());
  for (size_t i = 0; i < drawing_.size(); ++i) deliver(*drawing_[i], sampled_[i]);
  for (const Chosen& chosen : chosen_) {
    if (chosen.sequence->sink != nullptr) prefixes_.give(*chosen.sequence);
  }
  running_.remove_if([](const std::unique_ptr<Sequence>& sequence) { return sequence->sink == nullptr; });
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
    sequence.sink = nullptr;
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
  sequence.sink = nullptr;
}

}  // namespace studio::engine
