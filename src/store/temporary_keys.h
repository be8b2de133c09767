// Keys for some minutes, by their digests: what each stands for and until when. The rules are in keys/.
// Threads: any; calls block until they are durable.
#pragma once

#include <cstdint>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "store/store.h"

namespace studio::store {

struct TemporaryKey {
  Sha256Digest digest{};
  Sha256Digest parent{};   // of the key that it stands for
  int64_t expires_at = 0;  // Unix seconds
};

// Forgets those that have ended by `now`, too. Errors: conflict when the digest is there already.
Status add_temporary_key(Store& store, const TemporaryKey& key, int64_t now);
Result<std::vector<TemporaryKey>> temporary_keys(Store& store, int64_t now);  // those that have not ended

}  // namespace studio::store
