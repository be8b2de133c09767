// What looks make of a whole text, as the tests and the fuzz target compare it.
#pragma once

#include <string_view>
#include <vector>

#include "engine/tokenizer/piece_window.h"
#include "engine/tokenizer/splitter.h"

namespace studio::engine {

struct WindowCuts {
  std::vector<size_t> ends;  // of pieces, and of their parts before seams
  size_t known = 0;          // bytes that looks know
  bool is_sound = true;      // no look goes beyond the text or answers for the one before it
};

inline WindowCuts window_cuts(PieceWindowFn look, std::string_view text, const Seams& seams) {
  WindowCuts cuts;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const PieceWindow window = look(text, at, seams);
    cuts.is_sound &= window.bytes <= text.size() - at && (window.cuts & 1) == 0;
    if (!cuts.is_sound) return cuts;
    if (window.bytes == 0) {
      cuts.ends.push_back(begin = at = next_piece(SplitPattern::kQwen2, text, at));
      continue;
    }
    for (size_t i = 0; i < kWindowBytes; ++i) {
      if ((window.cuts >> i & 1) != 0) cuts.ends.push_back(begin = at + i);
    }
    cuts.known += window.bytes;
    at += window.bytes;
    cuts.is_sound &= begin <= at;
  }
  if (begin < text.size()) cuts.ends.push_back(text.size());
  return cuts;
}

inline std::vector<size_t> plain_cuts(std::string_view text) {
  std::vector<size_t> ends;
  for (size_t at = 0; at < text.size();) ends.push_back(at = next_piece(SplitPattern::kQwen2, text, at));
  return ends;
}

}  // namespace studio::engine
