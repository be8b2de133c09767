// Sets of Unicode characters, and their UTF-8 as expressions over bytes. Surrogates are no characters.
// A set that was looked at since it was changed last may be read by several threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/constrain/grammar.h"

namespace studio::engine::constrain {

class CodePoints {
 public:
  struct Range {
    char32_t first, last;
  };

  CodePoints() = default;
  CodePoints(std::initializer_list<Range> ranges) : ranges_(ranges) { tidy(); }
  static CodePoints all() { return {{0, 0x10FFFF}}; }

  void add(char32_t first, char32_t last);
  void add(const CodePoints& other);
  CodePoints inverted() const;
  bool is_empty() const { return ranges().empty(); }
  // Rising, apart, without surrogates.
  const std::vector<Range>& ranges() const {
    if (tidy_count_ != ranges_.size()) tidy();
    return ranges_;
  }

 private:
  void tidy() const;
  // What is added is put in order once it is asked for: a class may have 100,000 members.
  mutable std::vector<Range> ranges_;
  mutable size_t tidy_count_ = 0;
};

// One character of the set.
ExprId utf8_of(Grammar& grammar, const CodePoints& set);

// The character at text[at], which moves past it; nothing where that is no UTF-8.
std::optional<char32_t> next_code_point(std::string_view text, size_t& at);
void append_code_point(std::string& out, char32_t c);

}  // namespace studio::engine::constrain
