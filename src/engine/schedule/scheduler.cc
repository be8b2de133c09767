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
                     std::function<Clock::time_point()> now, std::unique_ptr<DraftModel> draft_model)
    : model_(model),
      pages_(pages),
      threads_(threads),
      limits_(limits),
      now_(std::move(now)),
      prefixes_(pages, limits.share_prefixes, limits.restored_bytes_per_step),
      drafting_(limits.speculation, std::move(draft_model)),
      cost_(depth_unit(model)) {
  fed_.reserve(kMaxBatchTokens);  // runs point into it
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

// Drafts take what pages and columns the chosen leave free.
void Scheduler::draft() {
  decoding_.clear();
  if (!drafting_.is_on()) return;
  int columns = 0;
  for (const Chosen& chosen : chosen_) {
    columns += chosen.tokens;
    if (chosen.sequence->request.guesses == Guesses::kNone) continue;
    if (chosen.sequence->is_decoding() && chosen.sequence->produced() > 0) {
      decoding_.push_back(chosen.sequence);
    } else {
      drafting_.read(*chosen.sequence);
    }
  }
  drafting_.choose(decoding_, columns);
  for (const Sequence* sequence : decoding_) {
    planned_units_ += cost_.units(static_cast<int>(sequence->draft.size()), sequence->state.length() + 1);
  }
}

// The runs of the pass, and who draws from which rows of its logits.
void Scheduler::assemble(StepCounts& counts) {
  runs_.clear();
  fed_.clear();
  drawing_.clear();
  draws_.clear();
  sampled_.clear();
  scored_.clear();
  for (const Chosen& chosen : chosen_) {
    Sequence& sequence = *chosen.sequence;
    if (!sequence.is_decoding() || sequence.produced() == 0) counts.prompt_tokens += chosen.tokens;
    prefixes_.count(sequence, chosen.tokens);
    if (chosen.tokens == 0) continue;
    std::span<const TokenId> tokens =
        std::span(sequence.ids)
            .subspan(static_cast<size_t>(sequence.state.length()), static_cast<size_t>(chosen.tokens));
    const std::span<const TokenId> draft = sequence.draft;
    if (!draft.empty()) {
      const size_t begin = fed_.size();
      fed_.push_back(tokens.front());
      fed_.insert(fed_.end(), draft.begin(), draft.end());
      tokens = std::span(fed_).subspan(begin);
    }
    const WantLogits all = draft.empty() && !sequence.is_scoring() ? WantLogits::kLast : WantLogits::kAll;
    const bool wants_logits = chosen.draws || sequence.is_scoring();
    runs_.push_back({&sequence.state, tokens, wants_logits ? all : WantLogits::kNone, sequence.adapter.get()});
    if (sequence.is_scoring()) assemble_scores(chosen);
    if (!chosen.draws) continue;
    const size_t rows = draft.size() + 1;
    // Where the draw looks at the tokens before it, one by one.
    const size_t together = uses_history(sequence.request.sampling) || sequence.held ? rows : 1;
    for (size_t row = 0; row < rows; row += together) draws_.push_back({drawing_.size(), row, row + together});
    drawing_.push_back({&sequence, sampled_.size()});
    for (size_t row = 0; row < rows; ++row) sampled_.emplace_back(SampledToken{});
  }
  // Rows that are kept stand behind those of the pass.
  for (const Chosen& chosen : chosen_) {
    if (chosen.tokens > 0) continue;
    draws_.push_back({drawing_.size(), 0, 1});
    drawing_.push_back({chosen.sequence, sampled_.size()});
    sampled_.emplace_back(SampledToken{});
  }
}

// Each row says of the token behind its own; that of a prompt's last token is drawn from.
void Scheduler::assemble_scores(const Chosen& chosen) {
  const int first = chosen.sequence->state.length() + 1;
  for (int i = 0; i < chosen.tokens - (chosen.draws ? 1 : 0); ++i) {
    scored_.push_back({chosen.sequence, sampled_.size(), first + i});
    sampled_.emplace_back(SampledToken{});
  }
}

StepCounts Scheduler::step() {
  const Clock::time_point begun = now_();
  drop_expired(begun);
  prefixes_.begin_step(begun);
  admit();
  share_prefixes();
  choose();
  StepCounts counts;
  if (chosen_.empty()) return counts;

  const Clock::time_point chosen_at = now_();
  draft();
  const Clock::time_point drafted_at = now_();
  if (std::ranges::any_of(chosen_, [](const Chosen& chosen) { return chosen.sequence->adapter != nullptr; })) {
    // Rows of one adapter side by side read it once; the order changes nothing else.
    std::ranges::sort(chosen_, {}, [](const Chosen& chosen) {
      return std::pair(chosen.sequence->adapter.get(), chosen.sequence->id);
    });
  }
  assemble(counts);
  counts.sequences = static_cast<int>(runs_.size());
  const size_t rows = sampled_.size(), vocab = static_cast<size_t>(model_.config().vocab);
  if (logits_.size() < rows * vocab) logits_.resize(rows * vocab);
  if (!runs_.empty()) model_.forward(runs_, logits_.data());
  float* row = logits_.data() + rows * vocab;
  for (const Chosen& chosen : chosen_) row -= chosen.kept_logits.size();
  for (const Chosen& chosen : chosen_) row = std::ranges::copy(chosen.kept_logits, row).out;
  sample();
  score();
  if (decoding_.size() == chosen_.size()) {
    const std::chrono::duration<double> took = now_() - drafted_at;
    drafting_.note_pass(static_cast<int>(rows), took.count());
  }
  deliver_scores();
  for (size_t i = 0; i < drawing_.size(); ++i) {
    if (drawing_[i].sequence->sink == nullptr) continue;
    counts.produced_tokens += deliver_all(i);
  }
  for (const Chosen& chosen : chosen_) {
    if (chosen.sequence->sink != nullptr) prefixes_.give(*chosen.sequence);
  }
  running_.remove_if([](const std::unique_ptr<Sequence>& sequence) { return sequence->sink == nullptr; });
  if (runs_.empty()) return counts;
  shares_.end_step();
  counts.seconds = std::chrono::duration<double>(now_() - begun).count();
  const std::chrono::duration<double> drafting = drafted_at - chosen_at;  // no part of what units cost
  cost_.observe(planned_units_, counts.seconds - drafting.count());
  return counts;
}

void Scheduler::sample() {
  held_seconds_.assign(sampled_.size(), 0);
  const auto vocab = static_cast<size_t>(model_.config().vocab);
  threads_.parallel_for(static_cast<int64_t>(draws_.size()), 1, [&](int64_t begin, int64_t end, int thread) {
    Sampler& sampler = samplers_[static_cast<size_t>(thread)];
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      const Draws& draws = draws_[i];
      const Drawing& drawing = drawing_[draws.drawing];
      Sequence& sequence = *drawing.sequence;
      HeldAnswer* held = sequence.held ? &*sequence.held : nullptr;  // goes ahead of the ids: all that is drawn is told
      if (held != nullptr) held->take_spent();
      for (size_t k = draws.begin; k < draws.end; ++k) {
        const std::span<float> row(logits_.data() + (drawing.first_row + k) * vocab, vocab);
        Result<SampledToken>& sampled = sampled_[drawing.first_row + k];
        const TokenId forced = sequence.forced_at(sequence.produced() + static_cast<int>(k));
        const SamplingParams& params = sequence.request.sampling;
        sampled = forced >= 0 ? sampler.score(row, params, forced)
                              : sampler.sample(row, params, sequence.history, sequence.ids.size() + k, held);
        if (!sampled.ok()) break;
        if (held != nullptr) {
          held->accept(sampled->id);
          ++sequence.held_ahead;
          held_seconds_[drawing.first_row + k] = held->take_spent();
        }
        sequence.note_drawn(sampled->id);
        if (k < sequence.draft.size() && sampled->id != sequence.draft[k]) break;
        if (held != nullptr && held->is_complete()) break;
      }
    }
  });
}

void Scheduler::score() {
  const auto vocab = static_cast<size_t>(model_.config().vocab);
  threads_.parallel_for(static_cast<int64_t>(scored_.size()), 1, [&](int64_t begin, int64_t end, int thread) {
    Sampler& sampler = samplers_[static_cast<size_t>(thread)];
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      const auto [sequence, row, position] = scored_[i];
      const std::span<float> logits(logits_.data() + row * vocab, vocab);
      sampled_[row] = sampler.score(logits, sequence->request.sampling, sequence->ids[static_cast<size_t>(position)]);
    }
  });
}

// One event for each sequence; what was told before its pages were lost is not told again.
void Scheduler::deliver_scores() {
  for (size_t i = 0; i < scored_.size();) {
    Sequence& sequence = *scored_[i].sequence;
    TokenEvent event;
    event.first_score = sequence.scored;
    event.usage = sequence.usage();
    std::optional<Error> fault;
    for (; i < scored_.size() && scored_[i].sequence == &sequence; ++i) {
      Result<SampledToken>& scored = sampled_[scored_[i].row];
      if (!scored.ok() && !fault) fault = scored.error();
      if (!scored.ok() || scored_[i].position < sequence.scored) continue;
      event.scores.push_back({scored->logprob, std::move(scored->top_logprobs)});
      ++sequence.scored;
    }
    if (fault) {
      prefixes_.fail(sequence);
      end(sequence, FinishReason::kError, std::move(fault));
    } else if (!event.scores.empty()) {
      sequence.sink(event);
    }
  }
}

// The tokens of a sequence, as far as its draft came true, and the one behind. Their number.
int Scheduler::deliver_all(size_t index) {
  const auto [sequence, first_row] = drawing_[index];
  const std::span<const TokenId> draft = std::exchange(sequence->draft, {});
  int accepted = 0;
  for (size_t k = 0;; ++k) {
    Result<SampledToken>& sampled = sampled_[first_row + k];
    const bool goes_on = sampled.ok() && k < draft.size() && sampled->id == draft[k];
    deliver(*sequence, sampled, first_row + k);
    accepted += goes_on ? 1 : 0;
    if (sequence->sink == nullptr || !goes_on) {
      drafting_.count(*sequence, static_cast<int>(draft.size()), accepted);
      if (sequence->sink != nullptr) sequence->state.truncate(static_cast<int>(sequence->ids.size()) - 1);
      return static_cast<int>(k) + 1;
    }
  }
}

// Row `row` of the logits gave it.
void Scheduler::deliver(Sequence& sequence, Result<SampledToken>& sampled, size_t row) {
  if (!sampled.ok()) {
    prefixes_.fail(sequence);
    return end(sequence, FinishReason::kError, std::move(sampled).error());
  }
  sequence.append(sampled->id);
  if (sequence.held) {
    constraint_seconds_.add(kConstraintSecondsBounds, held_seconds_[row] + std::exchange(sequence.held_seconds, 0));
  }
  ++sequence.drawn;
  if (sequence.produced() == 1) prefixes_.hold(sequence, now_());
  TokenEvent event;
  event.id = sampled->id;
  event.index = sequence.produced() - 1;
  event.check = sequence.check;
  event.logprob = sampled->logprob;
  event.top_logprobs = std::move(sampled->top_logprobs);
  event.finish = sequence.finish();
  event.usage = sequence.usage();
  sequence.sink(event);
  if (event.index == 0) {  // the token is on its way: what follows copies a row
    const auto vocab = static_cast<size_t>(model_.config().vocab);
    prefixes_.give_end(sequence, std::span(logits_).subspan(row * vocab, vocab));
  }
  if (event.finish != FinishReason::kNone) {
    leave(sequence);
    forget(sequence);
  }
}

// The sequence is over: what was fed on a guess goes, what it computed and said is kept for others.
void Scheduler::leave(Sequence& sequence) {
  sequence.state.truncate(std::min(sequence.state.length(), static_cast<int>(sequence.ids.size()) - 1));
  drafting_.keep(sequence);
  drafting_.forget(sequence);
  prefixes_.leave(sequence);
}

// The last event of a sequence that ends without a token. A null sink marks it as done.
void Scheduler::end(Sequence& sequence, FinishReason reason, std::optional<Error> error) {
  if (sequence.sink == nullptr) return;
  leave(sequence);
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
