#include "engine/schedule/drafting.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

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

// The sequence's draft is all that may be taken; choose() cuts it.
DraftOffer Drafting::offer(Sequence& sequence) {
  Drafter& drafter = drafter_of(sequence);
  drafter.follow(sequence.ids);
  std::span<const float> chances = drafter.chances();
  sequence.draft = drafter.tokens();
  int most = sequence.request.max_new_tokens - sequence.produced() - 1;  // the last one needs no logits behind it
  if (const std::optional<ForcedEnd>& end = sequence.request.forced_end) {
    const int index = sequence.produced() - end->after_tokens;
    if (index < 0) {
      most = std::min(most, -index - 1);  // whether the forced ones come is known when the budget is used up
    } else if (sequence.forced_at(sequence.produced()) >= 0) {
      const std::span<const TokenId> rest = std::span(end->forced).subspan(static_cast<size_t>(index));
      sequence.draft = rest.first(std::min(rest.size(), kCertain.size()));
      chances = kCertain;
    }
  }
  if (sequence.held && chances.data() != kCertain.data()) {
    const auto begun = std::chrono::steady_clock::now();
    hold(sequence, chances);
    sequence.held_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    chances = sequence.held_draft.chances;
  }
  return {.chances = chances, .most = std::max(most, 0), .taken = 0};
}

// What was said before, as far as it may come, or what the form lets come: what promises more tokens. Nothing is looked
// at that the step has no room for.
void Drafting::hold(Sequence& sequence, std::span<const float> chances) {
  const std::span<const TokenId> said = std::exchange(sequence.draft, {});
  HeldDraft& held = sequence.held_draft;
  held.clear();
  if (least_chance_ > 1) return;
  form_.clear();
  form_.add_likely(sequence.held->likely());
  size_t most = 0;
  double reached = 1, promised = 0;  // tokens of what was said, if all of it may come
  for (; most < said.size() && most < room_ && (reached *= chances[most]) >= least_chance_; ++most) promised += reached;
  if (promised > form_.expected()) {
    const HeldAnswer::Ahead ahead = sequence.held->look_ahead(said.first(most), most == said.size());
    held.add(said.first(ahead.fitting), chances);
    if (ahead.fitting > 0) held.add_likely(ahead.likely.tokens());
  }
  if (form_.expected() >= held.expected()) std::swap(held, form_);
  sequence.draft = held.tokens;
}

// As long as they are few and nobody's prompt waits for the step.
void Drafting::ask_model(std::span<Sequence* const> decoding, int columns) {
  if (!model_ || decoding.empty() || decoding.size() > DraftModel::kSequences) return;
  if (columns > static_cast<int>(decoding.size())) return;
  model_->draft(decoding, offers_, cost_, mode_ == Speculation::kAlways);
}

void Drafting::choose(std::span<Sequence* const> decoding, int columns) {
  offers_.clear();
  if (!is_on()) return;
  room_ = static_cast<size_t>(std::max(0, kMostColumns - columns));
  least_chance_ = kLeastHeldChance;
  if (mode_ != Speculation::kAlways) least_chance_ = std::max(least_chance_, least_chance(columns, cost_));
  for (Sequence* sequence : decoding) offers_.push_back(offer(*sequence));
  ask_model(decoding, columns);
  for (size_t i = 0; i < decoding.size(); ++i) {
    const std::span<const TokenId> draft = decoding[i]->draft;
    const std::vector<TokenId>& stops = decoding[i]->request.stop_ids;
    const auto stop = std::find_first_of(draft.begin(), draft.end(), stops.begin(), stops.end());
    offers_[i].most = std::min(offers_[i].most, static_cast<int>(stop - draft.begin()));  // nothing comes behind one
  }
  if (mode_ == Speculation::kAlways) {
    for (DraftOffer& offer : offers_) {
      offer.taken = std::min(offer.most, std::max(0, kMostColumns - columns));
      columns += offer.taken;
    }
  } else {
    plan_drafts(offers_, columns, cost_);
  }
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
