// A tree of the names: at each character the key may leave it, and is then free; a key that stays must end elsewhere
// than a name.
#include "engine/constrain/other_keys.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>

#include "engine/constrain/code_points.h"
#include "engine/constrain/dfa.h"

namespace studio::engine::constrain {
namespace {

constexpr char32_t kFirstWide = 0x80;

class KeyTree {
 public:
  // `plain`: the ASCII characters that stand for themselves. Keys of JSON have escapes for the others.
  KeyTree(Grammar& grammar, const ByteSet& plain, bool is_json)
      : grammar_(grammar),
        plain_(plain),
        is_json_(is_json),
        wide_(utf8_of(grammar, {{kFirstWide, 0x10FFFF}})),
        free_(grammar.add_rule()) {
    const ExprId any = grammar.choice({grammar.bytes(plain_), escapes_but({}), wide_});
    grammar.define(free_, grammar.repeat(any, 0, kNoLimit));
  }

  // Sorted names that agree in their first `from` bytes.
  ExprId leaving(std::span<const std::string> names, size_t from) {
    std::vector<ExprId> branches;
    CodePoints taken;
    bool is_name = false;
    for (size_t i = 0; i < names.size();) {
      size_t end = from;
      const auto c = next_code_point(names[i], end);
      if (!c) {
        is_name = true;
        ++i;
        continue;
      }
      size_t count = 1;
      const std::string_view character = std::string_view(names[i]).substr(from, end - from);
      while (i + count < names.size() && std::string_view(names[i + count]).substr(from).starts_with(character))
        ++count;
      taken.add(*c, *c);
      const std::string written = is_json_ ? json_escaped(character) : std::string(character);
      branches.push_back(grammar_.sequence({grammar_.literal(written), leaving(names.subspan(i, count), end)}));
      i += count;
    }
    branches.push_back(grammar_.sequence({characters_but(taken), grammar_.rule(free_)}));
    if (!is_name) branches.push_back(grammar_.empty());
    return grammar_.choice(branches);
  }

 private:
  // What many places share is a rule, so that it is compiled once.
  ExprId as_rule(ExprId body) {
    const RuleId rule = grammar_.add_rule();
    grammar_.define(rule, body);
    return grammar_.rule(rule);
  }

  ExprId characters_but(const CodePoints& taken) {
    ByteSet plain = plain_;
    bool takes_wide = false;
    for (const auto& [first, last] : taken.ranges()) {
      for (char32_t c = first; c <= last; ++c) {
        if (c < kFirstWide) plain.reset(c);
        takes_wide |= c >= kFirstWide;
      }
    }
    ExprId wide = wide_;
    if (takes_wide) {
      CodePoints left = taken;
      left.add(0, kFirstWide - 1);
      wide = utf8_of(grammar_, left.inverted());
    }
    return grammar_.choice({grammar_.bytes(plain), escapes_but(taken), wide});
  }

  // The escapes of quotes, backslashes and control characters that are not taken; nearly always all of them.
  ExprId escapes_but(const CodePoints& taken) {
    if (!is_json_) return grammar_.nothing();
    const auto is_taken = [&](char32_t c) {
      return std::ranges::any_of(taken.ranges(),
                                 [c](const auto& range) { return range.first <= c && c <= range.last; });
    };
    const bool takes_some = std::ranges::any_of(taken.ranges(), [](const auto& range) {
      return range.first < 0x20 || (range.first <= '"' && range.last >= '"') ||
             (range.first <= '\\' && range.last >= '\\');
    });
    if (!takes_some && all_escapes_) return *all_escapes_;
    std::vector<std::string> left;
    for (char32_t c = 0; c < kFirstWide; ++c) {
      const std::string text = json_escaped(std::string(1, static_cast<char>(c)));
      if (text.size() > 1 && !is_taken(c)) left.push_back(text);
    }
    const ExprId escapes = as_rule(grammar_.literals(std::move(left)));
    if (!takes_some) all_escapes_ = escapes;
    return escapes;
  }

  Grammar& grammar_;
  const ByteSet plain_;
  const bool is_json_;
  ExprId wide_;
  RuleId free_;
  std::optional<ExprId> all_escapes_;
};

std::vector<std::string> sorted(std::vector<std::string> names) {
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace

ExprId keys_other_than(Grammar& grammar, std::vector<std::string> names) {
  const ByteSet plain = byte_range(0x20, 0x7F) & ~bytes_of("\"\\");
  return KeyTree(grammar, plain, true).leaving(sorted(std::move(names)), 0);
}

ExprId names_other_than(Grammar& grammar, std::vector<std::string> names, std::string_view ends) {
  return KeyTree(grammar, byte_range(0, 0x7F) & ~bytes_of(ends), false).leaving(sorted(std::move(names)), 0);
}

}  // namespace studio::engine::constrain
