// What a sequence is likely to say next, guessed from what it and its tenant have said before: drafts for speculation.
//
// The longest run at its end that occurs earlier, in the sequence itself or in the tenant's past outputs, is taken to
// go on as it did there. Where a long draft went wrong, the place stays in mind: an edited copy goes on with the
// original soon after the edit, long before a run is long enough to be told from others. Of all guesses the one that
// has come true most often, for its source and length, is proposed. Source: prompt lookup (Saxena, 2023) and
// SuffixDecoding (Oliaro et al., 2024); there trees, here automata. Room: kTextTokens in an automaton, 3 MB at most.
// Threads: the scheduler thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/speculation/acceptance.h"
#include "engine/speculation/past_outputs.h"
#include "engine/speculation/suffix_automaton.h"

namespace studio::engine {

class Drafter {
 public:
  static constexpr int kLongestDraft = 31;      // with the token before it two tiles of sixteen columns
  static constexpr size_t kTextTokens = 32768;  // of the sequence: when it is full, the later half is read again
  static constexpr size_t kReadPerStep = 2048;  // tokens: about a millisecond, a tenth of a pass

  Drafter(PastOutputs* past, uint64_t salt) : past_(past), salt_(salt) {}

  // ids: all of the sequence, which has only grown since the last call. Reads kReadPerStep more of them, learns whether
  // the last proposal came true, and proposes again if all is read. `next`: of the token behind them.
  void follow(std::span<const TokenId> ids, DraftPlace next = DraftPlace::kUsual);

  // The proposal, up to kLongestDraft tokens, and for each the chance that it comes if those before it did. Valid until
  // the next call.
  std::span<const TokenId> tokens() const { return draft_; }
  std::span<const float> chances() const { return chances_; }

 private:
  static constexpr int kOwnText = 0;  // 1 and 2: the tenant's texts

  // Behind a run of `length` tokens that ends like the sequence: text(text)[at] is the guess.
  struct Place {
    int text = kOwnText;
    int32_t at = 0;
    int length = 0;
    DraftSource source = DraftSource::kOwn;
  };
  struct Left {
    int text = kOwnText;
    int32_t at = 0;    // of the token that did not come
    size_t index = 0;  // in ids, of the one that came instead
  };

  void learn(std::span<const TokenId> ids);
  void read(std::span<const TokenId> ids);
  void match_past(std::span<const TokenId> ids);
  void propose(std::span<const TokenId> ids);
  // That token `index` of a proposal from there comes, if those before it did.
  float chance(const Place& place, int index) const;
  std::optional<Place> place_near(std::span<const TokenId> ids) const;
  std::span<const TokenId> text(int index) const;

  PastOutputs* past_;
  uint64_t salt_;
  SuffixAutomaton own_;
  size_t begin_ = 0, read_ = 0;  // own_ holds ids [begin_, read_)
  PastOutputs::View views_;
  std::array<SuffixAutomaton::Match, 2> matches_;  // in them, of the ids before past_read_
  size_t past_read_ = 0;

  Acceptance acceptance_;
  std::optional<Left> left_;
  Place place_;                            // of the proposal
  size_t proposed_ = 0;                    // at this length of ids
  DraftPlace first_ = DraftPlace::kUsual;  // its first token's
  std::vector<TokenId> draft_;
  std::vector<float> chances_;
};

}  // namespace studio::engine
