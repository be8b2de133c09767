#include "engine/constrain/code_points.h"

#include <algorithm>
#include <array>

namespace studio::engine::constrain {
namespace {

constexpr char32_t kLast = 0x10FFFF, kFirstSurrogate = 0xD800, kLastSurrogate = 0xDFFF;
constexpr std::array<char32_t, 4> kLastOfLength = {0x7F, 0x7FF, 0xFFFF, kLast};

// Cuts a range until each of its bytes has a range of its own.
class Utf8Writer {
 public:
  explicit Utf8Writer(Grammar& grammar) : grammar_(grammar) {}

  void add(char32_t first, char32_t last) {
    for (const char32_t end : kLastOfLength) {
      if (first > last) return;
      if (first > end) continue;
      add_of_one_length(first, std::min(last, end));
      first = end + 1;
    }
  }

  ExprId finish() {
    parts_.push_back(grammar_.bytes(single_));
    return grammar_.choice(parts_);
  }

 private:
  void add_of_one_length(char32_t first, char32_t last) {
    if (last <= kLastOfLength[0]) {
      single_ |= byte_range(static_cast<uint8_t>(first), static_cast<uint8_t>(last));
      return;
    }
    for (char32_t low = 0x3F; low < last; low = low << 6 | 0x3F) {
      if ((first & ~low) == (last & ~low)) break;
      if ((first & low) != 0) {
        add_of_one_length(first, first | low);
        return add_of_one_length((first | low) + 1, last);
      }
      if ((last & low) != low) {
        add_of_one_length(first, (last & ~low) - 1);
        return add_of_one_length(last & ~low, last);
      }
    }
    std::string from, to;
    append_code_point(from, first);
    append_code_point(to, last);
    std::vector<ExprId> bytes;
    for (size_t i = 0; i < from.size(); ++i) {
      bytes.push_back(grammar_.bytes(byte_range(static_cast<uint8_t>(from[i]), static_cast<uint8_t>(to[i]))));
    }
    parts_.push_back(grammar_.sequence(bytes));
  }

  Grammar& grammar_;
  ByteSet single_;
  std::vector<ExprId> parts_;
};

}  // namespace

void CodePoints::add(char32_t first, char32_t last) {
  ranges_.push_back({first, std::min(last, kLast)});
}

void CodePoints::add(const CodePoints& other) {
  ranges_.insert(ranges_.end(), other.ranges_.begin(), other.ranges_.end());
}

void CodePoints::tidy() const {
  std::vector<Range> cut;
  for (const Range& range : ranges_) {
    const Range below{range.first, std::min<char32_t>(range.last, kFirstSurrogate - 1)};
    const Range above{std::max<char32_t>(range.first, kLastSurrogate + 1), range.last};
    if (below.first <= below.last) cut.push_back(below);
    if (above.first <= above.last) cut.push_back(above);
  }
  std::ranges::sort(cut, {}, &Range::first);
  ranges_.clear();
  for (const Range& range : cut) {
    if (!ranges_.empty() && range.first <= ranges_.back().last + 1) {
      ranges_.back().last = std::max(ranges_.back().last, range.last);
    } else {
      ranges_.push_back(range);
    }
  }
  tidy_count_ = ranges_.size();
}

CodePoints CodePoints::inverted() const {
  CodePoints result;
  char32_t next = 0;
  for (const Range& range : ranges()) {
    if (range.first > next) result.ranges_.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= kLast) result.ranges_.push_back({next, kLast});
  result.tidy();
  return result;
}

ExprId utf8_of(Grammar& grammar, const CodePoints& set) {
  Utf8Writer writer(grammar);
  for (const auto& range : set.ranges()) writer.add(range.first, range.last);
  return writer.finish();
}

std::optional<char32_t> next_code_point(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) -> uint32_t { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0; };
  const uint32_t lead = byte(at);
  if (at >= text.size()) return std::nullopt;
  const size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
  if (length == 0) return std::nullopt;
  char32_t c = length == 1 ? lead : lead & (0xFFu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return std::nullopt;
    c = c << 6 | (byte(at + i) & 0x3F);
  }
  const bool is_shortest = length == 1 || c > kLastOfLength[length - 2];
  if (!is_shortest || c > kLast || (c >= kFirstSurrogate && c <= kLastSurrogate)) return std::nullopt;
  at += length;
  return c;
}

void append_code_point(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
    return;
  }
  const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  constexpr uint8_t kLead[] = {0, 0xC0, 0xE0, 0xF0};
  out += static_cast<char>(kLead[more] | c >> (6 * more));
  for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | (c >> (6 * i) & 0x3F));
}

}  // namespace studio::engine::constrain
