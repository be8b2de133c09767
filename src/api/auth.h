// Who is calling: a bearer key, checked by digest.
//
// The server never keeps a key, only SHA-256 digests; verifiers compare digests in constant time. Answers do not tell
// a missing key from an unknown one.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace studio::api {

using KeyDigest = std::array<uint8_t, 32>;  // SHA-256 of the key's bytes

KeyDigest digest_key(std::string_view key);

struct KeyIdentity {
  std::string key_id;  // for usage records and logs; says nothing about the key itself
};

class KeyVerifier {
 public:
  virtual ~KeyVerifier() = default;
  // The identity behind a presented key's digest. Called on I/O threads: in memory, never blocking; any thread.
  virtual std::optional<KeyIdentity> verify(const KeyDigest& digest) const = 0;
};

// A fixed list, compared in constant time, all of it each time.
class FixedKeyVerifier final : public KeyVerifier {
 public:
  struct Entry {
    std::string key_id;
    KeyDigest digest;
  };
  explicit FixedKeyVerifier(std::vector<Entry> entries) : entries_(std::move(entries)) {}
  std::optional<KeyIdentity> verify(const KeyDigest& digest) const override;

 private:
  std::vector<Entry> entries_;
};

}  // namespace studio::api
