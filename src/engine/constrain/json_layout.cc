#include "engine/constrain/json_layout.h"

#include <algorithm>
#include <limits>

namespace studio::engine::constrain {
namespace {

constexpr uint8_t kLongestIndent = 8;
// A run that is longer is no habit; what is counted stops here.
constexpr uint8_t kLongestRun = std::numeric_limits<uint8_t>::max();

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
  if (depth_ == 0 && byte != '{' && byte != '[') return;
  if (is_space(byte)) return read_space(byte);
  if (unseen_depth_ == 0) learn(byte);
  read_mark(byte);
  run_ = {};
  breaks_line_ = is_odd_ = is_mixed_ = false;
}

void JsonLayout::read_space(char byte) {
  if (byte == '\n') {
    is_odd_ |= breaks_line_ || run_.count > 0;
    breaks_line_ = true;
    is_mixed_ = false;
    run_ = {};
    return;
  }
  if (run_.count == 0) run_.byte = byte;
  if (byte != run_.byte || run_.count == kLongestRun) {
    is_odd_ = is_mixed_ = true;
  } else {
    ++run_.count;
  }
}

void JsonLayout::read_mark(char byte) {
  switch (byte) {
    case '{':
    case '[':
      if (depth_ == kMostDepth) {
        ++unseen_depth_;
      } else {
        arrays_ |= uint64_t{byte == '['} << depth_++;
      }
      before_ = Before::kOpening;
      return;
    case '}':
    case ']':
      if (unseen_depth_ > 0) {
        --unseen_depth_;
      } else {
        arrays_ &= ~(uint64_t{1} << --depth_);
      }
      before_ = depth_ == 0 ? Before::kNothing : Before::kValue;
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
  return {.run = spaces_[0][kAfterColon].run};
}

void JsonLayout::learn(char next) {
  const Slot slot = slot_before(next);
  if (slot == kSlots || depth_ == 0) return;
  const Run run = is_mixed_ ? Run() : run_;
  spaces_here()[slot] = {.breaks_line = breaks_line_, .is_seen = true, .run = breaks_line_ ? Run() : run};
  const int depth = depth_ - (slot == kBeforeClosing ? 1 : 0);
  if (!breaks_line_ || is_mixed_ || depth == 0) return;
  if (run.count % depth == 0 && run.count / depth <= kLongestIndent) {
    indent_ = {run.byte, static_cast<uint8_t>(run.count / depth)};
  }
}

char JsonLayout::space_before(char next) const {
  const Slot slot = slot_before(next);
  if (slot == kSlots || depth_ == 0 || unseen_depth_ > 0 || is_odd_) return 0;
  const Space space = usual(slot);
  if (space.breaks_line && !breaks_line_) return run_.count == 0 ? '\n' : '\0';
  if (!space.breaks_line && breaks_line_) return 0;
  Run run = space.run;
  if (space.breaks_line) {
    const int depth = depth_ - (slot == kBeforeClosing ? 1 : 0);
    run = {indent_.byte, static_cast<uint8_t>(std::min<int>(indent_.count * depth, kLongestRun))};
  }
  return run_.count < run.count && (run_.count == 0 || run_.byte == run.byte) ? run.byte : '\0';
}

}  // namespace studio::engine::constrain
