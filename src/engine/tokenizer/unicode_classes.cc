#include "engine/tokenizer/unicode_classes.h"

#include <vector>

namespace studio::engine {
namespace {

struct CodePointRange {
  uint32_t first, last;
};

#include "engine/tokenizer/generated/unicode_classes.inc"

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
    return made;
  }();
  return classes.data();
}

}  // namespace studio::engine
