// Vocabularies and texts from anywhere: the first byte chooses, the rest is the input.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/tokenizer/stream_decoder.h"
#include "engine/tokenizer/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace studio::engine;
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  if (data[0] % 3 == 0) {
    auto tokenizer = Tokenizer::from_json(text);
    if (tokenizer.ok()) (void)(*tokenizer)->encode_template(text);
  } else if (data[0] % 3 == 1) {
    StreamDecoder decoder;
    size_t out = decoder.push(text).size();
    out += decoder.flush().size();
    if (out > 3 * text.size()) __builtin_trap();
  } else {
    const auto pattern = static_cast<SplitPattern>(data[0] / 3 % 3);
    for (size_t at = 0; at < text.size();) {
      const size_t end = next_piece(pattern, text, at);
      if (end <= at || end > text.size()) __builtin_trap();
      at = end;
    }
  }
  return 0;
}
