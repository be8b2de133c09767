// Element types of tensors: plain floats and the block-quantised types of GGUF files.
//
// A quantised row is a run of blocks: block_elements(type) neighbours along K share one block of block_bytes(type)
// bytes. Source: the type ids and block sizes of the GGUF format (ggml v0.9); how a block is laid out stands in
// engine/formats/block_fields.h. Everything here is constexpr and may be called from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace studio::engine {

// The values are the ids of GGUF files: they reach disk, never reuse one.
enum class DType : uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kIQ4_NL = 20,
  kIQ4_XS = 23,
  kBF16 = 30,
};

struct DTypeTraits {
  DType type;
  std::string_view name;    // as people write it: "Q4_K"
  uint32_t block_elements;  // neighbours along K in one block; 1 for plain floats
  uint32_t block_bytes;
};

// Every type this engine reads, in the order of the ids. Tests and tables loop over it.
inline constexpr std::array<DTypeTraits, 15> kDTypes = {{
    {DType::kF32, "F32", 1, 4},
    {DType::kF16, "F16", 1, 2},
    {DType::kQ4_0, "Q4_0", 32, 18},
    {DType::kQ4_1, "Q4_1", 32, 20},
    {DType::kQ5_0, "Q5_0", 32, 22},
    {DType::kQ5_1, "Q5_1", 32, 24},
    {DType::kQ8_0, "Q8_0", 32, 34},
    {DType::kQ2_K, "Q2_K", 256, 84},
    {DType::kQ3_K, "Q3_K", 256, 110},
    {DType::kQ4_K, "Q4_K", 256, 144},
    {DType::kQ5_K, "Q5_K", 256, 176},
    {DType::kQ6_K, "Q6_K", 256, 210},
    {DType::kIQ4_NL, "IQ4_NL", 32, 18},
    {DType::kIQ4_XS, "IQ4_XS", 256, 136},
    {DType::kBF16, "BF16", 1, 2},
}};

constexpr const DTypeTraits& dtype_traits(DType type) {
  for (const DTypeTraits& traits : kDTypes) {
    if (traits.type == type) return traits;
  }
  return kDTypes[0];  // not reached: a DType is only made from the list above
}

constexpr std::string_view dtype_name(DType type) {
  return dtype_traits(type).name;
}
constexpr size_t block_elements(DType type) {
  return dtype_traits(type).block_elements;
}
constexpr size_t block_bytes(DType type) {
  return dtype_traits(type).block_bytes;
}
constexpr bool is_quantised(DType type) {
  return block_elements(type) > 1;
}

// Bytes of a row of n elements; n is a multiple of block_elements(type). For sizes already proved: it does not check.
constexpr size_t row_bytes(DType type, size_t n) {
  return n / block_elements(type) * block_bytes(type);
}

// The type of a GGUF id, if this engine reads it.
std::optional<DType> dtype_from_id(uint32_t id);

// The type written "Q4_K" or "q4_k".
std::optional<DType> dtype_from_name(std::string_view name);

// The name of any id that GGUF files use, read by this engine or not ("IQ2_XXS"); "unknown" for the rest.
std::string_view known_type_name(uint32_t id);

}  // namespace studio::engine
