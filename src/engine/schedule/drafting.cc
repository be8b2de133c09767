#include "engine/schedule/drafting.h"

#include <algorithm>
#include <array>

namespace studio::engine {
namespace {

// Of the prompt, kept before an answer: where it begins alike, the answer may too.
constexpr size_t kKeptPrompt = 32;

// What must come whatever the logits say is a draft like any other, of which it is certain that it comes.
constexpr std::array<float, Drafter::kLongestDraft> kCertain = [] {
  std::array<float, Drafter::kLongestDraft> chances{};
  chances.fill(1);
  return chances;
}();

// A text that must come may be cut into other tokens than the usual ones, which models seldom do.
constexpr float kLikely = 0.97f;

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
    hold(sequence, chances);
    chances = sequence.held_chances;
  }
  return {.chances = chances, .most = std::max(most, 0), .taken = 0};
}

// Of the guess what the constraint allows, then what must come there: a text that is certain goes before a guess.
void Drafting::hold(Sequence& sequence, std::span<const float> chances) {
  const std::span<const TokenId> guess = sequence.draft;
  std::vector<TokenId>& draft = sequence.held_draft;
  std::vector<float>& chance = sequence.held_chances;
  draft = sequence.held->forced();
  chance.assign(draft.size(), kLikely);
  if (draft.empty() || (!guess.empty() && guess.front() == draft.front() && guess.size() > draft.size())) {
    HeldAnswer ahead = *sequence.held;
    draft.clear();
    chance.clear();
    for (size_t i = 0; i < guess.size() && ahead.allows(guess[i]); ++i) {
      ahead.accept(guess[i]);
      draft.push_back(guess[i]);
      chance.push_back(chances[i]);
    }
    for (const TokenId id : ahead.forced()) {
      draft.push_back(id);
      chance.push_back(kLikely);
    }
  }
  draft.resize(std::min(draft.size(), size_t{Drafter::kLongestDraft}));
  chance.resize(draft.size());
  sequence.draft = draft;
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
