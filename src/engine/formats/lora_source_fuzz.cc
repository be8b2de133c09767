// Any bytes as an adapter: refused with a reason, or factors that fit the base and can be read to their last row. The
// first byte chooses: a GGUF file; weights of PEFT behind a good configuration; a configuration before good weights.
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "base/json_mutator.h"
#include "engine/formats/gguf_mutator.h"
#include "engine/formats/lora_test_support.h"
#include "engine/formats/lora_writer.h"

namespace {

using namespace studio;
using namespace studio::engine;

void check(bool holds) {
  if (!holds) std::abort();
}

const GgufFile& base() {
  static const std::vector<uint8_t> bytes = lora_base("llama");
  static const GgufFile file = GgufFile::parse(bytes).value();
  return file;
}

void read_all(const Result<LoraSource>& source) {
  if (!source.ok()) return check(!source.error().message().empty());
  check(!source->pairs().empty());
  for (const LoraPair& pair : source->pairs()) {
    const TensorInfo* weight = base().find_tensor(pair.matrix + ".weight");
    check(weight != nullptr && pair.rank() >= 1 && pair.rank() <= kMaxLoraRank);
    check(pair.a.row_elements() == weight->row_elements() && pair.b.rows() == weight->rows());
  }
  auto bytes = write_lora(*source, LoraStorage::kInt16);
  if (!bytes.ok()) return check(!bytes.error().message().empty());
  auto again = LoraSource::parse_gguf(*bytes, base());
  check(again.ok() && again->pairs().size() == source->pairs().size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::span<const uint8_t> rest(data + 1, size - 1);
  const std::vector<uint8_t> bytes(rest.begin(), rest.end());
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  static const std::vector<uint8_t> weights = peft_weights(lora_tensors(2));
  switch (data[0] % 4) {
    case 0:
      read_all(LoraSource::parse_gguf(bytes, base()));
      break;
    case 1:
      read_all(LoraSource::parse_peft(peft_config(2, 3), bytes, base()));
      break;
    case 2:
      read_all(LoraSource::parse_peft(peft_config(2, 3), safetensors_bytes(text, 4096), base()));
      break;
    default:
      read_all(LoraSource::parse_peft(text, weights, base()));
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  if (size > 0 && data[0] % 4 == 0)
    return studio::fuzz::mutate_as<studio::fuzz::GgufMutator>(data, size, max_size, seed, 1);
  if (size > 0 && data[0] % 4 >= 2)
    return studio::fuzz::mutate_as<studio::fuzz::JsonMutator>(data, size, max_size, seed, 1);
  return LLVMFuzzerMutate(data, size, max_size);
}
