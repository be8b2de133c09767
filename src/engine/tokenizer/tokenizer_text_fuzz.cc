// Any text through the splitters, the merges and back: cut without a gap, the ids of the plain definition, no control
// token out of a caller's text, and streamed text that equals the whole. The first byte chooses the pattern and the
// normal form; byte 01 ends a segment, which are the template's and the caller's in turn.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/piece_window_for_test.h"
#include "engine/tokenizer/plain_tokenizer.h"
#include "engine/tokenizer/stream_decoder.h"
#include "engine/tokenizer/tokenizer.h"

namespace {

using namespace studio::engine;

constexpr std::array<std::string_view, 4> kControls = {"<|im_start|>", "<|im_end|>", "<think>", "<|im|>"};

// The plain definition looks at all pairs again after each merge: seconds beyond this, in a build with sanitizers.
constexpr size_t kMostPlainBytes = 1024;

void check(bool holds) {
  if (!holds) std::abort();
}

// A byte in the alphabet of GPT-2.
std::string letter_of(int byte) {
  auto printable = [](int b) { return (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE; };
  int point = byte;
  if (!printable(byte)) {
    point = 0x100;
    for (int b = 0; b < byte; ++b) point += !printable(b);
  }
  if (point < 0x80) return {static_cast<char>(point)};
  return {static_cast<char>(0xC0 | point >> 6), static_cast<char>(0x80 | (point & 0x3F))};
}

struct Pair {
  std::shared_ptr<const Tokenizer> tokenizer;
  std::unique_ptr<PlainTokenizer> plain;
};

// Every byte, and words that grow by merges from the left and meet in the middle.
Pair make_pair_of(SplitPattern pattern, bool nfc) {
  std::deque<std::string> texts;  // what the views of `data` point into
  const auto keep = [&](std::string text) -> std::string_view { return texts.emplace_back(std::move(text)); };
  TokenizerData data;
  data.pattern = pattern;
  data.nfc = nfc;
  for (int byte = 0; byte < 256; ++byte) data.tokens.push_back(keep(letter_of(byte)));
  for (std::string_view word : {"aaaaaaaa", "the", "ing", " the", "\n\n", "ab", "aba", "  ", "\xc3\xa9", "\xe4\xbd\xa0",
                                "\xe4\xbd\xa0\xe5\xa5\xbd", " \xe5", "\xbd\xe4", "a\xc3"}) {
    std::string left = letter_of(static_cast<unsigned char>(word[0]));
    for (char c : word.substr(1)) {
      const std::string right = letter_of(static_cast<unsigned char>(c));
      data.merges.push_back(keep(left + " " + right));
      data.tokens.push_back(keep(left + right));
      left += right;
    }
  }
  const std::string a = letter_of('a');
  data.merges.push_back(keep(a + a + a + a + " " + a + a + a + a));
  for (std::string_view control : kControls) {
    data.added.push_back({static_cast<TokenId>(data.tokens.size()), std::string(control), control[1] == '|'});
    data.tokens.emplace_back(control);
  }
  auto made = Tokenizer::build(data);
  check(made.ok());
  return {*made, std::make_unique<PlainTokenizer>(data, **made)};
}

std::string bytes_of(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  std::string bytes;
  for (TokenId id : ids) {
    check(id >= 0 && id < tokenizer.vocab_size());
    bytes += tokenizer.token_bytes(id);
  }
  return bytes;
}

std::string streamed(std::string_view text, size_t step) {
  StreamDecoder decoder;
  std::string out;
  for (size_t at = 0; at < text.size(); at += step) out += decoder.push(text.substr(at, step));
  out += decoder.flush();
  check(!decoder.holds());
  return out;
}

void check_pieces(SplitPattern pattern, std::string_view text) {
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = next_segment(pattern, text, begin);
    check(end > begin && end <= text.size());
    const std::string_view segment = text.substr(begin, end - begin);
    for (size_t at = 0; at < segment.size();) {
      const size_t stop = next_piece(pattern, segment, at);
      check(stop > at && stop <= segment.size());
      at = stop;
    }
    begin = end;
  }
}

// By tables that know no seam.
void check_windows(std::string_view text) {
  static const std::vector<uint64_t> kPairs(seam_bits::kPairWords, ~uint64_t{0});
  static const std::vector<uint64_t> kBytes(seam_bits::kByteWords, ~uint64_t{0});
  static const Seams kNoSeams(kPairs, kBytes);
  for (const PieceWindowFn look : {piece_window_base, piece_window()}) {
    const WindowCuts cuts = window_cuts(look, text, kNoSeams);
    check(cuts.is_sound && cuts.ends == plain_cuts(text));
  }
}

std::vector<TextSegment> segments_of(std::string_view text) {
  std::vector<TextSegment> segments;
  bool is_template = true;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find('\x01'));
    segments.push_back({one, is_template});
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    is_template = !is_template;
  }
  return segments;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::array<Pair, 6> kTokenizers = {
      make_pair_of(SplitPattern::kQwen2, true),  make_pair_of(SplitPattern::kQwen2, false),
      make_pair_of(SplitPattern::kGpt2, true),   make_pair_of(SplitPattern::kGpt2, false),
      make_pair_of(SplitPattern::kSmolLm, true), make_pair_of(SplitPattern::kSmolLm, false)};
  if (size < 1) return 0;
  const size_t choice = data[0] % kTokenizers.size();
  const Tokenizer& tokenizer = *kTokenizers[choice].tokenizer;
  const bool nfc = choice % 2 == 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  check_pieces(static_cast<SplitPattern>(choice / 2), text);
  check_windows(text);

  const auto ids = tokenizer.encode(text);
  for (TokenId id : ids) check(!tokenizer.is_control(id));
  // The definition takes time by the square of a piece.
  if (text.size() <= kMostPlainBytes) check(ids == kTokenizers[choice].plain->encode(text));
  const std::string bytes = bytes_of(tokenizer, ids);
  if (!nfc) check(bytes == text);
  const std::string whole = streamed(bytes, bytes.size() + 1);
  check(tokenizer.decode(ids, false) == whole && streamed(bytes, 1) == whole && streamed(bytes, 3) == whole);

  const auto segments = segments_of(text);
  const auto mixed = tokenizer.encode(segments);
  std::string expected, run;  // all of it; the template's text since the caller's last
  bool is_spelled = false;    // a control token, by the template
  for (const TextSegment& segment : segments) {
    expected += segment.text;
    if (!segment.is_template && !segment.text.empty()) run.clear();
    if (segment.is_template) run += segment.text;
    for (std::string_view control : kControls) is_spelled |= run.find(control) != std::string::npos;
  }
  if (!nfc) check(bytes_of(tokenizer, mixed) == expected);
  bool has_control = false;
  for (TokenId id : mixed) has_control |= tokenizer.is_control(id);
  check(has_control == is_spelled);
  (void)tokenizer.decode(mixed, true);
  for (std::string_view control : kControls) check(tokenizer.is_control(tokenizer.find(control)));
  return 0;
}
