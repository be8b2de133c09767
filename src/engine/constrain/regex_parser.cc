// Pattern text to a tree. Recursive over groups, which kMaxPatternNesting bounds.
#include <optional>
#include <string>
#include <utility>

#include "engine/constrain/regex.h"
#include "engine/constrain/regex_tree.h"

namespace studio::engine::constrain {
namespace {

using Kind = RegexNode::Kind;

CodePoints digits() {
  return {{'0', '9'}};
}
CodePoints word_characters() {
  return {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}, {'_', '_'}};
}
CodePoints spaces() {
  return {{9, 13},          {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
          {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
}
CodePoints line_ends() {
  return {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};
}

RegexNode set_node(CodePoints set) {
  return {.kind = Kind::kSet, .set = std::move(set), .parts = {}};
}

std::optional<CodePoints> named_class(char32_t letter) {
  switch (letter) {
    case 'd':
      return digits();
    case 'D':
      return digits().inverted();
    case 'w':
      return word_characters();
    case 'W':
      return word_characters().inverted();
    case 's':
      return spaces();
    case 'S':
      return spaces().inverted();
    default:
      return std::nullopt;
  }
}

class Parser {
 public:
  explicit Parser(std::string_view pattern) : pattern_(pattern) {}

  Result<RegexNode> run() {
    if (pattern_.size() > kMaxPatternBytes) {
      return Error(Code::kPayloadTooLarge, "the pattern is over " + std::to_string(kMaxPatternBytes) + " bytes");
    }
    STUDIO_TRY(RegexNode tree, choice(0));
    if (at_ < pattern_.size()) return fault("unmatched )");
    return tree;
  }

 private:
  Error fault(std::string_view what) const {
    return Error(Code::kInvalidArgument, "pattern, byte " + std::to_string(at_) + ": " + std::string(what));
  }
  Error refused(std::string_view what) const {
    return Error(Code::kUnimplemented,
                 "pattern, byte " + std::to_string(at_) + ": " + std::string(what) + " cannot be enforced");
  }

  bool is_next(std::string_view text) const { return pattern_.substr(at_).starts_with(text); }
  bool take(std::string_view text) {
    if (!is_next(text)) return false;
    at_ += text.size();
    return true;
  }

  Result<RegexNode> choice(int level) {
    if (level > kMaxPatternNesting) return fault("nested too deep");
    RegexNode node{.kind = Kind::kChoice, .set = {}, .parts = {}};
    do {
      STUDIO_TRY(RegexNode branch, sequence(level));
      node.parts.push_back(std::move(branch));
    } while (take("|"));
    if (node.parts.size() > 1) return node;
    RegexNode only = std::move(node.parts[0]);
    return only;
  }

  Result<RegexNode> sequence(int level) {
    RegexNode node;
    while (at_ < pattern_.size() && !is_next("|") && !is_next(")")) {
      STUDIO_TRY(RegexNode part, atom(level));
      STUDIO_TRY(part, repeated(std::move(part)));
      node.parts.push_back(std::move(part));
    }
    return node;
  }

  Result<RegexNode> atom(int level) {
    if (take("^")) return RegexNode{.kind = Kind::kStart, .set = {}, .parts = {}};
    if (take("$")) return RegexNode{.kind = Kind::kEnd, .set = {}, .parts = {}};
    if (take(".")) return set_node(line_ends().inverted());
    if (take("(")) return group(level);
    if (take("[")) return bracket();
    if (is_next("*") || is_next("+") || is_next("?")) return fault("nothing to repeat");
    if (is_next("\\")) {
      STUDIO_TRY(Escape escaped, escape(false));
      return set_node(std::move(escaped.set));
    }
    const auto c = next_code_point(pattern_, at_);
    if (!c) return fault("not UTF-8");
    return set_node({{*c, *c}});
  }

  Result<RegexNode> group(int level) {
    if (is_next("?=") || is_next("?!")) return refused("look-ahead");
    if (is_next("?<=") || is_next("?<!")) return refused("look-behind");
    if (take("?<") || take("?P<")) {
      const size_t end = pattern_.find('>', at_);
      if (end == std::string_view::npos) return fault("a group's name without end");
      at_ = end + 1;
    } else if (is_next("?") && !take("?:")) {
      return refused("a group with flags");
    }
    STUDIO_TRY(RegexNode inner, choice(level + 1));
    if (!take(")")) return fault("( without )");
    // A group stays one part, so that what repeats it repeats the whole.
    RegexNode node;
    node.parts.push_back(std::move(inner));
    return node;
  }

  Result<RegexNode> repeated(RegexNode part) {
    while (true) {
      uint32_t min = 0, max = kNoLimit;
      if (take("*")) {
      } else if (take("+")) {
        min = 1;
      } else if (take("?")) {
        max = 1;
      } else if (is_counted()) {
        STUDIO_CHECK_OK(counts(min, max));
      } else {
        return part;
      }
      if (part.kind == Kind::kStart || part.kind == Kind::kEnd) return refused("a repeated anchor");
      if (part.kind == Kind::kRepeat) return fault("nothing to repeat");
      take("?");  // lazy or not, the same texts match
      if (is_next("+")) return refused("a possessive repeat");
      RegexNode node{.kind = Kind::kRepeat, .set = {}, .parts = {}, .min = min, .max = max};
      node.parts.push_back(std::move(part));
      part = std::move(node);
    }
  }

  // A brace that does not begin a count stands for itself, as readers of patterns have it without the flag u.
  bool is_counted() const {
    if (!is_next("{")) return false;
    size_t i = at_ + 1;
    const size_t first = i;
    while (i < pattern_.size() && (pattern_[i] >= '0' && pattern_[i] <= '9')) ++i;
    if (i == first) return false;
    if (i < pattern_.size() && pattern_[i] == ',') ++i;
    while (i < pattern_.size() && (pattern_[i] >= '0' && pattern_[i] <= '9')) ++i;
    return i < pattern_.size() && pattern_[i] == '}';
  }

  Status counts(uint32_t& min, uint32_t& max) {
    take("{");
    min = number();
    max = min;
    if (take(",")) max = is_next("}") ? kNoLimit : number();
    take("}");
    if (min > kMaxPatternRepeat || (max != kNoLimit && max > kMaxPatternRepeat)) {
      return fault("a count over " + std::to_string(kMaxPatternRepeat));
    }
    if (min > max) return fault("a count whose least is above its most");
    return Ok{};
  }

  uint32_t number() {
    uint32_t value = 0;
    while (at_ < pattern_.size() && pattern_[at_] >= '0' && pattern_[at_] <= '9') {
      value = std::min<uint32_t>(value * 10 + static_cast<uint32_t>(pattern_[at_++] - '0'), 1'000'000);
    }
    return value;
  }

  Result<RegexNode> bracket() {
    const bool is_inverted = take("^");
    CodePoints set;
    while (!is_next("]")) {
      if (at_ >= pattern_.size()) return fault("[ without ]");
      STUDIO_TRY(const Escape first, bracket_member());
      if (!is_next("-") || pattern_.substr(at_).starts_with("-]")) {
        set.add(first.set);
        continue;
      }
      take("-");
      STUDIO_TRY(const Escape last, bracket_member());
      if (!first.one || !last.one) {
        set.add(first.set);
        set.add(last.set);
        set.add('-', '-');
        continue;
      }
      if (*first.one > *last.one) return fault("a range that ends before it begins");
      set.add(*first.one, *last.one);
    }
    take("]");
    return set_node(is_inverted ? set.inverted() : std::move(set));
  }

  // What an escape stands for; `one` where that is a single character, also a surrogate, which no set holds.
  struct Escape {
    CodePoints set;
    std::optional<char32_t> one;
    static Escape of(char32_t c) { return {CodePoints{{c, c}}, c}; }
  };

  Result<Escape> bracket_member() {
    if (is_next("\\")) return escape(true);
    const auto c = next_code_point(pattern_, at_);
    if (!c) return fault("[ without ]");
    return Escape::of(*c);
  }

  Result<Escape> escape(bool in_bracket) {
    take("\\");
    const auto letter = next_code_point(pattern_, at_);
    if (!letter) return fault("a pattern that ends in \\");
    if (auto named = named_class(*letter)) return Escape{*std::move(named), std::nullopt};
    if (*letter == 'b' && in_bracket) return Escape::of(8);
    if (*letter == 'b' || *letter == 'B') return refused("a word boundary");
    if (*letter == 'p' || *letter == 'P') return refused("a Unicode property");
    if ((*letter >= '1' && *letter <= '9') || *letter == 'k') return refused("a back-reference");
    STUDIO_TRY(const char32_t c, character_of(*letter));
    return Escape::of(c);
  }

  Result<char32_t> character_of(char32_t letter) {
    switch (letter) {
      case 't':
        return U'\t';
      case 'n':
        return U'\n';
      case 'r':
        return U'\r';
      case 'f':
        return U'\f';
      case 'v':
        return U'\v';
      case '0':
        return U'\0';
      case 'x':
        return hex(2);
      case 'u':
        return is_next("{") ? braced_hex() : unit_or_pair();
      case 'c': {
        const char control = at_ < pattern_.size() ? pattern_[at_++] : '\0';
        return static_cast<char32_t>(control & 31);
      }
      default:
        break;
    }
    const bool is_letter = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
    if (is_letter) return fault("an escape that means nothing");
    return letter;
  }

  Result<char32_t> hex(int count) {
    char32_t value = 0;
    for (int i = 0; i < count; ++i) {
      const char c = at_ < pattern_.size() ? pattern_[at_] : '\0';
      const int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
      if (digit < 0) return fault("not a hexadecimal digit");
      value = value << 4 | static_cast<char32_t>(digit);
      ++at_;
    }
    return value;
  }

  Result<char32_t> braced_hex() {
    take("{");
    const size_t end = pattern_.find('}', at_);
    if (end == std::string_view::npos || end == at_ || end - at_ > 6) return fault("\\u{ without its digits and }");
    STUDIO_TRY(const char32_t value, hex(static_cast<int>(end - at_)));
    take("}");
    if (value > 0x10FFFF) return fault("no such character");
    return value;
  }

  Result<char32_t> unit_or_pair() {
    STUDIO_TRY(const char32_t high, hex(4));
    if (high < 0xD800 || high > 0xDBFF || !is_next("\\u")) return high;
    const size_t back = at_;
    take("\\u");
    STUDIO_TRY(const char32_t low, hex(4));
    if (low >= 0xDC00 && low <= 0xDFFF) return 0x10000 + ((high - 0xD800) << 10 | (low - 0xDC00));
    at_ = back;
    return high;
  }

  std::string_view pattern_;
  size_t at_ = 0;
};

}  // namespace

Result<RegexNode> parse_regex_tree(std::string_view pattern) {
  return Parser(pattern).run();
}

}  // namespace studio::engine::constrain
