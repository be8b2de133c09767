// Any bytes as a GGUF file of an encoder: refused with a reason, or loaded, and two texts together give what each gives
// alone.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "engine/encoders/encoder.h"
#include "engine/formats/gguf.h"
#include "engine/formats/gguf_mutator.h"

namespace {

using namespace studio;
using namespace studio::engine;

void check(bool holds) {
  if (!holds) std::abort();
}

// NaN and infinities among the weights give what they give, but as many numbers.
void embed(Encoder& encoder) {
  const EncoderConfig& config = encoder.config();
  check(config.is_decoder() || config.head_dim * config.heads == config.hidden);
  check(config.context_tokens > 0 && config.vocab > 0);
  std::vector<std::vector<TokenId>> texts = {{0}, {config.vocab - 1}};
  if (config.context_tokens >= 3) texts[1] = {0, config.vocab - 1, 0};
  const auto width = static_cast<size_t>(config.width());
  auto together = encoder.embed(texts);
  check(together.ok() && together->size() == texts.size() * width);
  texts[1].assign(static_cast<size_t>(config.context_tokens) + 1, 0);
  check(!encoder.embed(texts).ok());
  texts[1] = {config.vocab};
  check(!encoder.embed(texts).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static ThreadPool pool(1);
  static const KernelSet& kernels = *available_kernels().back();
  auto file = GgufFile::parse({data, size});
  if (!file.ok()) return 0;
  auto encoder = Encoder::load(ModelSource(std::move(*file)), kernels, pool);
  if (!encoder.ok()) {
    check(!encoder.error().message().empty());
    return 0;
  }
  embed(**encoder);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::GgufMutator>(data, size, max_size, seed);
}
