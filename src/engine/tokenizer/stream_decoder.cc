#include "engine/tokenizer/stream_decoder.h"

#include <cstdint>

namespace studio::engine {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

struct Lead {
  int bytes;          // of the whole character; 0: no character starts so
  uint8_t low, high;  // what the second byte may be (The Unicode Standard, table 3-7)
};

Lead lead_of(uint8_t byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte >= 0xC2 && byte <= 0xDF) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

std::string StreamDecoder::push(std::string_view bytes) {
  std::string text = std::move(held_);
  text += bytes;
  held_.clear();
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const Lead lead = lead_of(static_cast<uint8_t>(text[at]));
    size_t good = lead.bytes == 0 ? 0 : 1;  // bytes that fit the character begun at `at`
    while (good > 0 && good < static_cast<size_t>(lead.bytes) && at + good < text.size()) {
      const auto byte = static_cast<uint8_t>(text[at + good]);
      const uint8_t low = good == 1 ? lead.low : 0x80, high = good == 1 ? lead.high : 0xBF;
      if (byte < low || byte > high) break;
      ++good;
    }
    if (good == static_cast<size_t>(lead.bytes) && good > 0) {
      out.append(text, at, good);
    } else if (good > 0 && at + good == text.size()) {
      held_ = text.substr(at);
      return out;
    } else {
      out += kReplacement;
    }
    at += good > 0 ? good : 1;
  }
  return out;
}

std::string StreamDecoder::flush() {
  if (held_.empty()) return {};
  held_.clear();
  return std::string(kReplacement);
}

}  // namespace studio::engine
