#include "api/auth.h"

#include "base/digest.h"

namespace studio::api {

KeyDigest digest_key(std::string_view key) {
  return sha256(key);
}

std::optional<KeyIdentity> FixedKeyVerifier::verify(const KeyDigest& digest) const {
  std::optional<KeyIdentity> found;
  for (const Entry& entry : entries_) {
    // Every entry is compared, so that the time does not tell which one matched.
    if (equal_in_constant_time(entry.digest, digest)) found = KeyIdentity{entry.key_id};
  }
  return found;
}

}  // namespace studio::api
