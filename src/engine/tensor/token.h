// The id of a token in a model's vocabulary.
#pragma once

#include <cstdint>

namespace studio::engine {

using TokenId = int32_t;  // 0 <= id < V; readers of foreign bytes prove the range before anything indexes with it

}  // namespace studio::engine
