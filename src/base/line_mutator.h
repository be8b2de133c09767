// For fuzz targets whose input is lines: heads, event streams, settings. A line comes twice, goes, moves, takes another
// one's beginning or end, or ends otherwise.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutator.h"

namespace studio::fuzz {

class LineMutator : Mutator {
 public:
  explicit LineMutator(unsigned seed) : Mutator(seed) {}

  std::string mutate(std::string_view text) {
    take_apart(text);
    if (lines_.empty()) return {};
    for (uint32_t changes = 1 + below(3); changes-- > 0 && !lines_.empty();) change(below(lines_.size()));
    std::string out;
    for (const Line& line : lines_) out += line.text + line.end;
    return out;
  }

 private:
  struct Line {
    std::string text, end;
  };

  void take_apart(std::string_view text) {
    while (!text.empty()) {
      const size_t size = std::min(text.find_first_of("\r\n"), text.size());
      const size_t end = text.substr(size, 2) == "\r\n" ? 2 : size < text.size() ? 1 : 0;
      lines_.push_back({std::string(text.substr(0, size)), std::string(text.substr(size, end))});
      text.remove_prefix(size + end);
    }
  }

  void change(size_t at) {
    static constexpr std::string_view kEnds[] = {"\r\n", "\n", "\r", "\r\n\r\n", "", "\r\n ", "\n\n"};
    const size_t other = below(lines_.size());
    switch (below(8)) {
      case 0:
        lines_.insert(lines_.begin() + static_cast<ptrdiff_t>(other), Line(lines_[at]));
        break;
      case 1:
        lines_.erase(lines_.begin() + static_cast<ptrdiff_t>(at));
        break;
      case 2:
        std::swap(lines_[at], lines_[other]);
        break;
      case 3:
        lines_[at].end = kEnds[below(std::size(kEnds))];
        break;
      case 4:
        graft(lines_[at].text, lines_[other].text);
        break;
      case 5:
        repeat(lines_[at].text);
        break;
      default:
        lines_[at].text = mutated(lines_[at].text);
        break;
    }
  }

  // The name of one field with the value of another: they part at the first ':', '=' or blank.
  static void graft(std::string& text, const std::string& other) {
    const size_t mine = text.find_first_of(":= "), theirs = other.find_first_of(":= ");
    if (mine != std::string::npos && theirs != std::string::npos) text = text.substr(0, mine) + other.substr(theirs);
  }

  // A piece of the line many times: limits are reached by length.
  void repeat(std::string& text) {
    if (text.empty()) return;
    const size_t begin = below(text.size());
    const std::string piece = text.substr(begin, 1 + below(16));
    std::string many;
    for (uint32_t times = below(300); times-- > 0;) many += piece;
    text.insert(begin, many);
  }

  std::vector<Line> lines_;
};

}  // namespace studio::fuzz
