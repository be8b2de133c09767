// Rows of a tensor in the order the models take them, whatever order the file has.
//
// Rotary halves: a head's rotation turns pairs of its D rows. GGUF's llama keeps a pair as neighbours, 2j and 2j + 1;
// Hugging Face keeps it half a head apart, j and j + D / 2. The row at place 2j + s of a head is therefore that head's
// row j + s * D / 2. Source: LlamaModel.permute of llama.cpp's convert_hf_to_gguf.py.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/formats/model_source.h"

namespace studio::engine {

// The bytes of rows [first, first + count), which lie inside the tensor. Not for panels.
std::vector<uint8_t> rows_in_order(const TensorInfo& tensor, uint64_t first, uint64_t count);

}  // namespace studio::engine
