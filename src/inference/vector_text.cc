#include "inference/vector_text.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace studio::inference {
namespace {

static_assert(std::endian::native == std::endian::little, "f32 are sent as they lie in memory");

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t kNoDigit = 0xFF;

constexpr std::array<uint8_t, 256> kValues = [] {
  std::array<uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (size_t i = 0; i < kDigits.size(); ++i) values[static_cast<uint8_t>(kDigits[i])] = static_cast<uint8_t>(i);
  return values;
}();

}  // namespace

std::string to_base64(std::span<const float> values) {
  const size_t size = values.size_bytes();
  const auto* const bytes = reinterpret_cast<const uint8_t*>(values.data());
  std::string text;
  text.reserve((size + 2) / 3 * 4);
  for (size_t at = 0; at < size; at += 3) {
    const size_t held = std::min<size_t>(3, size - at);
    uint32_t word = uint32_t{bytes[at]} << 16;
    if (held > 1) word |= uint32_t{bytes[at + 1]} << 8;
    if (held > 2) word |= bytes[at + 2];
    for (size_t digit = 0; digit < 4; ++digit) {
      text += digit <= held ? kDigits[(word >> (18 - 6 * digit)) & 63] : '=';
    }
  }
  return text;
}

Result<std::vector<float>> from_base64(std::string_view text, size_t limit) {
  const Error bad(Code::kInvalidArgument, "is no base64 of f32");
  if (text.size() % 4 != 0 || text.size() / 4 * 3 > limit * sizeof(float) + 3) return bad;
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::vector<uint8_t> bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (size_t at = 0; at < text.size(); at += 4) {
    uint32_t word = 0;
    for (size_t i = at; i < at + 4; ++i) {
      const bool is_padding = i >= text.size() - padding;
      const uint8_t value = is_padding ? 0 : kValues[static_cast<uint8_t>(text[i])];
      if (value == kNoDigit) return bad;
      word = word << 6 | value;
    }
    for (const int shift : {16, 8, 0}) bytes.push_back(static_cast<uint8_t>(word >> shift));
  }
  bytes.resize(bytes.size() - padding);
  if (bytes.size() % sizeof(float) != 0 || bytes.size() / sizeof(float) > limit) return bad;
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

}  // namespace studio::inference
