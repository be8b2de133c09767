#include "engine/tokenizer/mark_order.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/tokenizer/unicode_classes.h"
#include "engine/tokenizer/utf8.h"

namespace studio::engine {
namespace {

// Marks behind one another that are left to the library: more than any script writes.
constexpr size_t kMostUnordered = 64;
constexpr size_t kLeastMarkBytes = 2;

struct Mark {
  uint8_t order = 0;   // its canonical combining class
  uint32_t place = 0;  // of the same class they stay as they came
  uint32_t code_point = 0;
};

class Marks {
 public:
  explicit Marks(const icu::Normalizer2& decomposer) : decomposer_(decomposer) {}

  // What a character is made of, where that begins with a mark. False, and nothing is added, where it does not.
  bool add(uint32_t code_point) {
    const auto c = static_cast<UChar32>(code_point);
    if (code_point < 0x300 || is_younger(c)) return false;
    icu::UnicodeString parts;
    if (!decomposer_.getDecomposition(c, parts)) parts = icu::UnicodeString(c);
    if (u_getCombiningClass(parts.char32At(0)) == 0) return false;
    for (int32_t i = 0; i < parts.length(); i = parts.moveIndex32(i, 1)) {
      const UChar32 part = parts.char32At(i);
      marks_.push_back({u_getCombiningClass(part), static_cast<uint32_t>(marks_.size()), static_cast<uint32_t>(part)});
    }
    return true;
  }

  void append_ordered(std::string& out) {
    std::ranges::sort(marks_, {}, [](const Mark& mark) { return std::pair(mark.order, mark.place); });
    for (const Mark& mark : marks_) append_utf8(mark.code_point, out);
  }

 private:
  static bool is_younger(UChar32 c) {
    UVersionInfo age;
    u_charAge(c, age);
    return age[0] > 9;
  }

  const icu::Normalizer2& decomposer_;
  std::vector<Mark> marks_;
};

}  // namespace

std::string_view with_ordered_marks(std::string_view text, std::string& storage) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* decomposer = icu::Normalizer2::getNFDInstance(status);
  if (text.size() < kMostUnordered * kLeastMarkBytes || U_FAILURE(status)) return text;
  storage.clear();
  size_t done = 0;
  for (size_t at = 0; at < text.size();) {
    Marks marks(*decomposer);
    const size_t begin = at;
    size_t count = 0;
    for (; at < text.size(); ++count) {
      const CodePoint point = decode_utf8(text, at);
      if (!marks.add(point.value)) break;
      at += static_cast<size_t>(point.bytes);
    }
    if (count > kMostUnordered) {
      storage.append(text, done, begin - done);
      marks.append_ordered(storage);
      done = at;
    }
    if (at < text.size()) at += static_cast<size_t>(decode_utf8(text, at).bytes);
  }
  if (done == 0) return text;
  storage.append(text, done);
  return storage;
}

}  // namespace studio::engine
