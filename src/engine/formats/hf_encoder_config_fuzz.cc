// Any text as one of the JSON files of an encoder's folder (the first byte chooses): refused with a reason, or values
// within their limits, and keys that a reader of GGUF takes.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json_mutator.h"
#include "engine/formats/gguf.h"
#include "engine/formats/hf_encoder_config.h"

namespace {

using namespace studio;
using namespace studio::engine;

constexpr int kPlainWidth = 32, kPlainPositions = 64;

void check(bool holds) {
  if (!holds) std::abort();
}

void check_refusal(const Error& error) {
  check(!error.message().empty());
}

void describe(const HfEncoderConfig& config) {
  check(config.layers > 0 && config.hidden % config.heads == 0 && config.context_tokens <= config.positions);
  GgufWriter writer;
  config.describe(writer);
  auto bytes = writer.finish();
  check(bytes.ok());
  auto file = GgufFile::parse(*bytes);
  check(file.ok() && *file->get_u64("bert.block_count") == static_cast<uint64_t>(config.layers));
  for (const EncoderTensor& tensor : expected_encoder_tensors(config)) {
    check(!tensor.hf_name.empty() && !tensor.name.empty() && tensor.name.size() <= kMaxTensorNameBytes);
    for (const uint64_t length : tensor.shape) check(length > 0 && length < uint64_t{1} << 32);
  }
}

HfEncoderConfig plain() {
  HfEncoderConfig config;
  config.layers = config.heads = config.feed_forward = config.vocab = config.token_types = 1;
  config.hidden = kPlainWidth;
  config.positions = config.context_tokens = kPlainPositions;
  return config;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  HfEncoderConfig config = plain();
  if (data[0] % 4 == 1) {
    auto folder = config.read_modules(text);
    if (!folder.ok()) return check_refusal(folder.error()), 0;
    check(!folder->empty() && folder->find_first_of("/.\\") == std::string::npos);
  } else if (data[0] % 4 == 2) {
    auto read = config.read_pooling(text);
    if (!read.ok()) return check_refusal(read.error()), 0;
  } else if (data[0] % 4 == 3) {
    auto read = config.read_sentence_config(text);
    if (!read.ok()) return check_refusal(read.error()), 0;
  } else {
    auto parsed = HfEncoderConfig::parse(text);
    if (!parsed.ok()) return check_refusal(parsed.error()), 0;
    config = *parsed;
  }
  describe(config);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::JsonMutator>(data, size, max_size, seed, 1);
}
