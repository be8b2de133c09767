// How an answer lays its JSON out: the white space between its parts, learnt from what it has written so far.
//
// Schemas leave it open, models keep to what they began with. So the text of a form can be guessed ahead where the
// constraint alone allows a line end, a space or none: what is guessed is drawn all the same. A guess, so any text may
// be read, JSON or not; what lies outside of objects and arrays is passed over.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
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
  // Of all that tells what it says next. Not of others, for all one may expect.
  uint64_t fingerprint() const;

 private:
  // White space is told apart by what it follows, and that by the kind of container.
  enum Slot { kAfterOpening, kAfterComma, kBeforeClosing, kAfterColon, kSlots };
  struct Space {
    bool breaks_line = false;
    std::string text;  // of a space that does not
    bool is_seen = false;
  };
  using Spaces = std::array<Space, kSlots>;
  enum class Before { kNothing, kOpening, kComma, kColon, kValue };

  void read(char byte);
  void read_mark(char byte);
  void learn(char next);
  // Where a space before `next` belongs; kSlots for where none is usual.
  Slot slot_before(char next) const;
  bool is_in_array() const { return !open_.empty() && open_.back() == '['; }
  Spaces& spaces_here() { return spaces_[is_in_array() ? 1 : 0]; }
  // The usual one of a slot: as it was, or as those seen go on.
  Space usual(Slot slot) const;
  std::string text_of(const Space& space, Slot slot) const;

  // Until the answer shows another way, that of most models: objects over lines, arrays in one.
  std::array<Spaces, 2> spaces_{Spaces{Space{.breaks_line = true, .text = {}}, Space{}, Space{}, Space{.text = " "}},
                                Spaces{}};  // [is_in_array]
  std::string indent_ = "  ";               // of one depth
  std::string open_;                        // the containers around, by their opening byte
  size_t unseen_depth_ = 0;                 // of those past kMostDepth
  Before before_ = Before::kNothing;
  std::string space_;  // since then
  bool is_in_string_ = false, is_escaped_ = false;
};

}  // namespace studio::engine::constrain
