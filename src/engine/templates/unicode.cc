#include "engine/templates/unicode.h"

#include <unicode/uchar.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>

#include <algorithm>

namespace studio::engine::jinja {
namespace {

bool is_cased(char32_t c) {
  return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_CASED);
}
bool is_case_ignorable(char32_t c) {
  return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_CASE_IGNORABLE);
}

enum class Case { kUpper, kLower, kTitle };

// One character through ICU's full mapping; "" is the root locale. The longest mapping has three UTF-16 units.
void append_mapped(std::string& out, char32_t c, Case to) {
  if (c < 0x80) {
    bool upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z';
    out += static_cast<char>(to == Case::kLower ? (upper ? c + 32 : c) : (lower ? c - 32 : c));
    return;
  }
  UChar from[2], mapped[8];
  int32_t from_size = 0;
  U16_APPEND_UNSAFE(from, from_size, static_cast<UChar32>(c));
  UErrorCode error = U_ZERO_ERROR;
  int32_t size = to == Case::kLower   ? u_strToLower(mapped, 8, from, from_size, "", &error)
                 : to == Case::kUpper ? u_strToUpper(mapped, 8, from, from_size, "", &error)
                                      : u_strToTitle(mapped, 8, from, from_size, nullptr, "", &error);
  if (U_FAILURE(error) || size > 8) {
    append_utf8(out, c);
    return;
  }
  for (int32_t i = 0; i < size;) {
    UChar32 unit;
    U16_NEXT_UNSAFE(mapped, i, unit);
    append_utf8(out, static_cast<char32_t>(unit));
  }
}

constexpr char32_t kSigma = 0x3A3, kFinalSigma = 0x3C2;

// Unicode's Final_Sigma: a cased letter before, none after, case-ignorable characters between not counted. Each stretch
// of those is looked through by its two neighbours alone, so a text of many sigmas stays linear.
bool is_final_sigma(std::string_view all, size_t begin, size_t end) {
  bool cased_before = false;
  for (size_t i = begin; i > 0;) {
    do --i;
    while ((all[i] & 0xC0) == 0x80);
    size_t at = i;
    char32_t c = next_char(all, at);
    if (is_case_ignorable(c)) continue;
    cased_before = is_cased(c);
    break;
  }
  if (!cased_before) return false;
  for (size_t i = end; i < all.size();) {
    char32_t c = next_char(all, i);
    if (!is_case_ignorable(c)) return !is_cased(c);
  }
  return true;
}

void append_lower(std::string& out, std::string_view all, size_t begin, size_t end, char32_t c) {
  if (c != kSigma) return append_mapped(out, c, Case::kLower);
  append_utf8(out, is_final_sigma(all, begin, end) ? kFinalSigma : 0x3C3);
}

// f(out, all, begin, end, c) appends what the character at [begin, end) becomes.
template <typename F>
Text map_chars(const Text& text, F&& f) {
  TextBuilder builder;
  std::string_view all = text.view();
  size_t i = 0;
  std::string mapped;
  text.for_each_run([&](std::string_view run, Origin origin) {
    mapped.clear();
    for (size_t end = i + run.size(); i < end;) {
      size_t begin = i;
      char32_t c = next_char(all, i);
      f(mapped, all, begin, i, c);
    }
    builder.append(mapped, origin);
  });
  return builder.take();
}

}  // namespace

bool is_valid_utf8(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size();) {
    auto lead = static_cast<unsigned char>(bytes[i]);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || i + length > bytes.size()) return false;
    for (size_t k = 1; k < length; ++k) {
      if ((bytes[i + k] & 0xC0) != 0x80) return false;
    }
    auto second = static_cast<unsigned char>(bytes[i + 1]);
    bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
    bool outside = (lead == 0xED && second > 0x9F) || (lead == 0xF4 && second > 0x8F);  // surrogate, past U+10FFFF
    if (overlong || outside) return false;
    i += length;
  }
  return true;
}

char32_t next_char(std::string_view bytes, size_t& i) {
  auto at = [&](size_t k) { return static_cast<char32_t>(static_cast<unsigned char>(bytes[k])); };
  char32_t lead = at(i);
  if (lead < 0x80) return ++i, lead;
  if (lead < 0xE0) return i += 2, (lead & 0x1F) << 6 | (at(i - 1) & 0x3F);
  if (lead < 0xF0) return i += 3, (lead & 0x0F) << 12 | (at(i - 2) & 0x3F) << 6 | (at(i - 1) & 0x3F);
  i += 4;
  return (lead & 0x07) << 18 | (at(i - 3) & 0x3F) << 12 | (at(i - 2) & 0x3F) << 6 | (at(i - 1) & 0x3F);
}

void append_utf8(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

size_t count_chars(std::string_view bytes) {
  size_t count = 0;
  for (char byte : bytes) count += (byte & 0xC0) != 0x80;
  return count;
}

size_t char_offset(std::string_view bytes, size_t n) {
  size_t i = 0;
  for (; i < bytes.size(); ++i) {
    if ((bytes[i] & 0xC0) == 0x80) continue;
    if (n-- == 0) break;
  }
  return i;
}

bool is_space(char32_t c) {
  return (c >= 9 && c <= 13) || (c >= 28 && c <= 32) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_line_break(char32_t c) {
  return (c >= 10 && c <= 13) || (c >= 28 && c <= 30) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

bool is_alpha(char32_t c) {
  return (U_MASK(u_charType(static_cast<UChar32>(c))) & U_GC_L_MASK) != 0;
}

bool is_decimal(char32_t c) {
  return u_getIntPropertyValue(static_cast<UChar32>(c), UCHAR_NUMERIC_TYPE) == U_NT_DECIMAL;
}

bool is_digit(char32_t c) {
  int32_t type = u_getIntPropertyValue(static_cast<UChar32>(c), UCHAR_NUMERIC_TYPE);
  return type == U_NT_DECIMAL || type == U_NT_DIGIT;
}

bool is_numeric(char32_t c) {
  return u_getIntPropertyValue(static_cast<UChar32>(c), UCHAR_NUMERIC_TYPE) != U_NT_NONE;
}

bool is_printable(char32_t c) {
  constexpr uint32_t kHidden = U_GC_C_MASK | U_GC_Z_MASK;
  return c == ' ' || (U_MASK(u_charType(static_cast<UChar32>(c))) & kHidden) == 0;
}

bool is_lower(char32_t c) {
  return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_LOWERCASE);
}
bool is_upper(char32_t c) {
  return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_UPPERCASE);
}
bool is_title(char32_t c) {
  return u_charType(static_cast<UChar32>(c)) == U_TITLECASE_LETTER;
}

Text to_upper(const Text& text) {
  return map_chars(text, [](std::string& out, std::string_view, size_t, size_t, char32_t c) {
    append_mapped(out, c, Case::kUpper);
  });
}

Text to_lower(const Text& text) {
  return map_chars(text, [](std::string& out, std::string_view all, size_t begin, size_t end, char32_t c) {
    append_lower(out, all, begin, end, c);
  });
}

Text to_capitalized(const Text& text) {
  return map_chars(text, [](std::string& out, std::string_view all, size_t begin, size_t end, char32_t c) {
    if (begin == 0) {
      append_mapped(out, c, Case::kTitle);
    } else {
      append_lower(out, all, begin, end, c);
    }
  });
}

Text to_title(const Text& text) {
  bool after_cased = false;
  return map_chars(text, [&](std::string& out, std::string_view all, size_t begin, size_t end, char32_t c) {
    if (after_cased) {
      append_lower(out, all, begin, end, c);
    } else {
      append_mapped(out, c, Case::kTitle);
    }
    after_cased = is_cased(c);
  });
}

}  // namespace studio::engine::jinja
