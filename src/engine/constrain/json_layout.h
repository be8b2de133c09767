// How an answer lays its JSON out: the white space between its parts, learnt from what it has written so far.
//
// Schemas leave it open, models keep to what they began with. So the text of a form can be guessed ahead where the
// constraint alone allows a line end, a space or none: what is guessed is drawn all the same. A guess, so any text may
// be read, JSON or not; what lies outside of objects and arrays is passed over. Each answer has one and reads all of
// its bytes, and each look ahead has a copy, so it is a few words: spaces are runs of one byte, or no habit.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace studio::engine::constrain {

class JsonLayout {
 public:
  // Deeper ones are read, and nothing is guessed there.
  static constexpr size_t kMostDepth = 64;

  void read(std::string_view text) {
    for (const char byte : text) read(byte);
  }
  // The white space that usually comes now where `next` is the next byte but for white space; 0 for none, or no more.
  char space_before(char next) const;

 private:
  // White space is told apart by what it follows, and that by the kind of container.
  enum Slot : uint8_t { kAfterOpening, kAfterComma, kBeforeClosing, kAfterColon, kSlots };
  enum class Before : uint8_t { kNothing, kOpening, kComma, kColon, kValue };
  struct Run {
    char byte = 0;
    uint8_t count = 0;
  };
  struct Space {
    bool breaks_line = false;
    bool is_seen = false;
    Run run{};  // of a space that breaks no line
  };
  using Spaces = std::array<Space, kSlots>;

  void read(char byte);
  void read_space(char byte);
  void read_mark(char byte);
  void learn(char next);
  // Where a space before `next` belongs; kSlots for where none is usual.
  Slot slot_before(char next) const;
  bool is_in_array() const { return depth_ > 0 && (arrays_ >> (depth_ - 1) & 1) != 0; }
  Spaces& spaces_here() { return spaces_[is_in_array() ? 1 : 0]; }
  // The usual one of a slot: as it was, or as those seen go on.
  Space usual(Slot slot) const;

  // Until the answer shows another way, that of most models: objects over lines, arrays in one.
  std::array<Spaces, 2> spaces_{Spaces{Space{.breaks_line = true}, Space{}, Space{}, Space{.run = {' ', 1}}},
                                Spaces{}};  // [is_in_array]
  Run indent_{' ', 2};                      // of one depth
  uint64_t arrays_ = 0;                     // of the containers around, bit i of the one at depth i: it is an array
  uint8_t depth_ = 0;
  uint32_t unseen_depth_ = 0;  // of those past kMostDepth
  Before before_ = Before::kNothing;
  Run run_;  // of white space since then, and since its last line end
  bool breaks_line_ = false;
  bool is_odd_ = false;    // more than a line end, or none, and a run
  bool is_mixed_ = false;  // the last line of it is no run
  bool is_in_string_ = false, is_escaped_ = false;
};

}  // namespace studio::engine::constrain
