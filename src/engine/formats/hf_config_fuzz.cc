// Any text as config.json, tokenizer_config.json or generation_config.json (the first byte chooses): refused with a
// reason, or values within their limits, and keys that a reader of GGUF takes.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json_mutator.h"
#include "engine/formats/gguf.h"
#include "engine/formats/hf_config.h"
#include "engine/formats/hf_tensors.h"
#include "engine/formats/hf_text.h"

namespace {

using namespace studio;
using namespace studio::engine;

void check(bool holds) {
  if (!holds) std::abort();
}

void read_config(std::string_view text) {
  auto config = HfConfig::parse(text);
  if (!config.ok()) return check(!config.error().message().empty());
  check(config->layers > 0 && config->heads % config->kv_heads == 0 && config->head_dim % 2 == 0 && config->vocab > 0);
  GgufWriter writer;
  config->describe(writer);
  auto bytes = writer.finish();
  check(bytes.ok());
  auto file = GgufFile::parse(*bytes);
  check(file.ok() && *file->get_u64(config->architecture + ".block_count") == static_cast<uint64_t>(config->layers));
  check(is_passed_over("lm_head.weight", *config) == config->ties_embeddings);
  if (config->layers > 64) return;  // 10,000 names for each input would teach nothing more
  for (const ExpectedTensor& tensor : expected_tensors(*config)) {
    check(!tensor.hf_name.empty() && !tensor.name.empty() && tensor.name.size() <= kMaxTensorNameBytes);
    for (const uint64_t length : tensor.shape) check(length > 0 && length < uint64_t{1} << 32);
    check(tensor.rotary_heads == 0 || tensor.shape[0] % (2 * static_cast<uint64_t>(tensor.rotary_heads)) == 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  if (data[0] % 4 == 1) {
    auto config = HfTokenizerConfig::parse(text);
    if (!config.ok()) check(!config.error().message().empty());
  } else if (data[0] % 4 == 2) {
    auto ids = parse_generation_end_ids(text);
    if (!ids.ok()) check(!ids.error().message().empty());
    if (ids.ok()) {
      for (const int32_t id : *ids) check(id >= 0);
    }
  } else {
    read_config(text);
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::JsonMutator>(data, size, max_size, seed, 1);
}
