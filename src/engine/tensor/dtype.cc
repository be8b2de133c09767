#include "engine/tensor/dtype.h"

#include <algorithm>
#include <cctype>

namespace studio::engine {
namespace {

// Ids of GGUF files this engine does not read, so that a refusal can name what it refuses.
struct ForeignType {
  uint32_t id;
  std::string_view name;
};
constexpr ForeignType kForeignTypes[] = {
    {9, "Q8_1"},   {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"}, {18, "IQ3_XXS"}, {19, "IQ1_S"},
    {21, "IQ3_S"}, {22, "IQ2_S"}, {24, "I8"},      {25, "I16"},    {26, "I32"},     {27, "I64"},
    {28, "F64"},   {29, "IQ1_M"}, {34, "TQ1_0"},   {35, "TQ2_0"},  {39, "MXFP4"},   {40, "NVFP4"},
};

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::toupper(x) == std::toupper(y); });
}

}  // namespace

std::optional<DType> dtype_from_id(uint32_t id) {
  for (const DTypeTraits& traits : kDTypes) {
    if (static_cast<uint32_t>(traits.type) == id) return traits.type;
  }
  return std::nullopt;
}

std::optional<DType> dtype_from_name(std::string_view name) {
  for (const DTypeTraits& traits : kDTypes) {
    if (same_ignoring_case(traits.name, name)) return traits.type;
  }
  return std::nullopt;
}

std::string_view known_type_name(uint32_t id) {
  if (auto type = dtype_from_id(id)) return dtype_name(*type);
  for (const ForeignType& foreign : kForeignTypes) {
    if (foreign.id == id) return foreign.name;
  }
  return "unknown";
}

}  // namespace studio::engine
