// What the next step computes: decodes, then prompt pieces for the time that is left.
#include <algorithm>

#include "engine/schedule/scheduler.h"

namespace studio::engine {
namespace {

constexpr double kNoLimit = 1e9;  // units: no batch of tokens costs that

}  // namespace

void Scheduler::choose() {
  chosen_.clear();
  planned_units_ = 0;
  scores_left_ = kScoresPerStep;
  shares_.begin_step();
  make_room_for_decodes();
  int decodes = 0;
  prompts_.clear();
  for (const auto& sequence : running_) {
    sequence->planned = 0;
    if (sequence->waits_for_prefix) continue;
    if (const auto kept_logits = prefixes_.take_end(*sequence); !kept_logits.empty()) {
      chosen_.push_back({sequence.get(), 0, true, kept_logits});
      shares_.at(sequence->request.tenant).is_served = true;
    } else if (sequence->is_decoding()) {
      // Room was made, except where one sequence alone wants more than all the pages there are.
      if (!sequence->state.reserve(sequence->state.length() + 1)) continue;
      plan(*sequence, 1);
      ++decodes;
    } else {
      prompts_.push_back(sequence.get());
      shares_.at(sequence->request.tenant).wants = true;
    }
  }
  if (!prompts_.empty()) {
    plan_prompts(room_for_prompts(decodes), std::min(limits_.prompt_chunk, kMaxBatchTokens - decodes));
  }
  for (const auto& sequence : running_) {
    if (sequence->planned == 0) continue;
    chosen_.push_back({sequence.get(), sequence->planned, sequence->planned == sequence->pending()});
  }
}

void Scheduler::plan(Sequence& sequence, int tokens) {
  planned_units_ += cost_.units(tokens, sequence.state.length() + sequence.planned);
  sequence.planned += tokens;
  if (sequence.is_scoring()) scores_left_ -= tokens;
  shares_.at(sequence.request.tenant).is_served = true;
}

Scheduler::Room Scheduler::room_for_prompts(int decodes) const {
  const bool is_alone = running_.size() == 1 && waiting_.empty();
  if (is_alone) return {kNoLimit, 0};
  if (!cost_.is_known()) return {kFirstPromptUnits, 0};
  const auto units_within = [&](double seconds) { return cost_.units_within(seconds) - planned_units_; };
  const double least = kPieceUnits, most = units_within(kLongestStepSeconds);
  if (decodes == 0) return {std::max(least, most), 0};
  if (limits_.step_seconds > 0) return {std::max(least, units_within(limits_.step_seconds)), 0};
  const double stretched = units_within(kStepStretch * cost_.seconds(planned_units_));
  const double usual = std::max(least, std::min(most, stretched));
  const double with_short = std::max(usual, std::min(most, usual + units_of_short_prompts()));
  return {with_short, with_short - usual};
}

// Whether all that it computes itself is a short prompt.
bool Scheduler::is_short(const Sequence& sequence) const {
  const int depth = sequence.state.length() + sequence.planned;
  return sequence.prompt_units + cost_.units(sequence.pending() - sequence.planned, depth) <= kShortPromptUnits;
}

double Scheduler::units_of_short_prompts() const {
  double sum = 0;
  for (const Sequence* sequence : prompts_) {
    if (is_short(*sequence)) sum += cost_.units(sequence->pending(), sequence->state.length());
  }
  return sum;
}

void Scheduler::plan_prompts(Room room, int tokens) {
  shares_.compete();
  const double most = prompts_.size() == 1 ? room.units : kPieceUnits;  // with nobody to take turns with
  while (tokens > 0 && room.units > 0) {
    Tenant* tenant = shares_.next();
    if (tenant == nullptr) return;
    const auto [oldest, shortest] = prompts_of(*tenant);
    if (oldest == nullptr) {
      tenant->wants = false;
      continue;
    }
    // What the step was made longer by for short prompts is theirs, and no debt to the oldest one.
    const bool is_extra = room.for_short > 0 && is_short(*shortest);
    Sequence& sequence = is_extra || tenant->owed_to_oldest <= 0 ? *shortest : *oldest;
    const int depth = sequence.state.length() + sequence.planned;
    // The last one goes over by less than a token, so that every step has the units it is given.
    int piece = std::max(1, cost_.tokens_within(std::min(most, room.units), depth));
    piece = std::min({piece, tokens, unplanned(sequence)});
    const double cost = cost_.units(piece, depth);
    if (is_extra) {
      room.for_short -= cost;
    } else if (oldest != shortest) {
      tenant->owed_to_oldest += &sequence == shortest ? cost : -cost;
    }
    shares_.charge(*tenant, cost);
    plan(sequence, piece);
    sequence.prompt_units += cost;
    room.units -= cost;
    tokens -= piece;
  }
}

// Tokens of it that may yet be planned in this step.
int Scheduler::unplanned(const Sequence& sequence) const {
  const int pending = sequence.pending() - sequence.planned;
  return sequence.is_scoring() ? std::min(pending, std::max(0, scores_left_)) : pending;
}

Scheduler::Prompts Scheduler::prompts_of(const Tenant& tenant) const {
  Prompts found;
  for (Sequence* sequence : prompts_) {
    if (sequence->request.tenant != tenant.id || unplanned(*sequence) == 0) continue;
    if (found.oldest == nullptr || sequence->arrival < found.oldest->arrival) found.oldest = sequence;
    if (found.shortest == nullptr || sequence->urgency < found.shortest->urgency) found.shortest = sequence;
  }
  return found;
}

}  // namespace studio::engine
