// SHA-256 (FIPS 180-4) and MD5, through OpenSSL, and comparison in constant time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace studio {

using Sha256Digest = std::array<uint8_t, 32>;

// A digest built piece by piece.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::string_view bytes);
  Sha256Digest finish();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Sha256Digest sha256(std::string_view bytes);

using Md5Digest = std::array<uint8_t, 16>;

// MD5 (RFC 1321), built piece by piece: what old interfaces tell of a file. It proves nothing of where bytes come from.
class Md5 {
 public:
  Md5();
  ~Md5();
  Md5(Md5&&) noexcept;
  void update(std::string_view bytes);
  Md5Digest finish();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string to_hex(std::span<const uint8_t> bytes);
// Of what to_hex() gives; nothing for any other text.
std::optional<Sha256Digest> digest_of_hex(std::string_view digits);

// True when equal; the time taken tells nothing of where they differ.
bool equal_in_constant_time(std::span<const uint8_t> a, std::span<const uint8_t> b);

}  // namespace studio
