#include "engine/tokenizer/unicode_classes.h"

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

const uint8_t* class_table() {
  static const std::vector<uint8_t> classes = [] {
    std::vector<uint8_t> made(kCodePoints, 0);
    auto mark = [&](auto& ranges, uint8_t bit) {
      for (const CodePointRange& range : ranges) {
        for (uint32_t c = range.first; c <= range.last; ++c) made[c] |= bit;
      }
    };
    mark(kLetterRanges, kIsLetter);
    mark(kNumberRanges, kIsNumber);
    mark(kSpaceRanges, kIsSpace);
    mark(kDigitRanges, kIsDigit);
    mark(kSteadyRanges, kIsSteady);
    return made;
  }();
  return classes.data();
}

}  // namespace studio::engine
