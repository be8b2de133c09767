#include "engine/tokenizer/unigram_text.h"

#include <unicode/brkiter.h>
#include <unicode/locid.h>
#include <unicode/utext.h>

#include <algorithm>
#include <utility>

#include "engine/tokenizer/unicode_classes.h"
#include "engine/tokenizer/utf8.h"

namespace studio::engine {
namespace {

constexpr std::string_view kMark = "\u2581";
// Of a character with its accents; longer ones are looked up code point by code point. The number is the reference
// library's.
constexpr size_t kLongCluster = 6;

bool is_space_at(std::string_view text, size_t at) {
  return (char_class(decode_utf8(text, at).value) & kIsSpace) != 0;
}

// What is no UTF-8 as U+FFFD.
std::string mended(std::string_view text) {
  std::string mended;
  mended.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = decode_utf8(text, at);
    append_utf8(point.value, mended);
    at += static_cast<size_t>(point.bytes);
  }
  return mended;
}

std::string stripped(const std::string& text, const HfTextStep& rule) {
  size_t begin = 0, end = 0, at = 0;
  bool is_begun = !rule.strips_left;
  for (; at < text.size(); at += static_cast<size_t>(decode_utf8(text, at).bytes)) {
    const bool is_space = is_space_at(text, at);
    if (!is_begun && is_space) continue;
    if (!is_begun) begin = at;
    is_begun = true;
    if (!is_space) end = at + static_cast<size_t>(decode_utf8(text, at).bytes);
  }
  if (!is_begun) return {};
  if (!rule.strips_right) end = text.size();
  return end > begin ? text.substr(begin, end - begin) : std::string();
}

std::string replaced(const std::string& text, const HfTextStep& rule) {
  std::string out;
  for (size_t at = 0;;) {
    const size_t found = text.find(rule.from, at);
    out.append(text, at, found - at);
    if (found == std::string::npos) return out;
    out += rule.to;
    at = found + rule.from.size();
  }
}

std::string with_spaces_replaced(const std::string& text, const std::string& to) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && text[end] == ' ') ++end;
    if (end - at >= 2) {
      out += to;
      at = end;
    } else {
      out += text[at++];
    }
  }
  return out;
}

}  // namespace

// Where what a reader takes for one character ends (Unicode's UAX #29), by the ICU library.
class UnigramText::Clusters {
 public:
  static std::shared_ptr<const Clusters> make() {
    UErrorCode status = U_ZERO_ERROR;
    std::unique_ptr<icu::BreakIterator> rules(
        icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), status));
    if (U_FAILURE(status) != 0 || rules == nullptr) return nullptr;
    auto clusters = std::make_shared<Clusters>();
    clusters->rules_ = std::move(rules);
    return clusters;
  }

  template <typename Take>
  void for_each(std::string_view text, Take take) const {
    UErrorCode status = U_ZERO_ERROR;
    UText* const view = utext_openUTF8(nullptr, text.data(), static_cast<int64_t>(text.size()), &status);
    const std::unique_ptr<icu::BreakIterator> rules(rules_->clone());
    rules->setText(view, status);
    int32_t begin = rules->first();
    for (int32_t end = rules->next(); end != icu::BreakIterator::DONE; begin = end, end = rules->next()) {
      take(text.substr(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
    }
    utext_close(view);
  }

 private:
  std::unique_ptr<icu::BreakIterator> rules_;
};

Result<std::shared_ptr<const UnigramText>> UnigramText::make(HfUnigram& data) {
  std::shared_ptr<UnigramText> made(new UnigramText());
  for (HfTextStep& rule : data.steps) {
    Step step;
    if (rule.kind == HfTextStep::Kind::kCharacters) {
      STUDIO_TRY(step.characters, CharacterMap::read(rule.bytes));
      rule.bytes.clear();
    }
    step.rule = std::move(rule);
    made->steps_.push_back(std::move(step));
  }
  made->splits_at_space_ = data.splits_at_space;
  made->marks_beginning_ = data.marks_beginning;
  made->splits_at_mark_ = data.splits_at_mark;
  made->clusters_ = Clusters::make();
  if (!made->clusters_) return Error(Code::kInternal, "the library has no rules for where characters end");
  return std::shared_ptr<const UnigramText>(std::move(made));
}

std::string UnigramText::with_characters(const CharacterMap& map, const std::string& text) const {
  std::string out;
  out.reserve(text.size());
  clusters_->for_each(text, [&](std::string_view cluster) {
    if (cluster.size() < kLongCluster) {
      if (const auto becomes = map.find(cluster)) {
        out += *becomes;
        return;
      }
    }
    for (size_t at = 0; at < cluster.size();) {
      const auto bytes = static_cast<size_t>(decode_utf8(cluster, at).bytes);
      out += map.find(cluster.substr(at, bytes)).value_or(cluster.substr(at, bytes));
      at += bytes;
    }
  });
  return out;
}

std::string UnigramText::normalised(std::string_view given) const {
  std::string text = mended(given);
  for (const Step& step : steps_) {
    switch (step.rule.kind) {
      case HfTextStep::Kind::kCharacters:
        text = with_characters(step.characters, text);
        break;
      case HfTextStep::Kind::kStrip:
        text = stripped(text, step.rule);
        break;
      case HfTextStep::Kind::kReplace:
        text = replaced(text, step.rule);
        break;
      case HfTextStep::Kind::kReplaceSpaces:
        text = with_spaces_replaced(text, step.rule.to);
        break;
    }
  }
  return text;
}

void UnigramText::for_words(std::string_view given, const std::function<void(std::string_view)>& take) const {
  const std::string text = normalised(given);
  if (!splits_at_space_) return mark(text, take);
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const auto bytes = static_cast<size_t>(decode_utf8(text, at).bytes);
    if (is_space_at(text, at)) {
      mark(std::string_view(text).substr(begin, at - begin), take);
      begin = at + bytes;
    }
    at += bytes;
  }
  mark(std::string_view(text).substr(begin), take);
}

// Spaces become marks; the word is parted before each of them.
void UnigramText::mark(std::string_view word, const std::function<void(std::string_view)>& take) const {
  if (word.empty()) return;
  std::string marked;
  for (const char c : word) {
    if (c == ' ') {
      marked += kMark;
    } else {
      marked += c;
    }
  }
  if (marks_beginning_ && !marked.starts_with(kMark)) marked.insert(0, kMark);
  if (!splits_at_mark_) return take(marked);
  for (size_t begin = 0; begin < marked.size();) {
    const size_t end = std::min(marked.find(kMark, begin + 1), marked.size());
    take(std::string_view(marked).substr(begin, end - begin));
    begin = end;
  }
}

}  // namespace studio::engine
