// `best_of`: more choices are made of each prompt than are told, which are those that the model found likeliest.
// Threads: any.
#pragma once

#include <cstddef>
#include <vector>

#include "api/serving/answer_writer.h"

namespace studio::api::openai {

struct BestOf {
  size_t made = 1;  // of each prompt
  size_t told = 1;  // of them
};

// Of each prompt's choices the places of the `told` best by the mean logprob of their tokens, the best first; of equals
// the earlier. A choice without tokens is the worst.
std::vector<size_t> best_choices(const BestOf& best_of, const std::vector<ChoiceAnswer>& choices);

}  // namespace studio::api::openai
