// What the program carries inside: the list of models and one tiny model, so that it answers with no network at all.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace studio::catalogue {

inline constexpr std::string_view kBuiltinModelName = "tiny";

std::string_view builtin_catalogue();      // catalogue/models.json
std::span<const uint8_t> builtin_model();  // catalogue/builtin/tiny-qwen3.gguf

}  // namespace studio::catalogue
