#include "engine/constrain/token_slices.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include "engine/constrain/code_points.h"

namespace studio::engine::constrain {
namespace {

// Places within a character: what UTF-8 lets follow. kStart is between two.
enum Place : uint8_t { kStart, kOneMore, kTwoMore, kThreeMore, kAfterE0, kAfterED, kAfterF0, kAfterF4, kPlaces };

struct Step {
  uint8_t first, last;
  Place next;
};

// Of the slices, between two characters.
std::span<const Step> first_steps(Slice slice) {
  static constexpr Step kOfLower[] = {{'a', 'z', kStart}};
  static constexpr Step kOfLetters[] = {{'A', 'Z', kStart}, {'a', 'z', kStart}};
  static constexpr Step kOfWord[] = {{'0', '9', kStart}, {'A', 'Z', kStart}, {'_', '_', kStart}, {'a', 'z', kStart}};
  static constexpr Step kOfSpaced[] = {{' ', ' ', kStart}, {'A', 'Z', kStart}, {'a', 'z', kStart}};
  static constexpr Step kOfPrintable[] = {{0x20, 0x21, kStart}, {0x23, 0x5B, kStart}, {0x5D, 0x7E, kStart}};
  static constexpr Step kOfText[] = {{0x20, 0x21, kStart},     {0x23, 0x5B, kStart},   {0x5D, 0x7F, kStart},
                                     {0xC2, 0xDF, kOneMore},   {0xE0, 0xE0, kAfterE0}, {0xE1, 0xEC, kTwoMore},
                                     {0xED, 0xED, kAfterED},   {0xEE, 0xEF, kTwoMore}, {0xF0, 0xF0, kAfterF0},
                                     {0xF1, 0xF3, kThreeMore}, {0xF4, 0xF4, kAfterF4}};
  switch (slice) {
    case Slice::kLower:
      return kOfLower;
    case Slice::kLetters:
      return kOfLetters;
    case Slice::kWord:
      return kOfWord;
    case Slice::kSpaced:
      return kOfSpaced;
    case Slice::kPrintable:
      return kOfPrintable;
    default:
      return kOfText;
  }
}

std::span<const Step> steps_from(Place place, Slice slice) {
  static constexpr Step kInside[kPlaces] = {{0, 0, kStart},         {0x80, 0xBF, kStart},   {0x80, 0xBF, kOneMore},
                                            {0x80, 0xBF, kTwoMore}, {0xA0, 0xBF, kOneMore}, {0x80, 0x9F, kOneMore},
                                            {0x90, 0xBF, kTwoMore}, {0x80, 0x8F, kTwoMore}};
  if (place == kStart) return first_steps(slice);
  return {&kInside[place], 1};
}

bool holds(Slice slice, char32_t c) {
  if (c >= 0x80) return slice == Slice::kText;
  return std::ranges::any_of(first_steps(slice), [c](const Step& step) { return step.first <= c && c <= step.last; });
}

// Where texts of the slice lead, those of each count of characters apart.
class Walk {
 public:
  Walk(Automaton& automaton, Slice slice) : automaton_(automaton), slice_(slice) {}

  Taken run(StateId state, int most_chars) {
    Taken taken;
    go(state, kStart, 0);
    level_ = std::exchange(next_level_, {});
    while (taken.chars < most_chars && !level_.empty()) {
      const bool goes_on = take_one(taken.chars + 1);
      if (met_dead_) {
        taken.nothing_more = !met_alive_ && !met_again_;
        return taken;
      }
      if (!goes_on) return taken;
      ++taken.chars;
      level_ = std::exchange(next_level_, {});
    }
    // Where all leads back to states that were looked at, with as many characters left or more, all may follow.
    taken.chars = most_chars;
    return taken;
  }

 private:
  // A state that was met with fewer characters before it need not be looked at again.
  struct Seen {
    StateId state = 0;
    Place place = kStart;
    int chars = -1;  // none: free
  };
  // A count of characters is a state a character and place; more tell texts apart in ways that a slice does not.
  static constexpr size_t kMaxSeen = 250, kSlots = 509, kSpread = 31;

  // One more character after each state of the level. False where too much would have to be looked at.
  bool take_one(int chars) {
    met_alive_ = false;
    for (size_t i = 0; i < level_.size(); ++i) {  // grows by what lies within the same character
      const auto [from, place] = level_[i];
      for (const auto& [first, last, next] : steps_from(place, slice_)) {
        int last_class = -1;
        for (int byte = first; byte <= last; ++byte) {
          const int byte_class = automaton_.program().class_of[static_cast<size_t>(byte)];
          if (std::exchange(last_class, byte_class) == byte_class) continue;
          go(automaton_.step(from, static_cast<uint8_t>(byte)), next, chars);
          if (met_dead_ && (met_alive_ || met_again_)) return false;
          if (seen_count_ > kMaxSeen) return false;
        }
      }
    }
    return true;
  }

  void go(StateId to, Place place, int chars) {
    if (to == Automaton::kDead) {
      met_dead_ = true;
      return;
    }
    met_alive_ = true;
    Seen* known = &seen_[(to * kPlaces + place) * kSpread % kSlots];
    while (known->chars >= 0 && (known->state != to || known->place != place)) {
      known = known + 1 == seen_.end() ? seen_.begin() : known + 1;
    }
    if (known->chars >= 0) {
      met_again_ |= known->chars < chars;
      return;
    }
    *known = {to, place, chars};
    ++seen_count_;
    (place == kStart ? next_level_ : level_).emplace_back(to, place);
  }

  Automaton& automaton_;
  Slice slice_;
  std::vector<std::pair<StateId, Place>> level_, next_level_;
  std::array<Seen, kSlots> seen_;
  size_t seen_count_ = 0;
  bool met_dead_ = false, met_alive_ = false, met_again_ = false;
};

}  // namespace

Sliced slice_of(std::string_view token) {
  Sliced sliced{.slice = Slice::kLower, .chars = 0};
  for (size_t at = 0; at < token.size(); ++sliced.chars) {
    const auto c = next_code_point(token, at);
    if (!c || !holds(Slice::kText, *c) || sliced.chars == kMaxSliceChars) return {};
  }
  for (size_t at = 0; at < token.size();) {
    const char32_t c = *next_code_point(token, at);
    // A slice that lacks an earlier character may not be gone back to, so each is tried from the start.
    if (holds(sliced.slice, c)) continue;
    sliced.slice = static_cast<Slice>(static_cast<uint8_t>(sliced.slice) + 1);
    at = 0;
  }
  if (sliced.slice == Slice::kText && sliced.chars > kMaxTextChars) return {};
  return sliced;
}

Taken take(Automaton& automaton, StateId state, Slice slice, int most_chars) {
  return Walk(automaton, slice).run(state, most_chars);
}

}  // namespace studio::engine::constrain
