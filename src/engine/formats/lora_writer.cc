#include "engine/formats/lora_writer.h"

#include <string>

#include "engine/formats/gguf_writer.h"

namespace studio::engine {

Result<std::vector<uint8_t>> write_lora(const LoraSource& source, LoraStorage storage) {
  GgufWriter writer;
  writer.add_string("general.type", "adapter");
  writer.add_string("general.architecture", source.architecture());
  writer.add_string("adapter.type", "lora");
  writer.add_string(kLoraStorageKey, storage == LoraStorage::kInt8 ? "int8" : "int16");
  std::vector<float> scales;
  for (const LoraPair& pair : source.pairs()) {
    for (const TensorInfo* factor : {&pair.a, &pair.b}) {
      STUDIO_TRY(const auto values, lora_values(pair, *factor));
      const uint64_t shape[] = {factor->row_elements(), factor->rows()};
      writer.add_tensor_f32(pair.matrix + ".weight" + (factor == &pair.a ? ".lora_a" : ".lora_b"), DType::kF32, shape,
                            values);
    }
    scales.push_back(pair.scale);
  }
  writer.add_f32_array(kLoraScalesKey, scales);
  return writer.finish();
}

}  // namespace studio::engine
