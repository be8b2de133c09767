// adapter_config.json of PEFT: what a LoRA adapter asks for, and everything in it that we would have to leave out.
//
// A field that changes the arithmetic and is not computed here is refused by its name, and so is any field not known,
// unless it is off (null, false, empty). Fields that matter to training alone are read over.
// Source: LoraConfig and get_pattern_key of PEFT 0.21, read 2026-11.
// Errors: corrupt_data naming the field; unimplemented for what is not computed.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace studio::engine {

inline constexpr const char* kPeftConfigFile = "adapter_config.json";
inline constexpr size_t kMaxPeftConfigBytes = 1 << 20;  // real ones have 1 to 3 kB; pattern tables name each module
// The widest rank. Published adapters have 4 to 256; the products' scratch memory is made for it.
inline constexpr int kMaxLoraRank = 256;

struct PeftConfig {
  static Result<PeftConfig> parse(std::string_view text);

  // Of a module by its name in the base model, "model.layers.0.self_attn.q_proj".
  int rank_of(std::string_view module) const;
  double scale_of(std::string_view module) const;  // of B (A x): alpha / r, or alpha / sqrt(r)

  int rank = 8;
  double alpha = 8;
  bool uses_rslora = false;
  // In the order of the file: the first whose key is the module's name or its end, from a dot on, counts.
  std::vector<std::pair<std::string, int>> rank_pattern;
  std::vector<std::pair<std::string, double>> alpha_pattern;
};

}  // namespace studio::engine
