// Who shares computed prefixes: requests of one key, and nobody else. A prefix that is found computed answers sooner,
// so sharing between keys would tell one what another has asked. A key is a tenant of the engine's too, by the same
// number.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/digest.h"

namespace studio::api {

// The first 64 bits of the id's digest; ids are ours, so nobody chooses one that meets another. Never 0, which is
// public.
inline uint64_t prefix_salt_of(std::string_view key_id) {
  const Sha256Digest digest = sha256(key_id);
  uint64_t salt = 0;
  for (int i = 0; i < 8; ++i) salt = salt << 8 | digest[static_cast<size_t>(i)];
  return std::max<uint64_t>(salt, 1);
}

}  // namespace studio::api
