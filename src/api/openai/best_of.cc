#include "api/openai/best_of.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace studio::api::openai {
namespace {

double mean_logprob(const ChoiceAnswer& choice) {
  if (choice.logprobs.empty()) return -std::numeric_limits<double>::infinity();
  double sum = 0;
  for (const auto& token : choice.logprobs) sum += token.logprob;
  return sum / static_cast<double>(choice.logprobs.size());
}

}  // namespace

std::vector<size_t> best_choices(const BestOf& best_of, const std::vector<ChoiceAnswer>& choices) {
  std::vector<double> worth;
  for (const ChoiceAnswer& choice : choices) worth.push_back(mean_logprob(choice));
  std::vector<size_t> order(choices.size()), told;
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t begin = 0; begin + best_of.made <= order.size(); begin += best_of.made) {
    const auto first = order.begin() + static_cast<std::ptrdiff_t>(begin);
    std::stable_sort(first, first + static_cast<std::ptrdiff_t>(best_of.made),
                     [&](size_t a, size_t b) { return worth[a] > worth[b]; });
    told.insert(told.end(), first, first + static_cast<std::ptrdiff_t>(best_of.told));
  }
  return told;
}

}  // namespace studio::api::openai
