// How far one engine's logits are from the reference's, over many positions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace studio::reference {

struct Summary {
  size_t positions = 0;
  double mean_kl = 0;            // nats; KL(reference || engine)
  double p999_kl = 0;            // the largest but one in a thousand
  double top1_disagreement = 0;  // share of positions whose most likely token differs
  double perplexity_ratio = 1;   // engine / reference, over the tokens that really came next
  double perplexity_noise = 0;   // what |ratio - 1| may be by the choice of tokens alone: two standard errors
  double reference_perplexity = 0;
  bool finite = true;
};

// FNV-1a over the bits of every logit, in order.
class LogitDigest {
 public:
  void add(std::span<const float> logits);
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0xcbf29ce484222325u;
};

// What every engine is compared with at one position: the reference's row [V] of logits, looked at once.
class ReferenceRow {
 public:
  explicit ReferenceRow(std::span<const float> logits);

 private:
  friend class Divergence;
  std::span<const float> logits_;
  std::vector<double> p_;  // [V] probabilities; 0 for those too small to be seen
  double log_sum_ = 0;     // log p = logit - log_sum
  size_t top_ = 0;
};

class Divergence {
 public:
  // One position: the engine's row [V]; next is the token that came next, or -1 at the end of a sequence.
  void add(const ReferenceRow& reference, std::span<const float> engine, int32_t next);
  Summary summary() const;

 private:
  std::vector<double> kl_;
  size_t disagreements_ = 0, predicted_ = 0;
  double reference_nll_ = 0, engine_nll_ = 0, squared_difference_ = 0;
  bool finite_ = true;
};

}  // namespace studio::reference
