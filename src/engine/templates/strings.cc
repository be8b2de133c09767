#include "engine/templates/strings.h"

#include <algorithm>
#include <cstring>

#include "engine/templates/unicode.h"

namespace studio::engine::jinja {
namespace {

// The first byte of the character that ends before `end`.
size_t previous_char(std::string_view text, size_t end) {
  do --end;
  while ((text[end] & 0xC0) == 0x80);
  return end;
}

std::u32string sorted_chars(std::string_view text) {
  std::u32string chars;
  for (size_t i = 0; i < text.size();) chars += next_char(text, i);
  std::sort(chars.begin(), chars.end());
  return chars;
}

// The last `needle` that ends at or before `end`. Its cost can be the product of both lengths, which is paid for.
size_t find_last(Budget& budget, std::string_view text, std::string_view needle, size_t end) {
  if (needle.size() > 64) budget.step(text.size() / kBytesPerStep * (needle.size() / 64));
  return text.substr(0, end).rfind(needle);
}

std::vector<Text> split_at_spaces(const Budget& budget, const Text& text, Int limit) {
  std::string_view all = text.view();
  std::vector<Text> parts;
  size_t i = 0;
  auto skip = [&](bool spaces) {
    while (i < all.size()) {
      size_t next = i;
      if (is_space(next_char(all, next)) != spaces) return;
      i = next;
    }
  };
  for (skip(true); i < all.size(); skip(true)) {
    size_t begin = i;
    if (limit >= 0 && static_cast<Int>(parts.size()) == limit) {
      parts.push_back(text.slice(begin, all.size() - begin));
      return parts;
    }
    skip(false);
    budget.check_items(parts.size());
    parts.push_back(text.slice(begin, i - begin));
  }
  return parts;
}

std::vector<Text> split_at_spaces_from_right(const Budget& budget, const Text& text, Int limit) {
  std::string_view all = text.view();
  std::vector<Text> parts;
  size_t end = all.size();
  auto skip = [&](bool spaces) {
    while (end > 0) {
      size_t begin = previous_char(all, end), at = begin;
      if (is_space(next_char(all, at)) != spaces) return;
      end = begin;
    }
  };
  for (skip(true); end > 0; skip(true)) {
    size_t last = end;
    if (limit >= 0 && static_cast<Int>(parts.size()) == limit) {
      parts.push_back(text.slice(0, last));
      break;
    }
    skip(false);
    budget.check_items(parts.size());
    parts.push_back(text.slice(end, last - end));
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<Text> split_at(const Budget& budget, const Text& text, std::string_view separator, Int limit) {
  std::string_view all = text.view();
  std::vector<Text> parts;
  size_t begin = 0;
  while (limit < 0 || static_cast<Int>(parts.size()) < limit) {
    size_t end = find_bytes(all, separator, begin);
    if (end == all.npos) break;
    budget.check_items(parts.size());
    parts.push_back(text.slice(begin, end - begin));
    begin = end + separator.size();
  }
  parts.push_back(text.slice(begin, all.size() - begin));
  return parts;
}

std::vector<Text> split_at_from_right(Budget& budget, const Text& text, std::string_view separator, Int limit) {
  std::string_view all = text.view();
  std::vector<Text> parts;
  size_t end = all.size();
  while (limit < 0 || static_cast<Int>(parts.size()) < limit) {
    size_t at = find_last(budget, all, separator, end);
    if (at == all.npos) break;
    budget.check_items(parts.size());
    parts.push_back(text.slice(at + separator.size(), end - at - separator.size()));
    end = at;
  }
  parts.push_back(text.slice(0, end));
  std::reverse(parts.begin(), parts.end());
  return parts;
}

}  // namespace

size_t find_bytes(std::string_view text, std::string_view needle, size_t from) {
  if (from > text.size()) return text.npos;
  if (needle.empty() || from == text.size()) return needle.empty() ? from : text.npos;
  const void* found = memmem(text.data() + from, text.size() - from, needle.data(), needle.size());  // two-way in glibc
  return found ? static_cast<size_t>(static_cast<const char*>(found) - text.data()) : text.npos;
}

Text strip(Budget& budget, const Text& text, std::optional<std::string_view> chars, Ends ends) {
  std::string_view all = text.view();
  budget.read(all.size());
  std::u32string set = chars ? sorted_chars(*chars) : std::u32string();
  auto goes = [&](char32_t c) { return chars ? std::binary_search(set.begin(), set.end(), c) : is_space(c); };
  size_t begin = 0, end = all.size();
  if (ends != Ends::kRight) {
    for (size_t next = 0; begin < end && goes(next_char(all, next)); begin = next) {
    }
  }
  while (ends != Ends::kLeft && end > begin) {
    size_t last = previous_char(all, end), at = last;
    if (!goes(next_char(all, at))) break;
    end = last;
  }
  return text.slice(begin, end - begin);
}

Text replace(Budget& budget, const Text& text, std::string_view old, const Text& by, Int count) {
  std::string_view all = text.view();
  budget.scan(all.size());
  TextBuilder builder;
  size_t copied = 0;
  auto put = [&](size_t begin, size_t end) {  // `by` in place of [begin, end)
    builder.append(text.slice(copied, begin - copied));
    bool is_place_of_template = begin < end ? text.slice(begin, end - begin).is_template() : text.is_template();
    if (is_place_of_template) {
      builder.append(by);
    } else {
      builder.append(by.view(), Origin::kData);
    }
    budget.grow_string(builder.size(), by.size());
    copied = end;
    if (count > 0) --count;
  };
  if (old.empty()) {  // before each character and at the end
    size_t i = 0;
    while (count != 0) {
      put(i, i);
      if (i == all.size()) break;
      next_char(all, i);
    }
  } else {
    for (size_t at = find_bytes(all, old); at != all.npos && count != 0; at = find_bytes(all, old, copied)) {
      put(at, at + old.size());
    }
  }
  builder.append(text.slice(copied, all.size() - copied));
  budget.make_string(builder.size());
  return builder.take();
}

std::vector<Text> split(Budget& budget, const Text& text, std::optional<std::string_view> separator, Int limit,
                        bool from_right) {
  budget.scan(text.size());
  if (separator && separator->empty()) fail("empty separator");
  std::vector<Text> parts = !separator
                                ? (from_right ? split_at_spaces_from_right : split_at_spaces)(budget, text, limit)
                            : from_right ? split_at_from_right(budget, text, *separator, limit)
                                         : split_at(budget, text, *separator, limit);
  budget.make_items(parts.size());
  return parts;
}

std::vector<Text> split_lines(Budget& budget, const Text& text, bool keep_ends) {
  std::string_view all = text.view();
  budget.scan(all.size());
  std::vector<Text> lines;
  size_t begin = 0;
  for (size_t i = 0; i < all.size();) {
    size_t end = i;
    char32_t c = next_char(all, i);
    if (!is_line_break(c)) continue;
    if (c == '\r' && i < all.size() && all[i] == '\n') ++i;
    budget.check_items(lines.size());
    lines.push_back(text.slice(begin, (keep_ends ? i : end) - begin));
    begin = i;
  }
  if (begin < all.size()) lines.push_back(text.slice(begin, all.size() - begin));
  budget.make_items(lines.size());
  return lines;
}

Text join(Budget& budget, const Text& separator, const std::vector<Text>& items, bool are_cut_from_data) {
  TextBuilder builder;
  for (size_t i = 0; i < items.size(); ++i) {
    budget.grow_string(builder.size(), separator.size() + items[i].size());
    if (i > 0 && are_cut_from_data) builder.append(separator.view(), Origin::kData);
    if (i > 0 && !are_cut_from_data) builder.append(separator);
    builder.append(items[i]);
  }
  return builder.take();
}

Text pad(Budget& budget, const Text& text, Int width, char align, std::string_view fill) {
  budget.read(text.size());
  auto size = static_cast<Int>(count_chars(text.view()));
  if (width <= size) return text;
  if (width > Int{1} << 30) fail("the width is too large");
  auto padding = static_cast<size_t>(width - size);
  budget.make_string(text.size() + padding * fill.size());
  // str.center puts the odd space left where the width is odd.
  size_t before = align == '<' ? 0 : align == '>' ? padding : padding / 2 + (padding & static_cast<size_t>(width) & 1);
  TextBuilder builder;
  for (size_t i = 0; i < before; ++i) builder.append(fill, Origin::kData);
  builder.append(text);
  for (size_t i = before; i < padding; ++i) builder.append(fill, Origin::kData);
  return builder.take();
}

}  // namespace studio::engine::jinja
