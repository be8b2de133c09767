#include "base/hmac.h"

#include <string>

namespace studio {
namespace {

constexpr size_t kBlockBytes = 64;  // of SHA-256

std::string_view as_text(const Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string padded(std::string_view key, char pad) {
  std::string block(key);
  block.resize(kBlockBytes, '\0');
  for (char& c : block) c = static_cast<char>(c ^ pad);
  return block;
}

}  // namespace

Sha256Digest hmac_sha256(std::string_view key, std::string_view message) {
  const Sha256Digest digest_of_key = sha256(key);
  if (key.size() > kBlockBytes) key = as_text(digest_of_key);
  Sha256 inner;
  inner.update(padded(key, 0x36));
  inner.update(message);
  Sha256 outer;
  outer.update(padded(key, 0x5c));
  outer.update(as_text(inner.finish()));
  return outer.finish();
}

}  // namespace studio
