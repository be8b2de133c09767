#include "engine/speculation/drafter.h"

#include <algorithm>
#include <cstdlib>

namespace studio::engine {
namespace {

// A prompt longer than this begins to be read here: the rest of the automaton is for what is produced.
constexpr size_t kFirstRead = Drafter::kTextTokens / 4 * 3;
// Of the ids, read along the tenant's texts when those change: longer matches are as good as this one.
constexpr size_t kPastContext = 32;
// A draft that came true for so long marks its place when it goes wrong.
constexpr int kLeftLength = 4;
constexpr size_t kLeftTokens = 24;          // produced since: by then the copy has gone on, or will not
constexpr int kNearBack = 8, kNearOn = 32;  // places looked at, around where the draft was left
constexpr int kNearLength = 16;             // of a match there; longer ones are found anyway
constexpr int kSureLength = 12;             // a match that long needs no help
constexpr float kLeastChance = 0.02f;       // of a whole draft: no pass is cheap enough for less

int common_ending(std::span<const TokenId> a, std::span<const TokenId> b, int most) {
  const int limit = std::min<int>(most, static_cast<int>(std::min(a.size(), b.size())));
  int length = 0;
  while (length < limit &&
         a[a.size() - 1 - static_cast<size_t>(length)] == b[b.size() - 1 - static_cast<size_t>(length)])
    ++length;
  return length;
}

}  // namespace

std::span<const TokenId> Drafter::text(int index) const {
  return index == kOwnText ? own_.text() : views_[static_cast<size_t>(index) - 1]->text();
}

void Drafter::follow(std::span<const TokenId> ids, DraftPlace next) {
  learn(ids);
  first_ = next;
  draft_.clear();
  chances_.clear();
  read(ids);
  if (read_ < ids.size()) return;
  match_past(ids);
  propose(ids);
}

void Drafter::learn(std::span<const TokenId> ids) {
  for (size_t i = 0; i < draft_.size() && proposed_ + i < ids.size(); ++i) {
    const int length = place_.length + static_cast<int>(i);
    const bool came = draft_[i] == ids[proposed_ + i];
    acceptance_.note(place_.source, i == 0 ? first_ : DraftPlace::kUsual, length, came);
    if (came) continue;
    const int32_t at = place_.at + static_cast<int32_t>(i);
    const bool is_there = at < static_cast<int32_t>(text(place_.text).size());  // a period's repeat is not
    if (length >= kLeftLength && is_there) left_ = Left{place_.text, at, proposed_ + i};
    return;
  }
}

void Drafter::read(std::span<const TokenId> ids) {
  if (own_.text().size() >= kTextTokens || (read_ == 0 && ids.size() > kFirstRead)) {
    const size_t kept = read_ == 0 ? kFirstRead : kTextTokens / 2;
    own_ = SuffixAutomaton();
    begin_ = read_ = ids.size() - kept;
    if (left_ && left_->text == kOwnText) left_.reset();
  }
  const size_t end = std::min({ids.size(), read_ + kReadPerStep, begin_ + kTextTokens});
  for (; read_ < end; ++read_) own_.append(ids[read_]);
}

void Drafter::match_past(std::span<const TokenId> ids) {
  const PastOutputs::View now = past_->of(salt_);
  if (now != views_) {
    views_ = now;
    matches_ = {};  // their places were in other texts
    past_read_ = 0;
    if (left_ && left_->text != kOwnText) left_.reset();
  }
  if (past_read_ + kPastContext < ids.size()) {
    past_read_ = ids.size() - kPastContext;
    matches_ = {};
  }
  for (; past_read_ < ids.size(); ++past_read_) {
    for (size_t i = 0; i < views_.size(); ++i) {
      if (views_[i]) matches_[i] = views_[i]->advance(matches_[i], ids[past_read_]);
    }
  }
}

// Around the place where the last long draft was left: what ends most like the sequence, of equals the place that the
// copy has reached if it goes on token by token.
std::optional<Drafter::Place> Drafter::place_near(std::span<const TokenId> ids) const {
  if (!left_) return std::nullopt;
  const std::span<const TokenId> source = text(left_->text);
  const auto since = static_cast<int32_t>(ids.size() - left_->index);
  const int32_t expected = left_->at + since;
  const auto size = static_cast<int32_t>(source.size());
  std::optional<Place> best;
  for (int32_t at = std::max(0, left_->at - kNearBack); at < std::min(size, left_->at + kNearOn); ++at) {
    const int length = common_ending(source.first(static_cast<size_t>(at)), ids, kNearLength);
    if (length == 0 && !(since == 1 && at == expected)) continue;
    const bool is_better = !best || length > best->length ||
                           (length == best->length && std::abs(at - expected) < std::abs(best->at - expected));
    if (is_better) best = Place{left_->text, at, length, DraftSource::kNear};
  }
  return best;
}

float Drafter::chance(const Place& place, int index) const {
  return acceptance_.chance(place.source, index == 0 ? first_ : DraftPlace::kUsual, place.length + index);
}

void Drafter::propose(std::span<const TokenId> ids) {
  proposed_ = ids.size();
  std::optional<Place> best;
  const auto consider = [&](const Place& place) {
    if (!best || chance(place, 0) > chance(*best, 0)) best = place;
  };
  const auto consider_match = [&](const SuffixAutomaton& automaton, SuffixAutomaton::Match match, int index) {
    if (match.length == 0) return;
    consider(
        {index, automaton.end_of(match), match.length, index == kOwnText ? DraftSource::kOwn : DraftSource::kPast});
  };
  consider_match(own_, own_.longest_repeat(), kOwnText);
  for (int i = 0; i < 2; ++i) {
    if (views_[static_cast<size_t>(i)]) {
      consider_match(*views_[static_cast<size_t>(i)], matches_[static_cast<size_t>(i)], i + 1);
    }
  }
  if (left_ && ids.size() - left_->index > kLeftTokens) left_.reset();
  if (!best || best->length < kSureLength) {
    if (const std::optional<Place> near = place_near(ids)) consider(*near);
  }
  if (!best) return;

  place_ = *best;
  const std::span<const TokenId> source = text(place_.text);
  float reached = 1;
  for (int i = 0; i < kLongestDraft; ++i) {
    const auto at = static_cast<size_t>(place_.at + i);
    TokenId token = SuffixAutomaton::kBorder;
    if (at < source.size()) {
      token = source[at];
    } else if (place_.text == kOwnText) {
      token = draft_[at - source.size()];  // the run overlaps the end: a period
    }
    if (token == SuffixAutomaton::kBorder) return;
    const float next = chance(place_, i);
    reached *= next;
    if (reached < kLeastChance) return;
    draft_.push_back(token);
    chances_.push_back(next);
  }
}

}  // namespace studio::engine
