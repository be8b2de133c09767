// Speculation in the scheduler: which drafts a step feeds behind the last ids of its decoding sequences.
//
// A draft is fed as if it had been produced, in the same pass, and every column's logits are drawn from as ever: the
// draw depends on the ids before it and its position alone, so as long as it equals the next draft, it and the logits
// behind it are what a pass for each token would have given, to the bit. The first that differs is a token like any
// other, and what was fed behind it is forgotten.
// Threads: the scheduler thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "engine/schedule/draft_model.h"
#include "engine/schedule/sequence.h"
#include "engine/speculation/draft_plan.h"
#include "engine/speculation/pass_cost.h"
#include "engine/speculation/past_outputs.h"

namespace studio::engine {

class Drafting {
 public:
  // `model`: guesses too, where nothing repeats; null: none.
  Drafting(Speculation mode, std::unique_ptr<DraftModel> model) : mode_(mode), model_(std::move(model)) {}

  bool is_on() const { return mode_ != Speculation::kOff; }

  // Reads on in the ids of a sequence that does not decode in this step.
  void read(Sequence& sequence);
  // Gives each decoding sequence of the step its draft, within the pages that are free now. The step has `columns`
  // tokens without.
  void choose(std::span<Sequence* const> decoding, int columns);
  // Of the step's drafts of a sequence.
  void count(const Sequence& sequence, int drafted, int accepted);
  // A step of decoding sequences alone took so long.
  void note_pass(int columns, double seconds) { cost_.note(columns, seconds); }
  // The sequence has ended: others of its tenant may say the same.
  void keep(const Sequence& sequence);
  // The sequence computes no more, for now or ever.
  void forget(const Sequence& sequence);

  const DraftModel* model() const { return model_.get(); }
  uint64_t drafted_tokens() const { return drafted_tokens_; }
  uint64_t accepted_tokens() const { return accepted_tokens_; }

 private:
  Drafter& drafter_of(Sequence& sequence);
  DraftOffer offer(Sequence& sequence);
  static int most_of(const Sequence& sequence);
  static void cut_at_end(const Sequence& sequence, DraftOffer& offer);
  // The chances of the draft that it chooses.
  std::span<const float> hold(Sequence& sequence, std::span<const float> chances);
  bool look_at_taken(std::span<Sequence* const> decoding);
  void plan(int columns);
  void ask_model(std::span<Sequence* const> decoding, int columns);

  Speculation mode_;
  std::unique_ptr<DraftModel> model_;
  PastOutputs past_;
  PassCost cost_;
  double least_chance_ = 0;  // of a draft that this step may take
  size_t room_ = 0;          // for drafts in this step
  std::vector<DraftOffer> offers_;
  uint64_t drafted_tokens_ = 0, accepted_tokens_ = 0;
};

}  // namespace studio::engine
