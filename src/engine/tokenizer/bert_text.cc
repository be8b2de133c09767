#include "engine/tokenizer/bert_text.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <vector>

#include "engine/tokenizer/normal_form.h"
#include "engine/tokenizer/unicode_classes.h"
#include "engine/tokenizer/utf8.h"

namespace studio::engine {
namespace {

struct CodePointRange {
  uint32_t first, last;
};
struct LowerRun {
  uint32_t first, last, step;
  int32_t delta;
};

#include "engine/tokenizer/generated/bert_classes.inc"

enum BertClass : uint8_t { kIsDropped = 1, kIsBertSpace = 2, kIsChinese = 4, kIsPunctuation = 8, kIsAccent = 16 };

// The classes of all code points, or'ed, in pages; those without any share one.
class BertClasses {
 public:
  BertClasses() : classes_(kPage, 0) {
    const auto mark = [&](auto& ranges, uint8_t bit) {
      for (const CodePointRange& range : ranges) {
        for (uint32_t code = range.first; code <= range.last; ++code) {
          uint16_t& page = pages_[code / kPage];
          if (page == 0) {
            page = static_cast<uint16_t>(classes_.size() / kPage);
            classes_.resize(classes_.size() + kPage, 0);
          }
          classes_[size_t{page} * kPage + code % kPage] |= bit;
        }
      }
    };
    mark(kDroppedRanges, kIsDropped);
    mark(kBertSpaceRanges, kIsBertSpace);
    mark(kChineseRanges, kIsChinese);
    mark(kPunctuationRanges, kIsPunctuation);
    mark(kAccentRanges, kIsAccent);
  }
  uint8_t of(uint32_t code_point) const {  // below kCodePoints
    return classes_[size_t{pages_[code_point / kPage]} * kPage + code_point % kPage];
  }

 private:
  static constexpr uint32_t kPage = 256;

  std::array<uint16_t, kCodePoints / kPage> pages_{};
  std::vector<uint8_t> classes_;
};

uint8_t bert_class(uint32_t code_point) {
  static const auto classes = std::make_unique<const BertClasses>();
  return classes->of(code_point);
}

uint32_t lower(uint32_t code_point) {
  const auto* run = std::ranges::upper_bound(kLowerRuns, code_point, {}, &LowerRun::first);
  if (run == std::begin(kLowerRuns)) return code_point;
  --run;
  if (code_point > run->last || (code_point - run->first) % run->step != 0) return code_point;
  return code_point + static_cast<uint32_t>(run->delta);
}

constexpr uint32_t kDottedI = 0x130, kDotAbove = 0x307;  // the one letter that is lowered to two characters

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<uint8_t>(c) < 0x80; });
}

}  // namespace

// The characters up to the next space, or one of Chinese: what is normalised together, as nothing joins across.
bool BertWords::next_stretch() {
  stretch_.clear();
  stretch_at_ = 0;
  while (at_ < text_.size()) {
    const CodePoint point = decode_utf8(text_, at_);
    const uint8_t is = bert_class(point.value);
    const bool is_alone = rules_.sets_chinese_apart && (is & kIsChinese) != 0;
    if (is_alone && !stretch_.empty()) break;
    at_ += static_cast<size_t>(point.bytes);
    if (rules_.cleans && (is & kIsDropped) != 0) continue;
    if ((is & kIsBertSpace) != 0) {
      if (!stretch_.empty()) break;
      continue;
    }
    append_utf8(point.value, stretch_);
    if (is_alone) break;
  }
  if (stretch_.empty()) return false;
  normalise_stretch();
  return true;
}

void BertWords::normalise_stretch() {
  if (is_ascii(stretch_)) {
    if (!rules_.lowers) return;
    for (char& c : stretch_) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    return;
  }
  decomposed_ = rules_.strips_accents ? to_nfd(stretch_) : stretch_;
  stretch_.clear();
  for (size_t at = 0; at < decomposed_.size();) {
    const CodePoint point = decode_utf8(decomposed_, at);
    at += static_cast<size_t>(point.bytes);
    if (rules_.strips_accents && (bert_class(point.value) & kIsAccent) != 0) continue;
    if (!rules_.lowers) {
      append_utf8(point.value, stretch_);
    } else if (point.value == kDottedI) {
      append_utf8('i', stretch_);
      append_utf8(kDotAbove, stretch_);
    } else {
      append_utf8(lower(point.value), stretch_);
    }
  }
}

bool BertWords::next(std::string_view& word, size_t& characters) {
  while (stretch_at_ == stretch_.size()) {  // a stretch of accents alone is empty
    if (!next_stretch()) return false;
  }
  const size_t begin = stretch_at_;
  characters = 0;
  while (stretch_at_ < stretch_.size()) {
    const CodePoint point = decode_utf8(stretch_, stretch_at_);
    const bool is_alone = (bert_class(point.value) & kIsPunctuation) != 0;
    if (is_alone && characters > 0) break;
    stretch_at_ += static_cast<size_t>(point.bytes);
    ++characters;
    if (is_alone) break;
  }
  word = std::string_view(stretch_).substr(begin, stretch_at_ - begin);
  return true;
}

}  // namespace studio::engine
