// For fuzz targets whose input is lines: heads, event streams, settings. A line comes twice, goes, moves, takes another
// one's beginning or end, or ends otherwise; a third of the time the bytes change as in every fuzzer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);  // libFuzzer's own

namespace studio::fuzz {

class LineMutator {
 public:
  explicit LineMutator(unsigned seed) : random_(seed) {}

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

  uint32_t below(size_t limit) { return static_cast<uint32_t>(random_() % limit); }

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

  static std::string mutated(std::string text) {
    const size_t size = text.size();
    text.resize(size + 64);
    text.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(text.data()), size, text.size()));
    return text;
  }

  std::minstd_rand random_;
  std::vector<Line> lines_;
};

// What libFuzzer calls: changes data in place, at most max_size long, and returns the new size.
inline size_t mutate_lines(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  if (seed % 3 != 0) {
    const std::string out = LineMutator(seed).mutate({reinterpret_cast<const char*>(data), size});
    if (!out.empty() && out.size() <= max_size) {
      std::memcpy(data, out.data(), out.size());
      return out.size();
    }
  }
  return LLVMFuzzerMutate(data, size, max_size);
}

}  // namespace studio::fuzz
