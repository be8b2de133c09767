#include "engine/tokenizer/unicode_classes.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace studio::engine {
namespace {

struct CodePointRange {
  uint32_t first, last;
};

#include "engine/tokenizer/generated/unicode_classes.inc"

// The long runs of steady characters, ascending: the scripts and signs that text is made of. What is in none of them is
// left to the library; normal_form_test.cc asks it about every one that is.
constexpr CodePointRange kSteadyRanges[] = {
    {0x0, 0x2FF},     {0x388, 0x482},    {0x488, 0x590},     {0x5C8, 0x60F},     {0x671, 0x6D5},     {0x960, 0x9BB},
    {0xDE0, 0xE37},   {0x108E, 0x1160},  {0x1E00, 0x1F70},   {0x2002, 0x20CF},   {0x212C, 0x2328},   {0x232B, 0x2ADB},
    {0x2ADD, 0x2CEE}, {0x2E00, 0x3029},  {0x3030, 0x3098},   {0x309B, 0xA66E},   {0xABEE, 0xD7FF},   {0xE000, 0xF8FF},
    {0xFB4F, 0xFE1F}, {0xFE30, 0x101FC}, {0x1B000, 0x1BC9D}, {0x1E94B, 0x2F7FF}, {0x2FA1E, 0x10FFFF}};

}  // namespace

ClassTable::ClassTable() {
  // First what all of a page has, in whole pages; then the pages that are cut.
  std::array<uint8_t, kCodePoints / kPage> whole{};
  struct Cut {
    uint32_t page, first, last;
    uint8_t bit;
  };
  std::vector<Cut> cuts;
  const auto mark = [&](auto& ranges, uint8_t bit) {
    for (const CodePointRange& range : ranges) {
      for (uint32_t page = range.first / kPage; page <= range.last / kPage; ++page) {
        const uint32_t first = std::max(range.first, page * kPage), last = std::min(range.last, (page + 1) * kPage - 1);
        if (last - first + 1 == kPage) {
          whole[page] |= bit;
        } else {
          cuts.push_back({page, first % kPage, last % kPage, bit});
        }
      }
    }
  };
  mark(kLetterRanges, kIsLetter);
  mark(kNumberRanges, kIsNumber);
  mark(kSpaceRanges, kIsSpace);
  mark(kDigitRanges, kIsDigit);
  mark(kSteadyRanges, kIsSteady);

  constexpr uint16_t kNone = UINT16_MAX;
  const auto add_page = [&](uint8_t classes) {
    classes_.resize(classes_.size() + kPage, classes);
    return static_cast<uint16_t>(classes_.size() / kPage - 1);
  };
  pages_.fill(kNone);
  for (const Cut& cut : cuts) {
    uint16_t& page = pages_[cut.page];
    if (page == kNone) page = add_page(whole[cut.page]);
    for (uint32_t c = cut.first; c <= cut.last; ++c) classes_[size_t{page} * kPage + c] |= cut.bit;
  }
  std::array<uint16_t, 256> uniform;  // by what all of a page has
  uniform.fill(kNone);
  for (size_t page = 0; page < pages_.size(); ++page) {
    if (pages_[page] != kNone) continue;
    uint16_t& same = uniform[whole[page]];
    if (same == kNone) same = add_page(whole[page]);
    pages_[page] = same;
  }
}

const ClassTable& class_table() {
  static const ClassTable table;
  return table;
}

}  // namespace studio::engine
