// Pre-tokenisation: cuts text into the pieces that byte-pair merging may not cross. Linear, no backtracking, no regex.
//
// kQwen2 is the pattern of Qwen2, 2.5 and 3; kGpt2 that of GPT-2; kSmolLm isolates every digit and applies kGpt2
// between them. Each follows its regex alternative by alternative; tests/tokenizer compares ids with the reference
// library. Source: the `pre_tokenizer` of the models' tokenizer.json, read 2026-11.
#pragma once

#include <cstddef>
#include <string_view>

namespace studio::engine {

enum class SplitPattern { kQwen2, kGpt2, kSmolLm };

// Some models cut twice: first into segments, each then into pieces as if it were a text of its own. kSmolLm isolates
// every digit this way; the others have one segment. End of the segment that starts at `begin` (< text.size()).
size_t next_segment(SplitPattern pattern, std::string_view text, size_t begin);

// End of the piece that starts at `begin` (< text.size()) of a segment. Text is UTF-8; a stray byte counts as a symbol.
size_t next_piece(SplitPattern pattern, std::string_view text, size_t begin);

}  // namespace studio::engine
