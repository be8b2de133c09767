#include "divergence.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace studio::reference {
namespace {

struct Row {
  double largest, log_sum;
  size_t top;
};

Row look_at(std::span<const float> logits) {
  Row row{-INFINITY, 0, 0};
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] > row.largest) row.largest = logits[row.top = i];
  }
  double sum = 0;
  for (float logit : logits) sum += std::exp(logit - row.largest);
  row.log_sum = row.largest + std::log(sum);
  return row;
}

}  // namespace

void Divergence::add(std::span<const float> reference, std::span<const float> engine, int32_t next) {
  const Row a = look_at(reference), b = look_at(engine);
  double kl = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    const double log_p = reference[i] - a.log_sum;
    if (log_p > -40) kl += std::exp(log_p) * (log_p - (engine[i] - b.log_sum));  // below it nothing can be seen
    digest_ = (digest_ ^ std::bit_cast<uint32_t>(engine[i])) * 0x100000001b3u;
  }
  finite_ = finite_ && std::isfinite(kl);
  kl_.push_back(kl);
  if (a.top != b.top) ++disagreements_;
  if (next < 0) return;
  ++predicted_;
  reference_nll_ += a.log_sum - reference[static_cast<size_t>(next)];
  engine_nll_ += b.log_sum - engine[static_cast<size_t>(next)];
}

Summary Divergence::summary() const {
  Summary summary;
  summary.positions = kl_.size();
  summary.finite = finite_;
  summary.logit_digest = digest_;
  if (kl_.empty() || !finite_) return summary;
  std::vector<double> sorted = kl_;
  std::sort(sorted.begin(), sorted.end());
  for (double kl : sorted) summary.mean_kl += kl / static_cast<double>(sorted.size());
  summary.p999_kl = sorted[std::min(sorted.size() - 1, sorted.size() * 999 / 1000)];
  summary.top1_disagreement = static_cast<double>(disagreements_) / static_cast<double>(sorted.size());
  if (predicted_ > 0) {
    summary.reference_perplexity = std::exp(reference_nll_ / static_cast<double>(predicted_));
    summary.perplexity_ratio = std::exp((engine_nll_ - reference_nll_) / static_cast<double>(predicted_));
  }
  return summary;
}

}  // namespace studio::reference
