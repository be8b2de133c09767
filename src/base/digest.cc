#include "base/digest.h"

// The plain functions: those by name (EVP) look for providers and settings at the first call of a process, which takes
// 0.9 ms, and come to the same code in the end.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/md5.h>
#include <openssl/sha.h>

#include <cstdlib>

namespace studio {

struct Sha256::State {
  SHA256_CTX context;
  State() {
    if (SHA256_Init(&context) != 1) std::abort();
  }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes) {
  if (SHA256_Update(&state_->context, bytes.data(), bytes.size()) != 1) std::abort();
}

Sha256Digest Sha256::finish() {
  Sha256Digest digest;
  if (SHA256_Final(digest.data(), &state_->context) != 1) std::abort();
  return digest;
}

Sha256Digest sha256(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

struct Md5::State {
  MD5_CTX context;
  State() {
    if (MD5_Init(&context) != 1) std::abort();
  }
};

Md5::Md5() : state_(std::make_unique<State>()) {}
Md5::~Md5() = default;
Md5::Md5(Md5&&) noexcept = default;

void Md5::update(std::string_view bytes) {
  if (MD5_Update(&state_->context, bytes.data(), bytes.size()) != 1) std::abort();
}

Md5Digest Md5::finish() {
  Md5Digest digest;
  if (MD5_Final(digest.data(), &state_->context) != 1) std::abort();
  return digest;
}

std::string to_hex(std::span<const uint8_t> bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (uint8_t byte : bytes) {
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

std::optional<Sha256Digest> digest_of_hex(std::string_view digits) {
  Sha256Digest digest{};
  if (digits.size() != 2 * digest.size()) return std::nullopt;
  const auto value_of = [](char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
  };
  for (size_t i = 0; i < digest.size(); ++i) {
    const int high = value_of(digits[2 * i]), low = value_of(digits[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return digest;
}

bool equal_in_constant_time(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace studio
