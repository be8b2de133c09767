// The head of a cross-encoder: the vector of a pair's first token to one logit, w tanh(D x + b) + c.
//
// In f64 and rounded once, in the order of the weights' columns, so its bits depend on x alone. At C = 1,024 it is a
// million multiply-adds for each pair, a hundredth of the layers' work.
// Source: BertPooler and the classifier of BertForSequenceClassification; XLMRobertaClassificationHead. They are the
// same.
#pragma once

#include <span>
#include <vector>

namespace studio::engine {

class RankHead {
 public:
  // dense [C, C], dense_bias [C], score [C].
  RankHead(std::vector<float> dense, std::vector<float> dense_bias, std::vector<float> score, float score_bias);
  float score(std::span<const float> x) const;  // x [C]. Any thread.

 private:
  std::vector<float> dense_, dense_bias_, score_;
  float score_bias_;
};

}  // namespace studio::engine
