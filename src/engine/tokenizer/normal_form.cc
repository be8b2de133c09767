#include "engine/tokenizer/normal_form.h"

#include <unicode/normalizer2.h>
#include <unicode/stringpiece.h>
#include <unicode/uniset.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <bit>

#include "engine/tokenizer/mark_order.h"
#include "engine/tokenizer/unicode_classes.h"

namespace studio::engine {
namespace {

constexpr size_t kLookBytes = 16, kReadBytes = kLookBytes + 2;

// Bit i: byte i of the kLookBytes at `text` may begin a character that is not steady; kReadBytes can be read. Those of
// U+0000 to 02FF and of U+4000 to 9FFF are, and the punctuation of Chinese: U+2002 to 203F, 3000 to 3029, FF00 to FFFF.
// Later bytes of a character are answered for by its first, and what begins none stands as it is.
uint32_t unsure_bits(const char* text) {
#ifdef __SSE2__
  const auto load = [&](size_t i) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + i)); };
  const auto at_least = [](__m128i bytes, uint8_t least) {
    return _mm_cmpeq_epi8(_mm_max_epu8(bytes, _mm_set1_epi8(static_cast<char>(least))), bytes);
  };
  const __m128i bytes = load(0);
  const __m128i is_han = _mm_andnot_si128(at_least(bytes, 0xEA), at_least(bytes, 0xE4));
  const __m128i unsure = _mm_andnot_si128(is_han, at_least(bytes, 0xCC));
  const auto bits = [](__m128i mask) { return static_cast<uint32_t>(_mm_movemask_epi8(mask)); };
  if (bits(unsure) == 0) return 0;
  const __m128i second = load(1), third = load(2);
  const auto is = [](__m128i of, uint8_t byte) { return _mm_cmpeq_epi8(of, _mm_set1_epi8(static_cast<char>(byte))); };
  const __m128i is_wide = _mm_and_si128(is(bytes, 0xEF), at_least(second, 0xBC));
  const __m128i is_general = _mm_and_si128(is(bytes, 0xE2), at_least(third, 0x82));
  const __m128i is_cjk = _mm_andnot_si128(at_least(third, 0xAA), is(bytes, 0xE3));
  const __m128i is_mark = _mm_and_si128(is(second, 0x80), _mm_or_si128(is_general, is_cjk));
  return bits(_mm_andnot_si128(_mm_or_si128(is_wide, is_mark), unsure));
#else
  uint32_t bits = 0;
  for (size_t i = 0; i < kLookBytes; ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    bits |= uint32_t{byte >= 0xCC && (byte < 0xE4 || byte >= 0xEA)} << i;
  }
  return bits;
#endif
}

const icu::UnicodeSet* known_to_unicode_9() {
  static const icu::UnicodeSet* set = []() -> const icu::UnicodeSet* {
    UErrorCode status = U_ZERO_ERROR;
    static const icu::UnicodeSet known(icu::UnicodeString::fromUTF8("[:Age=9.0:]"), status);
    return U_FAILURE(status) ? nullptr : &known;
  }();
  return set;
}

const icu::Normalizer2* nfc_of_unicode_9() {
  static const icu::Normalizer2* normalizer = []() -> const icu::Normalizer2* {
    UErrorCode status = U_ZERO_ERROR;
    const icu::UnicodeSet* known = known_to_unicode_9();
    const icu::Normalizer2* all = icu::Normalizer2::getNFCInstance(status);
    if (U_FAILURE(status) || known == nullptr) return nullptr;
    static const icu::FilteredNormalizer2 filtered(*all, *known);
    return &filtered;
  }();
  return normalizer;
}

const icu::Normalizer2* nfd_of_unicode_9() {
  static const icu::Normalizer2* normalizer = []() -> const icu::Normalizer2* {
    UErrorCode status = U_ZERO_ERROR;
    const icu::UnicodeSet* known = known_to_unicode_9();
    const icu::Normalizer2* all = icu::Normalizer2::getNFDInstance(status);
    if (U_FAILURE(status) || known == nullptr) return nullptr;
    static const icu::FilteredNormalizer2 filtered(*all, *known);
    return &filtered;
  }();
  return normalizer;
}

void append_normal(const icu::Normalizer2* normalizer, std::string_view text, std::string& out) {
  const size_t before = out.size();
  UErrorCode status = U_ZERO_ERROR;
  if (normalizer != nullptr) {
    std::string storage;
    const std::string_view ordered = with_ordered_marks(text, storage);
    icu::StringByteSink<std::string> sink(&out);
    normalizer->normalizeUTF8(0, icu::StringPiece(ordered.data(), static_cast<int32_t>(ordered.size())), sink, nullptr,
                              status);
  }
  if (normalizer != nullptr && U_SUCCESS(status)) return;
  out.resize(before);
  out += text;
}

// The first character from `at` on that is not known to be steady, or the end.
size_t skip_steady(std::string_view text, size_t at) {
  while (at < text.size()) {
    if (at + kReadBytes <= text.size()) {
      const uint32_t unsure = unsure_bits(text.data() + at);
      if (unsure == 0) {
        at += kLookBytes;
        continue;
      }
      at += static_cast<size_t>(std::countr_zero(unsure));
    } else if (static_cast<uint8_t>(text[at]) < 0xCC) {
      ++at;
      continue;
    }
    const CodePoint point = decode_utf8(text, at);
    if (!is_steady(point.value)) return at;
    at += static_cast<size_t>(point.bytes);
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
  return (char_class(code_point) & kIsSteady) != 0;
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
    append_normal(nfc_of_unicode_9(), text.substr(begin, end - begin), storage);
    done = end;
    unsure = skip_steady(text, end);
  }
  storage.append(text, done);
  return storage;
}

std::string to_nfd(std::string_view text) {
  std::string normal;
  append_normal(nfd_of_unicode_9(), text, normal);
  return normal;
}

}  // namespace studio::engine
