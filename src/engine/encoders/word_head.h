// The head of a decoder that ranks: the vector of a text's last token to one logit.
//
// Of two words it is the logit of "yes" less that of "no", whose sigmoid is the share of "yes" in a softmax over both;
// of one label it is the label's. In f64, columns ascending, and rounded once.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "engine/formats/model_source.h"

namespace studio::engine {

class WordHead {
 public:
  // cls.output.weight [1 or 2, width] where it is there (of two rows, as qwen3.classifier.output_labels names them);
  // else two rows of output.weight, or of the embedding. Errors name the tensor or key.
  static Result<WordHead> load(const ModelSource& source, int width);
  float score(std::span<const float> x) const;  // x [width]. Any thread.

 private:
  std::vector<float> yes_, no_;  // no_ is empty of one label
};

}  // namespace studio::engine
