#include "store/temporary_keys.h"

#include <algorithm>

#include "store/sqlite.h"
#include "store/writer.h"

namespace studio::store {
namespace {

Sha256Digest digest_of(const std::vector<uint8_t>& bytes) {
  Sha256Digest digest{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), digest.size()), digest.begin());  // the schema allows 32 alone
  return digest;
}

}  // namespace

Status add_temporary_key(Store& store, const TemporaryKey& key, int64_t now) {
  return store.writer().run([&](Connection& connection) -> Status {
    STUDIO_CHECK_OK(connection.execute("DELETE FROM temporary_keys WHERE expires_at <= ?", {now}));
    return connection.execute("INSERT INTO temporary_keys (digest, parent, expires_at) VALUES (?, ?, ?)",
                              {Bytes(key.digest), Bytes(key.parent), key.expires_at});
  });
}

Result<std::vector<TemporaryKey>> temporary_keys(Store& store, int64_t now) {
  std::vector<TemporaryKey> keys;
  STUDIO_CHECK_OK(store.writer().run([&](Connection& connection) {
    return connection.query(
        "SELECT digest, parent, expires_at FROM temporary_keys WHERE expires_at > ?", {now},
        [&](const Row& row) { keys.push_back({digest_of(row.bytes(0)), digest_of(row.bytes(1)), row.integer(2)}); });
  }));
  return keys;
}

}  // namespace studio::store
