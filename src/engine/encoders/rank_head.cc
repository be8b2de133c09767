#include "engine/encoders/rank_head.h"

#include <cmath>
#include <utility>

namespace studio::engine {
namespace {

double dot(const float* a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < b.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

}  // namespace

RankHead::RankHead(std::vector<float> dense, std::vector<float> dense_bias, std::vector<float> score, float score_bias)
    : dense_(std::move(dense)), dense_bias_(std::move(dense_bias)), score_(std::move(score)), score_bias_(score_bias) {}

float RankHead::score(std::span<const float> x) const {
  double logit = static_cast<double>(score_bias_);
  for (size_t row = 0; row < x.size(); ++row) {
    const double pooled = std::tanh(dot(dense_.data() + row * x.size(), x) + static_cast<double>(dense_bias_[row]));
    logit += pooled * static_cast<double>(score_[row]);
  }
  return static_cast<float>(logit);
}

}  // namespace studio::engine
