// The id of a token in a model's vocabulary.
#pragma once

#include <cstdint>

namespace studio::engine {

using TokenId = int32_t;  // 0 <= id < V; readers of foreign bytes prove the range before anything indexes with it

// A check over the ids of an answer, one after the other (FNV-1a on whole ids): who hears of each id can tell that it
// heard the right ones, in order. Never 0. Part of the token protocol: never change it.
inline constexpr uint32_t kFirstCheck = 2166136261u;
constexpr uint32_t next_check(uint32_t check, TokenId id) {
  const uint32_t next = (check ^ static_cast<uint32_t>(id)) * 16777619u;
  return next == 0 ? 1 : next;
}

}  // namespace studio::engine
