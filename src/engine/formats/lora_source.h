// A LoRA adapter as a file offers it: for each matrix W [rows, K] of the base that it changes, two factors and a scale.
//
//     y = W x + scale * B (A x)        A [R, K], B [rows, R]
//
// Two kinds of file: a folder of PEFT (adapter_config.json, adapter_model.safetensors) and a GGUF file of the type
// "adapter". Each factor is checked against the matrix of the base model that it goes with, so an adapter that was made
// for another model is refused by the name of the tensor. What we cannot apply is refused the same way: factors of the
// embedding and of the head, DoRA's magnitudes, replaced modules.
// Source: PEFT 0.21 (LoraConfig, names of its checkpoints); llama.cpp's convert_lora_to_gguf.py and llama-adapter.cpp,
// read 2026-11. There a scale is adapter.lora.alpha / R, or 1 where alpha is 0 or missing; files that this program
// wrote (lora_writer.h) have one for each matrix in kLoraScalesKey. Errors: corrupt_data or unimplemented naming the
// tensor, key or field. Ownership: a source owns what its views point into; parse() borrows the caller's bytes. Any
// thread may read.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/formats/gguf.h"
#include "engine/formats/model_source.h"
#include "engine/formats/peft_config.h"

namespace studio::engine {

inline constexpr const char* kPeftWeightsFile = "adapter_model.safetensors";
// Of the factors, in the order in which the file names their matrices first; f32 array.
inline constexpr std::string_view kLoraScalesKey = "studio.lora.scales";

// The matrices of a layer that an adapter may change.
enum class LoraTarget { kQuery, kKey, kValue, kOutput, kGate, kUp, kDown };
inline constexpr std::array<std::string_view, 7> kLoraTargetNames = {"attn_q",   "attn_k", "attn_v",  "attn_output",
                                                                     "ffn_gate", "ffn_up", "ffn_down"};

// How an engine keeps the factors (kernels/factor_panels.h).
enum class LoraStorage { kInt16, kInt8 };
// "int16" or "int8".
Result<LoraStorage> lora_storage(std::string_view name);
inline constexpr std::string_view kLoraStorageNames = "int16, int8";
inline constexpr std::string_view kLoraStorageKey = "studio.lora.storage";

struct LoraPair {
  std::string matrix;  // of the base, without ".weight": "blk.0.attn_q"
  int layer = 0;
  LoraTarget target = LoraTarget::kQuery;
  float scale = 1;
  // Tensors with data and without a name; b's rows are to be taken in their order (tensor_rows.h).
  TensorInfo a, b;

  int rank() const { return static_cast<int>(a.rows()); }
};

// A factor's values in the order of its rows. Errors: corrupt_data where one is not finite.
Result<std::vector<float>> lora_values(const LoraPair& pair, const TensorInfo& factor);

class LoraSource {
 public:
  // `base` may be a head alone. A path to a folder is PEFT's, any other GGUF.
  static Result<LoraSource> open(const std::string& path, const ModelSource& base);
  static Result<LoraSource> parse_gguf(std::span<const uint8_t> bytes, const ModelSource& base);
  static Result<LoraSource> parse_peft(std::string_view config, std::span<const uint8_t> weights,
                                       const ModelSource& base);

  std::string_view format() const { return format_; }  // "PEFT", "GGUF"
  const std::string& architecture() const { return architecture_; }
  std::span<const LoraPair> pairs() const { return pairs_; }  // at least one; each matrix once
  LoraStorage storage() const { return storage_; }            // as kLoraStorageKey says; int16 without it
  int64_t parameters() const;
  int max_rank() const;

 private:
  LoraSource() = default;

  std::string_view format_;
  std::string architecture_;
  std::vector<LoraPair> pairs_;
  LoraStorage storage_ = LoraStorage::kInt16;
  MappedFile mapping_;
};

}  // namespace studio::engine
