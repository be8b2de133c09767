#include "engine/schedule/drafting.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/stopwatch.h"

namespace studio::engine {
namespace {

// Of the prompt, kept before an answer: where it begins alike, the answer may too.
constexpr size_t kKeptPrompt = 32;
// Of a guess: what is less likely to be reached is not worth a look at whether it may come. Mostly a step needs more.
constexpr float kLeastHeldChance = 0.1f;

// What must come whatever the logits say is a draft like any other, of which it is certain that it comes.
constexpr std::array<float, Drafter::kLongestDraft> kCertain = [] {
  std::array<float, Drafter::kLongestDraft> chances{};
  chances.fill(1);
  return chances;
}();

}  // namespace

Drafter& Drafting::drafter_of(Sequence& sequence) {
  if (!sequence.drafter) sequence.drafter = std::make_unique<Drafter>(&past_, sequence.place.salt);
  return *sequence.drafter;
}

void Drafting::read(Sequence& sequence) {
  if (is_on()) drafter_of(sequence).follow(sequence.ids);
}

// Of a sequence's draft, as far as its length allows: the last token needs no logits behind it, and whether forced ones
// come is known when the budget of reasoning is used up.
int Drafting::most_of(const Sequence& sequence) {
  const int most = std::max(0, sequence.request.max_new_tokens - sequence.produced() - 1);
  const std::optional<ForcedEnd>& end = sequence.request.forced_end;
  const int until_end = end ? end->after_tokens - sequence.produced() : 0;
  return until_end > 0 ? std::min(most, until_end - 1) : most;
}

// The sequence's draft is all that may be taken; choose() cuts it.
DraftOffer Drafting::offer(Sequence& sequence) {
  Drafter& drafter = drafter_of(sequence);
  const bool is_open = sequence.held && sequence.held->is_open();
  drafter.follow(sequence.ids, is_open ? DraftPlace::kOpen : DraftPlace::kUsual);
  sequence.draft = drafter.tokens();
  sequence.held_draft.clear();
  const std::optional<ForcedEnd>& end = sequence.request.forced_end;
  if (end && sequence.forced_at(sequence.produced()) >= 0) {
    const std::span rest = std::span(end->forced).subspan(static_cast<size_t>(sequence.produced() - end->after_tokens));
    sequence.draft = rest.first(std::min(rest.size(), kCertain.size()));
    return {.chances = kCertain, .most = most_of(sequence), .taken = 0};
  }
  const std::span<const float> chances = sequence.held ? hold(sequence, drafter.chances()) : drafter.chances();
  return {.chances = chances, .most = most_of(sequence), .taken = 0};
}

// Nothing comes behind a token that ends the answer.
void Drafting::cut_at_end(const Sequence& sequence, DraftOffer& offer) {
  const std::vector<TokenId>& stops = sequence.request.stop_ids;
  const auto stop = std::find_first_of(sequence.draft.begin(), sequence.draft.end(), stops.begin(), stops.end());
  offer.most = std::min(offer.most, static_cast<int>(stop - sequence.draft.begin()));
}

// What was said before, or what the form lets come: what promises more tokens. Whether what was said may come is looked
// at when the step takes it. Nothing is looked at that it has no room for.
std::span<const float> Drafting::hold(Sequence& sequence, std::span<const float> chances) {
  const Stopwatch watch(sequence.held_seconds);
  const std::span<const TokenId> said = std::exchange(sequence.draft, {});
  HeldDraft& held = sequence.held_draft;
  if (least_chance_ > 1) return {};
  held.add_likely(sequence.held->likely());
  size_t most = 0;
  double reached = 1, promised = 0;  // tokens of what was said, if all of it may come
  for (; most < said.size() && most < room_ && (reached *= chances[most]) >= least_chance_; ++most) promised += reached;
  if (promised > held.expected()) {
    held.said = said.first(most);
    sequence.draft = held.said;
    return chances.first(most);
  }
  sequence.draft = held.tokens;
  return held.chances;
}

// Of what was said, as far as the step would take it, only what may come is left; behind it, or in its place, what is
// likely then. False where nothing is to be planned anew.
bool Drafting::look_at_taken(std::span<Sequence* const> decoding) {
  bool is_changed = false;
  for (size_t i = 0; i < decoding.size(); ++i) {
    Sequence& sequence = *decoding[i];
    DraftOffer& offer = offers_[i];
    HeldDraft& held = sequence.held_draft;
    if (held.said.empty() || sequence.draft.data() != held.said.data()) continue;
    const Stopwatch watch(sequence.held_seconds);
    const std::span<const TokenId> taken = held.said.first(static_cast<size_t>(offer.taken));
    size_t fitting = 0;
    if (!taken.empty()) {  // else what the form lets come is left
      const bool goes_on = taken.size() == held.said.size() && taken.size() < room_;
      const HeldAnswer::Ahead ahead = sequence.held->look_ahead(taken, goes_on);
      fitting = ahead.fitting;
      held.tokens.clear();
      held.chances.clear();
      held.add(taken.first(fitting), offer.chances);
      held.add_likely(ahead.likely.tokens());
    }
    sequence.draft = held.tokens;
    offer = {.chances = held.chances, .most = most_of(sequence), .taken = static_cast<int>(fitting)};
    cut_at_end(sequence, offer);
    is_changed |= fitting < taken.size() || held.tokens.size() > fitting;
  }
  return is_changed;
}

// As long as they are few and nobody's prompt waits for the step.
void Drafting::ask_model(std::span<Sequence* const> decoding, int columns) {
  if (!model_ || decoding.empty() || decoding.size() > DraftModel::kSequences) return;
  if (columns > static_cast<int>(decoding.size())) return;
  model_->draft(decoding, offers_, cost_, mode_ == Speculation::kAlways);
}

void Drafting::plan(int columns) {
  for (DraftOffer& offer : offers_) offer.taken = 0;
  if (mode_ != Speculation::kAlways) return plan_drafts(offers_, columns, cost_);
  for (DraftOffer& offer : offers_) {
    offer.taken = std::min(offer.most, std::max(0, kMostColumns - columns));
    columns += offer.taken;
  }
}

void Drafting::choose(std::span<Sequence* const> decoding, int columns) {
  offers_.clear();
  if (!is_on()) return;
  room_ = static_cast<size_t>(std::max(0, kMostColumns - columns));
  least_chance_ = kLeastHeldChance;
  if (mode_ != Speculation::kAlways) least_chance_ = std::max(least_chance_, least_chance(columns, cost_));
  for (Sequence* sequence : decoding) offers_.push_back(offer(*sequence));
  ask_model(decoding, columns);
  for (size_t i = 0; i < decoding.size(); ++i) cut_at_end(*decoding[i], offers_[i]);
  plan(columns);
  if (look_at_taken(decoding)) plan(columns);
  for (size_t i = 0; i < decoding.size(); ++i) {
    Sequence& sequence = *decoding[i];
    int taken = offers_[i].taken;
    while (taken > 0 && !sequence.state.reserve(sequence.state.length() + 1 + taken)) --taken;
    sequence.draft = sequence.draft.first(static_cast<size_t>(taken));
  }
}

void Drafting::count(const Sequence& sequence, int drafted, int accepted) {
  if (model_) model_->settle(sequence, std::max(1, static_cast<int>(offers_.size())), drafted, accepted, cost_);
  drafted_tokens_ += static_cast<uint64_t>(drafted);
  accepted_tokens_ += static_cast<uint64_t>(accepted);
}

void Drafting::forget(const Sequence& sequence) {
  if (model_) model_->forget(sequence.id);
}

void Drafting::keep(const Sequence& sequence) {
  if (!is_on() || sequence.produced() == 0) return;
  const size_t prompt = std::min(static_cast<size_t>(sequence.prompt_tokens), kKeptPrompt);
  past_.keep(sequence.place.salt,
             std::span(sequence.ids).subspan(static_cast<size_t>(sequence.prompt_tokens) - prompt));
}

}  // namespace studio::engine
