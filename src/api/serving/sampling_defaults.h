// What Qwen's hosted models do where a request says nothing, in every dialect.
#pragma once

namespace studio::api {

inline constexpr float kDefaultTemperature = 0.7f;
inline constexpr float kDefaultTopP = 0.8f;
inline constexpr int kDefaultTopK = 20;
inline constexpr float kDefaultRepetitionPenalty = 1.05f;

}  // namespace studio::api
