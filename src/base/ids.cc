#include "base/ids.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdlib>

namespace studio {
namespace {

// getrandom() of at most 256 bytes is never cut short once the pool is ready; it may only be interrupted before that.
template <size_t N>
std::array<uint8_t, N> random_bytes() {
  static_assert(N <= 256);
  std::array<uint8_t, N> bytes;
  while (getrandom(bytes.data(), N, 0) != static_cast<ssize_t>(N)) {
    if (errno != EINTR) std::abort();  // no random source: nothing that needs an id may go on
  }
  return bytes;
}

}  // namespace

std::string new_uuid() {
  auto bytes = random_bytes<16>();
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kHex[bytes[i] >> 4];
    text += kHex[bytes[i] & 15];
  }
  return text;
}

uint64_t random_u64() {
  uint64_t value = 0;
  for (uint8_t byte : random_bytes<8>()) value = value << 8 | byte;
  return value;
}

}  // namespace studio
