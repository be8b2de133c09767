// How many of each sequence's drafts a step takes: those that bring more than they cost.
//
// The step is worth the tokens expected of it by the time it takes. The draft with the best chance goes first, as long
// as its chance is above what a column costs at the rate reached so far. With one sequence that allows long drafts; the
// more columns a step has already, the less a pass is worth sparing, until none is taken: a full batch does not
// speculate, and never beyond kMostColumns.
#pragma once

#include <span>

#include "engine/speculation/pass_cost.h"

namespace studio::engine {

// Columns of a step with drafts: two tiles of sixteen. Where the passes below it cost little, those above bring little.
inline constexpr int kMostColumns = PassCost::kMostColumns;

// One sequence's proposal.
struct DraftOffer {
  std::span<const float> chances;  // that token i comes, if those before it did
  int most = 0;                    // of them may be taken
  int taken = 0;
};

// `columns`: of the step without drafts, each a token that is needed.
void plan_drafts(std::span<DraftOffer> offers, int columns, const PassCost& cost);

// Drafts that all have a lower chance are not taken, whatever their number. Above 1: none is.
double least_chance(int columns, const PassCost& cost);

}  // namespace studio::engine
