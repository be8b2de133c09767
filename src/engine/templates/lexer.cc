#include "engine/templates/lexer.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "engine/templates/unicode.h"

namespace studio::engine::jinja {
namespace {

bool is_digit_byte(char c) {
  return c >= '0' && c <= '9';
}
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_name_part(char c) {
  return is_name_start(c) || is_digit_byte(c);
}

// Line ends become \n; one at the end goes.
std::string normalize_lines(std::string_view source) {
  std::string text;
  for (size_t i = 0; i < source.size(); ++i) {
    bool is_return = source[i] == '\r';
    if (is_return && i + 1 < source.size() && source[i + 1] == '\n') ++i;
    text += is_return ? '\n' : source[i];
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

int count_lines(std::string_view text) {
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

// Escapes of a string literal, as in Python.
class Unescaper {
 public:
  Unescaper(std::string_view literal, int line) : literal_(literal), line_(line) {}

  std::string run() {
    while (i_ < literal_.size()) {
      size_t backslash = std::min(literal_.find('\\', i_), literal_.size());
      out_ += literal_.substr(i_, backslash - i_);
      i_ = backslash;
      if (i_ < literal_.size()) escape();
    }
    return std::move(out_);
  }

 private:
  void escape() {
    static constexpr std::string_view kPairs = "\\\\''\"\"a\ab\bf\fn\nr\rt\tv\v";  // letter, what it stands for
    char letter = literal_[i_ + 1];  // the lexer ends no literal in a lone backslash
    i_ += 2;
    if (letter == '\n') return;
    for (size_t k = 0; k < kPairs.size(); k += 2) {
      if (letter == kPairs[k]) {
        out_ += kPairs[k + 1];
        return;
      }
    }
    if (letter == 'x') return append(number(2, 2, 16));
    if (letter == 'u') return append(number(4, 4, 16));
    if (letter == 'U') return append(number(8, 8, 16));
    if (letter >= '0' && letter <= '7') return --i_, append(number(1, 3, 8));
    if (letter == 'N') fail_at(line_, "\\N{...} in a string is not supported");
    out_ += '\\';  // not an escape: both characters stay
    out_ += letter;
  }

  uint32_t number(size_t least, size_t most, int base) {
    size_t end = i_;
    auto is_digit = [&](char c) {
      return base == 8 ? c >= '0' && c <= '7' : is_digit_byte(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
    };
    while (end < literal_.size() && end - i_ < most && is_digit(literal_[end])) ++end;
    if (end - i_ < least) fail_at(line_, "truncated escape in a string");
    std::string digits(literal_.substr(i_, end - i_));
    i_ = end;
    return static_cast<uint32_t>(std::strtoul(digits.c_str(), nullptr, base));
  }

  void append(uint32_t c) {
    if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) fail_at(line_, "an escape in a string is not a character");
    append_utf8(out_, c);
  }

  std::string_view literal_;
  int line_;
  size_t i_ = 0;
  std::string out_;
};

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalize_lines(source)), all_(source_) {}

  std::vector<Token> run() {
    while (pos_ < all_.size()) text_and_tag();
    push(TokenKind::kEnd);
    return std::move(tokens_);
  }

 private:
  enum class Tag { kComment, kBlock, kVariable };

  Token& push(TokenKind kind, std::string text = {}) {
    tokens_.push_back(Token{.kind = kind, .line = line_, .text = std::move(text)});
    return tokens_.back();
  }

  char at(size_t i) const { return i < all_.size() ? all_[i] : '\0'; }
  bool starts_with(std::string_view what) const { return all_.substr(pos_).starts_with(what); }

  void advance_to(size_t end) {
    line_ += count_lines(all_.substr(pos_, end - pos_));
    if (end > pos_) after_line_end_ = all_[end - 1] == '\n';
    pos_ = end;
  }

  size_t skip_spaces(size_t i) const {
    while (i < all_.size()) {
      size_t next = i;
      if (!is_space(next_char(all_, next))) break;
      i = next;
    }
    return i;
  }

  // Data up to the next tag, and the tag.
  void text_and_tag() {
    size_t tag = pos_;
    for (;; ++tag) {
      tag = all_.find('{', tag);
      if (tag == all_.npos || std::string_view("#%{").find(at(tag + 1)) != std::string_view::npos) break;
    }
    if (tag == all_.npos) {
      push(TokenKind::kData, std::string(all_.substr(pos_)));
      advance_to(all_.size());
      return;
    }
    size_t raw_end = at(tag + 1) == '%' ? raw_tag_end(tag) : 0;
    char sign = at(tag + 2) == '-' || at(tag + 2) == '+' ? at(tag + 2) : '\0';
    push_data(all_.substr(pos_, tag - pos_), sign, at(tag + 1) != '{');
    char kind = at(tag + 1);
    advance_to(raw_end ? raw_end : tag + 2 + (sign ? 1 : 0));
    if (raw_end) return raw();
    if (kind == '#') return comment();
    inside_tag(kind == '%');
  }

  void push_data(std::string_view text, char sign, bool is_block) {
    if (sign == '-') {
      size_t end = 0;
      for (size_t i = 0; i < text.size();) {
        if (!is_space(next_char(text, i))) end = i;
      }
      text = text.substr(0, end);
    } else if (sign != '+' && is_block) {
      size_t line_start = text.rfind('\n') + 1;  // 0 where there is none
      bool at_line_start = line_start > 0 || after_line_end_;
      if (at_line_start && all_spaces(text.substr(line_start))) text = text.substr(0, line_start);
    }
    if (!text.empty()) push(TokenKind::kData, std::string(text));
  }

  static bool all_spaces(std::string_view text) {
    for (size_t i = 0; i < text.size();) {
      if (!is_space(next_char(text, i))) return false;
    }
    return true;
  }

  // Past "{% raw %}" at `tag`; 0 if there is another tag.
  size_t raw_tag_end(size_t tag) const { return word_tag_end(tag, "raw", /*trims=*/false); }

  size_t word_tag_end(size_t tag, std::string_view word, bool trims) const {
    size_t i = tag + 2;
    if (at(i) == '-' || at(i) == '+') ++i;
    i = skip_spaces(i);
    if (!all_.substr(i).starts_with(word)) return 0;
    i = skip_spaces(i + word.size());
    bool strips = at(i) == '-', keeps = trims && at(i) == '+';
    if (strips || keeps) ++i;
    if (!all_.substr(i).starts_with("%}")) return 0;
    i += 2;
    if (strips) return skip_spaces(i);
    return i + (trims && !keeps && at(i) == '\n' ? 1 : 0);
  }

  void raw() {
    for (size_t tag = all_.find("{%", pos_); tag != all_.npos; tag = all_.find("{%", tag + 1)) {
      size_t end = word_tag_end(tag, "endraw", /*trims=*/true);
      if (!end) continue;
      char sign = at(tag + 2) == '-' || at(tag + 2) == '+' ? at(tag + 2) : '\0';
      push_data(all_.substr(pos_, tag - pos_), sign, true);
      return advance_to(end);
    }
    fail_at(line_, "missing end of raw directive");
  }

  void comment() {
    size_t end = all_.find("#}", pos_);
    if (end == all_.npos) fail_at(line_, "missing end of comment tag");
    char sign = end > pos_ ? all_[end - 1] : '\0';
    end += 2;
    if (sign == '-') {
      end = skip_spaces(end);
    } else if (sign != '+' && at(end) == '\n') {
      ++end;
    }
    advance_to(end);
  }

  // Past the end of the tag if it ends here; 0 if not.
  size_t tag_end(bool is_block) const {
    std::string_view close = is_block ? "%}" : "}}";
    bool strips = at(pos_) == '-', keeps = is_block && at(pos_) == '+';
    size_t i = pos_ + (strips || keeps ? 1 : 0);
    if (!all_.substr(i).starts_with(close)) return 0;
    i += 2;
    if (strips) return skip_spaces(i);
    return i + (is_block && !keeps && at(i) == '\n' ? 1 : 0);
  }

  void inside_tag(bool is_block) {
    push(is_block ? TokenKind::kBlockBegin : TokenKind::kVariableBegin);
    std::string open;  // the brackets not yet closed
    while (pos_ < all_.size()) {
      if (size_t end = open.empty() ? tag_end(is_block) : 0) {
        push(is_block ? TokenKind::kBlockEnd : TokenKind::kVariableEnd);
        return advance_to(end);
      }
      if (size_t end = skip_spaces(pos_); end > pos_) {
        advance_to(end);
      } else if (is_digit_byte(at(pos_))) {
        number();
      } else if (is_name_start(at(pos_))) {
        size_t name_end = pos_;
        while (is_name_part(at(name_end))) ++name_end;
        push(TokenKind::kName, std::string(all_.substr(pos_, name_end - pos_)));
        advance_to(name_end);
      } else if (at(pos_) == '\'' || at(pos_) == '"') {
        string();
      } else {
        operator_sign(open);
      }
    }
    // The parser says what is missing.
  }

  // Digits with single underscores between them, from i; i if none.
  size_t digits_end(size_t i) const {
    while (is_digit_byte(at(i)) || (at(i) == '_' && i > 0 && is_digit_byte(at(i - 1)) && is_digit_byte(at(i + 1)))) ++i;
    return i;
  }

  void number() {
    size_t whole = digits_end(pos_), end = whole;
    bool after_dot = pos_ > 0 && all_[pos_ - 1] == '.';
    if (at(end) == '.' && is_digit_byte(at(end + 1))) end = digits_end(end + 1);
    if ((at(end) | 0x20) == 'e') {
      size_t sign = at(end + 1) == '+' || at(end + 1) == '-' ? 1 : 0;
      if (is_digit_byte(at(end + 1 + sign))) end = digits_end(end + 1 + sign);
    }
    if (end > whole && !after_dot) {
      push(TokenKind::kFloat).number = std::strtod(plain_digits(pos_, end).c_str(), nullptr);
      return advance_to(end);
    }
    integer();
  }

  void integer() {
    char prefix = all_[pos_] == '0' ? static_cast<char>(at(pos_ + 1) | 0x20) : '\0';
    int base = prefix == 'x' ? 16 : prefix == 'o' ? 8 : prefix == 'b' ? 2 : 10;
    auto digit = [&](char c) {
      int value = is_digit_byte(c) ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : 99;
      return value < base ? value : -1;
    };
    size_t end = pos_ + (base == 10 ? 0 : 2);
    size_t first = end;
    bool only_zeros = base == 10 && all_[pos_] == '0';  // 007 is two numbers, as in Jinja
    Int value = 0;
    for (;; ++end) {
      bool is_joint = at(end) == '_' && digit(at(end + 1)) >= 0;
      if (is_joint) continue;
      if (digit(at(end)) < 0 || (only_zeros && at(end) != '0')) break;
      value = value * base + digit(at(end));
      if (value >> 64) fail_at(line_, "integer over 64 bits");
    }
    if (end == first) end = pos_ + 1;  // "0x" without digits is a zero and a name
    push(TokenKind::kInteger).integer = value;
    advance_to(end);
  }

  std::string plain_digits(size_t begin, size_t end) const {
    std::string digits(all_.substr(begin, end - begin));
    std::erase(digits, '_');
    return digits;
  }

  void string() {
    char quote = all_[pos_];
    size_t end = pos_ + 1;
    while (end < all_.size() && all_[end] != quote) end += all_[end] == '\\' ? 2 : 1;
    if (end >= all_.size()) fail_at(line_, "a string is not closed");
    push(TokenKind::kString, Unescaper(all_.substr(pos_ + 1, end - pos_ - 1), line_).run());
    advance_to(end + 1);
  }

  void operator_sign(std::string& open) {
    static constexpr std::string_view kLong[] = {"//", "**", "==", "!=", ">=", "<="};
    static constexpr std::string_view kShort = "+-/*%~[](){}><=.:|,;";
    std::string_view rest = all_.substr(pos_);
    size_t size =
        std::any_of(std::begin(kLong), std::end(kLong), [&](auto sign) { return rest.starts_with(sign); }) ? 2 : 1;
    if (size == 1 && kShort.find(rest[0]) == kShort.npos) fail_at(line_, "unexpected character in a tag");
    std::string_view sign = rest.substr(0, size);
    balance(sign, open);
    push(TokenKind::kOperator, std::string(sign));
    advance_to(pos_ + size);
  }

  void balance(std::string_view sign, std::string& open) const {
    static constexpr std::string_view kOpen = "([{", kClose = ")]}";
    if (kOpen.find(sign) != kOpen.npos) open += sign;
    size_t which = kClose.find(sign);
    if (which == kClose.npos) return;
    if (open.empty() || open.back() != kOpen[which]) fail_at(line_, "unexpected '" + std::string(sign) + "'");
    open.pop_back();
  }

  const std::string source_;
  std::string_view all_;
  size_t pos_ = 0;
  int line_ = 1;
  bool after_line_end_ = true;  // whether the last rule's match ended a line
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  if (!is_valid_utf8(source)) fail("the chat template is not valid UTF-8");
  return Lexer(source).run();
}

}  // namespace studio::engine::jinja
