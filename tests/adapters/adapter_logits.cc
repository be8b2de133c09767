// The engine's side of tests/adapters/show.sh.
//
//   adapter_logits widen MODEL.gguf OUT.gguf                           the model with every tensor as F32
//   adapter_logits logits MODEL ADAPTER int16|int8 TOKENS OUT          logits [T, V] f32 of the first context, adapted
#include <cstdio>
#include <string>
#include <vector>

#include "base/digest.h"
#include "engine/formats/block_codec.h"
#include "engine/formats/gguf_writer.h"
#include "engine/formats/lora_writer.h"
#include "engine/formats/open_model.h"
#include "engine/schedule/engine.h"
#include "sequence_files.h"

namespace studio {
namespace {

Status widen(const std::string& from, const std::string& to) {
  STUDIO_TRY(const auto file, engine::GgufFile::open(from));
  engine::GgufWriter writer;
  for (const engine::MetadataEntry& entry : file.metadata()) writer.add_entry(entry);
  for (const engine::TensorInfo& tensor : file.tensors()) {
    const uint64_t width = tensor.row_elements(), rows = tensor.rows();
    std::vector<float> values(width * rows);
    const size_t row_size = row_bytes(tensor.dtype, width);
    for (uint64_t row = 0; row < rows; ++row) {
      engine::decode_row(tensor.dtype, tensor.data.data() + row * row_size, values.data() + row * width, width);
    }
    writer.add_tensor_f32(tensor.name, engine::DType::kF32,
                          std::span(tensor.shape).first(static_cast<size_t>(tensor.n_dims)), values);
  }
  return writer.write(to);
}

Status write_logits(const std::string& model, const std::string& adapter, const std::string& storage_name,
                    const std::string& tokens, const std::string& to) {
  STUDIO_TRY(const auto storage, engine::lora_storage(storage_name));
  STUDIO_TRY(const auto contexts, golden::read_tokens(tokens));
  STUDIO_TRY(const auto base, engine::read_model_head(model));
  STUDIO_TRY(const auto source, engine::LoraSource::open(adapter, base));
  STUDIO_TRY(const auto bytes, engine::write_lora(source, storage));
  const std::string digest = to_hex(sha256({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  engine::EngineOptions options;
  options.model_path = model;
  options.max_sequences = 1;
  options.context_tokens = 1024;
  STUDIO_TRY(const auto engine, engine::Engine::load(options));
  STUDIO_CHECK_OK(engine->load_adapter(digest, bytes));
  FILE* out = std::fopen(to.c_str(), "wb");
  if (out == nullptr) return Error(Code::kPermissionDenied, "cannot write " + to);
  const auto vocab = static_cast<size_t>(engine->info().vocab_size);
  bool is_whole = true;
  Status done = engine->logits(
      contexts.front(), 512,
      [&](int, const float* row) { is_whole = is_whole && std::fwrite(row, sizeof(float), vocab, out) == vocab; },
      digest);
  is_whole = std::fclose(out) == 0 && is_whole;
  STUDIO_CHECK_OK(std::move(done));
  if (!is_whole) return Error(Code::kPermissionDenied, "cannot write " + to);
  return Ok{};
}

}  // namespace
}  // namespace studio

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  studio::Status done = studio::Error(studio::Code::kInvalidArgument, "see the head of adapter_logits.cc");
  if (words.size() == 3 && words[0] == "widen") done = studio::widen(words[1], words[2]);
  if (words.size() == 6 && words[0] == "logits")
    done = studio::write_logits(words[1], words[2], words[3], words[4], words[5]);
  if (done.ok()) return 0;
  std::fprintf(stderr, "adapter_logits: %s\n", done.error().message().c_str());
  return 1;
}
