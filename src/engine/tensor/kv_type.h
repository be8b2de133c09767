// What keys and values are kept in.
#pragma once

namespace studio::engine {

// Codes of 16 bits, or of 8, which are half the bytes, coarser, and another numerics class.
enum class KvType { kInt16, kInt8 };

}  // namespace studio::engine
