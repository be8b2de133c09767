// The weights of one layer of BERT, by their shapes.
#pragma once

#include <vector>

#include "engine/kernels/panel_matrix.h"

namespace studio::engine {

struct Linear {
  PanelMatrix weight;       // [rows, k]
  std::vector<float> bias;  // [rows]
};

struct LayerNorm {
  std::vector<float> weight, bias;  // [C]
};

struct BertLayer {
  Linear q, k, v, output;  // [C, C]
  LayerNorm attention_norm;
  Linear up, down;  // [F, C], [C, F]
  LayerNorm output_norm;
};

}  // namespace studio::engine
