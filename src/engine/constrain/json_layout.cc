#include "engine/constrain/json_layout.h"

#include <functional>

#include "engine/constrain/hash.h"

namespace studio::engine::constrain {
namespace {

// White space that is longer is no habit.
constexpr size_t kLongestSpace = 256;
constexpr size_t kLongestIndent = 8;

bool is_space(char byte) {
  return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}
bool closes(char byte) {
  return byte == '}' || byte == ']';
}

}  // namespace

void JsonLayout::read(char byte) {
  if (is_in_string_) {
    if (is_escaped_) {
      is_escaped_ = false;
    } else if (byte == '\\') {
      is_escaped_ = true;
    } else if (byte == '"') {
      is_in_string_ = false;
      before_ = Before::kValue;
    }
    return;
  }
  if (open_.empty() && byte != '{' && byte != '[') return;
  if (is_space(byte)) {
    if (space_.size() < kLongestSpace) space_ += byte;
    return;
  }
  if (unseen_depth_ == 0) learn(byte);
  read_mark(byte);
  space_.clear();
}

void JsonLayout::read_mark(char byte) {
  switch (byte) {
    case '{':
    case '[':
      if (open_.size() < kMostDepth) {
        open_ += byte;
      } else {
        ++unseen_depth_;
      }
      before_ = Before::kOpening;
      return;
    case '}':
    case ']':
      if (unseen_depth_ > 0) {
        --unseen_depth_;
      } else {
        open_.pop_back();
      }
      before_ = open_.empty() ? Before::kNothing : Before::kValue;
      return;
    case ',':
      before_ = Before::kComma;
      return;
    case ':':
      before_ = Before::kColon;
      return;
    case '"':
      is_in_string_ = true;
      before_ = Before::kNothing;
      return;
    default:
      before_ = Before::kValue;  // a number or a name
  }
}

JsonLayout::Slot JsonLayout::slot_before(char next) const {
  switch (before_) {
    case Before::kOpening:
      return closes(next) ? kSlots : kAfterOpening;
    case Before::kComma:
      return kAfterComma;
    case Before::kColon:
      return kAfterColon;
    case Before::kValue:
      return closes(next) ? kBeforeClosing : kSlots;
    case Before::kNothing:
      break;
  }
  return kSlots;
}

JsonLayout::Space JsonLayout::usual(Slot slot) const {
  const Spaces& here = spaces_[is_in_array() ? 1 : 0];
  if (here[slot].is_seen || slot == kAfterOpening || slot == kAfterColon) return here[slot];
  // A container that begins in its line goes on in it, and whoever puts a space behind colons does so behind commas.
  if (slot == kBeforeClosing || here[kAfterOpening].breaks_line) return here[kAfterOpening];
  return {.text = spaces_[0][kAfterColon].text};
}

std::string JsonLayout::text_of(const Space& space, Slot slot) const {
  if (!space.breaks_line) return space.text;
  std::string text = "\n";
  for (size_t i = slot == kBeforeClosing ? 1 : 0; i < open_.size(); ++i) text += indent_;
  return text;
}

void JsonLayout::learn(char next) {
  const Slot slot = slot_before(next);
  if (slot == kSlots || open_.empty()) return;
  const size_t line_end = space_.rfind('\n');
  const bool breaks_line = line_end != std::string::npos;
  spaces_here()[slot] = {.breaks_line = breaks_line, .text = breaks_line ? std::string() : space_, .is_seen = true};
  const size_t depth = open_.size() - (slot == kBeforeClosing ? 1 : 0);
  if (!breaks_line || depth == 0) return;
  const size_t size = space_.size() - line_end - 1;
  if (size % depth == 0 && size / depth <= kLongestIndent) indent_ = space_.substr(line_end + 1, size / depth);
}

uint64_t JsonLayout::fingerprint() const {
  const std::hash<std::string_view> hash;
  uint64_t all = mix(mix(hash(open_), hash(indent_)), hash(space_));
  for (const Spaces& spaces : spaces_) {
    for (const Space& space : spaces)
      all = mix(all, hash(space.text) + (space.breaks_line ? 1 : 0) + (space.is_seen ? 2 : 0));
  }
  return mix(
      all, unseen_depth_ << 8 | static_cast<uint64_t>(before_) << 2 | (is_in_string_ ? 2 : 0) | (is_escaped_ ? 1 : 0));
}

char JsonLayout::space_before(char next) const {
  const Slot slot = slot_before(next);
  if (slot == kSlots || open_.empty() || unseen_depth_ > 0) return 0;
  const std::string text = text_of(usual(slot), slot);
  return text.size() > space_.size() && text.starts_with(space_) ? text[space_.size()] : '\0';
}

}  // namespace studio::engine::constrain
