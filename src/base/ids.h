// Random identifiers: request ids and the ids of API objects are UUIDs in text form.
#pragma once

#include <cstdint>
#include <string>

namespace studio {

// A version 4 UUID (RFC 9562, 5.4) from the system's random source: "c308ef7f-0824-4c46-96eb-73566f062426".
std::string new_uuid();

// 64 random bits from the system's random source.
uint64_t random_u64();

}  // namespace studio
