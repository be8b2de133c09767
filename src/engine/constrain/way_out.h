// How far the end is: of a text that nests too deep, nothing but the shortest way out may follow.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/constrain/program.h"

namespace studio::engine::constrain {

// Bytes, the fewest that lead from a node to the return of its rule: [node]. Never kFarAway of a node that is part of a
// text (program.h), unless as many bytes are needed.
inline constexpr uint32_t kFarAway = UINT32_MAX;
std::vector<uint32_t> bytes_to_return(const Program& program);

// Of a repeat whose body has been begun so often.
uint32_t bytes_to_leave(const CountedRepeat& repeat, uint32_t begun, const std::vector<uint32_t>& to_return);

// No more than kFarAway.
uint32_t sum_of_bytes(uint64_t a, uint64_t b);

}  // namespace studio::engine::constrain
