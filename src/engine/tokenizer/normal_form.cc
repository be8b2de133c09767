#include "engine/tokenizer/normal_form.h"

#include <unicode/normalizer2.h>
#include <unicode/stringpiece.h>
#include <unicode/uniset.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/tokenizer/unicode_classes.h"

namespace studio::engine {
namespace {

struct CodePointRange {
  uint32_t first, last;
};

// The long runs of steady characters, ascending: the scripts and signs that text is made of. What is in none of them is
// left to the library; normal_form_test.cc asks it about every one that is.
constexpr CodePointRange kSteadyRanges[] = {
    {0x0, 0x2FF},     {0x388, 0x482},    {0x488, 0x590},     {0x5C8, 0x60F},     {0x671, 0x6D5},     {0x960, 0x9BB},
    {0xDE0, 0xE37},   {0x108E, 0x1160},  {0x1E00, 0x1F70},   {0x2002, 0x20CF},   {0x212C, 0x2328},   {0x232B, 0x2ADB},
    {0x2ADD, 0x2CEE}, {0x2E00, 0x3029},  {0x3030, 0x3098},   {0x309B, 0xA66E},   {0xABEE, 0xD7FF},   {0xE000, 0xF8FF},
    {0xFB4F, 0xFE1F}, {0xFE30, 0x101FC}, {0x1B000, 0x1BC9D}, {0x1E94B, 0x2F7FF}, {0x2FA1E, 0x10FFFF}};

// By its first byte a character is steady, or this must be asked of the whole. Later bytes of a character count as
// steady: its first has answered.
constexpr std::array<bool, 256> kIsSteadyLead = [] {
  std::array<bool, 256> steady{};
  const auto all = [](uint32_t first, uint32_t last) {
    for (const CodePointRange& range : kSteadyRanges) {
      if (range.first <= first && last <= range.last) return true;
    }
    return false;
  };
  for (uint32_t byte = 0; byte < 256; ++byte) {
    if (byte < 0xC0)
      steady[byte] = true;
    else if (byte < 0xE0)
      steady[byte] = all((byte & 0x1F) << 6, (byte & 0x1F) << 6 | 0x3F);
    else if (byte < 0xED)
      steady[byte] = all((byte & 0x0F) << 12, (byte & 0x0F) << 12 | 0xFFF);
  }
  return steady;
}();

const icu::Normalizer2* nfc_of_unicode_9() {
  static const icu::Normalizer2* normalizer = []() -> const icu::Normalizer2* {
    UErrorCode status = U_ZERO_ERROR;
    static const icu::UnicodeSet known(icu::UnicodeString::fromUTF8("[:Age=9.0:]"), status);
    const icu::Normalizer2* all = icu::Normalizer2::getNFCInstance(status);
    if (U_FAILURE(status)) return nullptr;
    static const icu::FilteredNormalizer2 filtered(*all, known);
    return &filtered;
  }();
  return normalizer;
}

void append_nfc(std::string_view text, std::string& out) {
  const icu::Normalizer2* normalizer = nfc_of_unicode_9();
  const size_t before = out.size();
  UErrorCode status = U_ZERO_ERROR;
  if (normalizer != nullptr) {
    icu::StringByteSink<std::string> sink(&out);
    normalizer->normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<int32_t>(text.size())), sink, nullptr,
                              status);
  }
  if (normalizer != nullptr && U_SUCCESS(status)) return;
  out.resize(before);
  out += text;
}

bool is_ascii(const char* eight) {
  uint64_t bytes;
  std::memcpy(&bytes, eight, sizeof bytes);
  return (bytes & 0x8080808080808080u) == 0;
}

// The first character from `at` on that is not known to be steady, or the end.
size_t skip_steady(std::string_view text, size_t at) {
  while (at < text.size()) {
    if (at + 8 <= text.size() && is_ascii(text.data() + at)) {
      at += 8;
      continue;
    }
    if (!kIsSteadyLead[static_cast<uint8_t>(text[at])]) {
      const CodePoint point = decode_utf8(text, at);
      if (!is_steady(point.value)) return at;
      at += static_cast<size_t>(point.bytes);
    } else {
      ++at;
    }
  }
  return at;
}

// The first character from `at` on that is steady, or the end.
size_t find_steady(std::string_view text, size_t at) {
  while (at < text.size()) {
    const CodePoint point = decode_utf8(text, at);
    if (is_steady(point.value)) break;
    at += static_cast<size_t>(point.bytes);
  }
  return at;
}

// The start of the character before `at`, not before `least`.
size_t step_back(std::string_view text, size_t at, size_t least) {
  if (at == least) return at;
  --at;
  for (int tail = 0; tail < 3 && at > least && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80; ++tail) --at;
  return at;
}

}  // namespace

bool is_steady(uint32_t code_point) {
  const auto range = std::lower_bound(std::begin(kSteadyRanges), std::end(kSteadyRanges), code_point,
                                      [](const CodePointRange& r, uint32_t c) { return r.last < c; });
  return range != std::end(kSteadyRanges) && range->first <= code_point;
}

std::string_view to_nfc(std::string_view text, std::string& storage) {
  size_t unsure = skip_steady(text, 0);
  if (unsure == text.size()) return text;
  storage.clear();
  storage.reserve(text.size());
  size_t done = 0;
  while (unsure < text.size()) {
    const size_t begin = step_back(text, unsure, done);  // what it may join with
    const size_t end = find_steady(text, unsure);
    storage.append(text, done, begin - done);
    append_nfc(text.substr(begin, end - begin), storage);
    done = end;
    unsure = skip_steady(text, end);
  }
  storage.append(text, done);
  return storage;
}

}  // namespace studio::engine
