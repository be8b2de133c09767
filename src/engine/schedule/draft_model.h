// A small model that guesses for a large one of the same vocabulary, where nothing repeats that could be looked up.
//
// It reads the last tokens of a sequence and goes on, drawing with the sequence's own parameters and the same numbers
// for the same positions: where the two models agree about the chances, they draw the same token at any temperature.
// It stops where its next pass is not worth its time: by how often its draws came of late, how often those came that it
// was as sure of by itself, and by what its passes and the large model's take on this machine. And it keeps accounts:
// for each sequence, what its passes took and what the tokens that came saved, against what would have been looked up
// without it. A sequence may lose kMostLoss of its time and what was lent to it of earlier ones' gains, no more.
// Source: Leviathan et al., "Fast inference from transformers via speculative decoding" (2023), with draws compared.
// Room: pages for kSequences of kWindow positions. Threads: the scheduler thread; spreads over the pool.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/models/model.h"
#include "engine/sampling/sampler.h"
#include "engine/schedule/sequence.h"
#include "engine/speculation/draft_plan.h"

namespace studio::engine {

class DraftModel {
 public:
  using Clock = std::chrono::steady_clock;

  static constexpr int kSequences = 4;     // it guesses for: with more, the large model's passes are well filled
  static constexpr int kLongestDraft = 8;  // passes: each must find the one before it right
  // Tokens it reads before its first guess: of the 1.5B's greedy answers to chats the 0.5B has 63 of 100 right behind
  // 16 tokens, 70 behind 32, 76 behind 64 and 79 behind all; a pass of 16 costs half as much as one of 32.
  static constexpr int kContext = 16;
  static constexpr int kWindow = 1024;    // positions it keeps of a sequence; then it reads kContext anew
  static constexpr int kPassTokens = 32;  // more to read is read over some steps: streams that run see no gap
  static constexpr int kLeastRest = 32;   // tokens yet to come, or reading kContext for them does not pay
  // Of a sequence's time, that it may lose by guesses that do not come; and of what others gained, in passes of the
  // large model with one column, which allows to begin at once where earlier sequences were guessed well.
  static constexpr double kMostLoss = 0.02, kLoan = 0.5, kMostLent = kSequences * kLoan;

  // `vocab`: of the large model, not larger than its embedding; `weights`: its own, in the large model's. `now`: what
  // tells how long passes take. unavailable without memory for pages.
  static Result<std::unique_ptr<DraftModel>> create(std::unique_ptr<Model> model, int vocab, double weights,
                                                    std::function<Clock::time_point()> now = &Clock::now);

  // Of one of its passes, in passes of the large model over as many columns.
  double price() const { return price_; }
  // Drafts for each for which passes seem worth their time and may be lost, or for all if `always`, up to `most` of its
  // offer, and the offer's chances; the others keep what they have. At most kSequences, all that decode in the step;
  // `cost` is the large model's. The drafts are valid until the next call.
  void draft(std::span<Sequence* const> sequences, std::span<DraftOffer> offers, const PassCost& cost, bool always);
  // A step is done in which `sequences` decoded: of this one `fed` drafts were fed, its own or not, and `came` came.
  void settle(const Sequence& sequence, int sequences, int fed, int came, const PassCost& cost);
  // The sequence computes no more: its pages are free again.
  void forget(uint64_t id);

  uint64_t passes() const { return passes_; }
  const PagePool& pages() const { return pages_; }

 private:
  // How often draws came of which it was about as sure.
  struct Count {
    float tried = 0, came = 0;
  };
  static constexpr size_t kSureness = 5;

  struct State {
    State(PagePool* pages, float first_hope) : kv(pages), hope(first_hope) {}

    SequenceState kv;
    size_t begin = 0;          // kv holds the sequence's tokens from here on ...
    std::vector<TokenId> fed;  // ... of these, drafts included, as many as it has positions
    SamplingParams sampling;
    float hope;             // that the next token it draws comes
    size_t drafted_at = 0;  // the draft stands behind so many ids
    std::vector<TokenId> draft;
    std::vector<size_t> sureness;
    std::vector<float> chances;
    float reach = 1;   // that all of the draft comes
    float tokens = 1;  // expected of the step
    bool goes_on = true;
    bool is_read = true;  // in the pass under way up to the end: a draw follows
    // Accounts, in passes of the large model with one column.
    double time = 0;       // that it decoded
    double balance = 0;    // what was saved, less what its guesses took
    double loan = 0;       // of others' savings
    double lately = 1;     // the speed without its guesses, in plain decoding's
    double looked_up = 0;  // what the step would have saved without its guess
    bool is_own = false;   // the draft of the step under way is the model's
  };
  // What a step with one more of `sequences` costs each of them.
  struct Prices {
    Prices(const PassCost& cost, int sequences, double price)
        : cost(cost), sequences(sequences), pass(cost.of(sequences) / sequences), guess(price * pass) {}
    double columns(int drafts) const { return cost.of(sequences + drafts) - cost.of(sequences); }

    const PassCost& cost;
    int sequences;
    double pass;   // its share of the large model's
    double guess;  // of the draft model's
  };
  struct Asked {
    Sequence* sequence;
    DraftOffer* offer;
    State* state;
  };
  static constexpr float kFirstHope = 0.7f;  // two sizes of one family agree on about as many greedy tokens

  DraftModel(std::unique_ptr<Model> model, PagePool pages, int vocab, double weights,
             std::function<Clock::time_point()> now);
  State& state_of(const Sequence& sequence);
  void let_others_go();
  void learn(State& state, std::span<const TokenId> ids);
  int prepare(State& state, std::span<const TokenId> ids);
  bool may_begin(State& state, const DraftOffer& offer, int to_read, const Prices& prices) const;
  bool is_worth_a_pass(const State& state, const Prices& prices) const;
  std::span<const TokenId> next_tokens(State& state);
  void run_pass(const PassCost& cost);
  void charge(int columns, double seconds, const PassCost& cost);
  void draw(State& state, const Sequence& sequence, std::span<const float> logits);

  std::unique_ptr<Model> model_;
  PagePool pages_;
  double weights_;
  double price_;
  std::function<Clock::time_point()> now_;
  Sampler sampler_;
  std::unordered_map<uint64_t, State> states_;
  float hope_ = kFirstHope;  // of a sequence that begins
  double savings_ = 0;       // that may be lent
  std::vector<Asked> asked_;
  std::array<Count, kSureness> counts_;
  std::vector<BatchRun> runs_;
  std::vector<float> logits_;  // [kSequences, own V]
  std::vector<float> row_;     // [V of the large model]
  uint64_t passes_ = 0;
};

}  // namespace studio::engine
