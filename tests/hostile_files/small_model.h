// The model whose files are damaged: random weights, each matrix of another type, and the shortest vocabulary there can
// be, so that a sweep over a header looks at every kind of field and not at one of them ten thousand times.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace studio::hostile {

// A qwen3 model, over 1 MiB in each format.
constexpr uint64_t kLayers = 2, kHidden = 256, kFeedForward = 512, kHeadDim = 64, kHeads = 4, kKvHeads = 2;
constexpr uint64_t kContext = 256;

struct SmallTensor {
  std::string gguf_name, hf_name;
  uint64_t width = 0, rows = 0;  // rows 0: a vector
  std::vector<float> values;     // [rows, width], or [width]
};

std::vector<SmallTensor> small_tensors();  // the same each time

// Printable ASCII, "\n" and " " in the alphabet of GPT-2, one merge; the control tokens come last.
std::vector<std::string> vocabulary();
constexpr uint64_t kControlTokens = 3;  // <|endoftext|>, <|im_start|>, <|im_end|>, which ends an answer
inline constexpr const char* kMergeLeft = "h";
inline constexpr const char* kMergeRight = "e";

inline constexpr const char* kTemplate =
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

}  // namespace studio::hostile
