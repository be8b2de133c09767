#include "divergence.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace studio::reference {
namespace {

constexpr double kSmallestLogP = -40;  // below it nothing can be seen

struct Sum {
  double log_sum;
  size_t top;
};

Sum look_at(std::span<const float> logits) {
  const size_t top = static_cast<size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
  double sum = 0;
  for (float logit : logits) sum += std::exp(static_cast<double>(logit) - logits[top]);
  return {logits[top] + std::log(sum), top};
}

}  // namespace

void LogitDigest::add(std::span<const float> logits) {
  for (float logit : logits) value_ = (value_ ^ std::bit_cast<uint32_t>(logit)) * 0x100000001b3u;
}

ReferenceRow::ReferenceRow(std::span<const float> logits) : logits_(logits), p_(logits.size()) {
  const Sum sum = look_at(logits);
  log_sum_ = sum.log_sum;
  top_ = sum.top;
  for (size_t i = 0; i < logits.size(); ++i) {
    const double log_p = logits[i] - log_sum_;
    if (log_p > kSmallestLogP) p_[i] = std::exp(log_p);
  }
}

void Divergence::add(const ReferenceRow& reference, std::span<const float> engine, int32_t next) {
  const Sum sum = look_at(engine);
  double kl = 0;
  for (size_t i = 0; i < engine.size(); ++i) {
    kl += reference.p_[i] * ((reference.logits_[i] - reference.log_sum_) - (engine[i] - sum.log_sum));
  }
  finite_ = finite_ && std::isfinite(kl);
  kl_.push_back(kl);
  if (reference.top_ != sum.top) ++disagreements_;
  if (next < 0) return;
  ++predicted_;
  const double reference_nll = reference.log_sum_ - reference.logits_[static_cast<size_t>(next)];
  const double engine_nll = sum.log_sum - engine[static_cast<size_t>(next)];
  reference_nll_ += reference_nll;
  engine_nll_ += engine_nll;
  squared_difference_ += (engine_nll - reference_nll) * (engine_nll - reference_nll);
}

Summary Divergence::summary() const {
  Summary summary;
  summary.positions = kl_.size();
  summary.finite = finite_;
  if (kl_.empty() || !finite_) return summary;
  std::vector<double> sorted = kl_;
  std::sort(sorted.begin(), sorted.end());
  for (double kl : sorted) summary.mean_kl += kl / static_cast<double>(sorted.size());
  summary.p999_kl = sorted[std::min(sorted.size() - 1, sorted.size() * 999 / 1000)];
  summary.top1_disagreement = static_cast<double>(disagreements_) / static_cast<double>(sorted.size());
  if (predicted_ > 0) {
    const double n = static_cast<double>(predicted_), mean = (engine_nll_ - reference_nll_) / n;
    summary.reference_perplexity = std::exp(reference_nll_ / n);
    summary.perplexity_ratio = std::exp(mean);
    summary.perplexity_noise = 2 * std::sqrt(std::max(0.0, squared_difference_ / n - mean * mean) / n);
  }
  return summary;
}

}  // namespace studio::reference
