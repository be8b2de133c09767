#include "formats.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <vector>

#include "base/file.h"
#include "base/thread_pool.h"
#include "engine/formats/gguf.h"
#include "engine/formats/gguf_writer.h"
#include "engine/formats/open_model.h"
#include "engine/formats/panel_file.h"
#include "engine/layers/panel_import.h"
#include "engine/models/model.h"
#include "engine/templates/chat_template.h"
#include "engine/tokenizer/tokenizer.h"
#include "engine/tokenizer/vocabulary_builder.h"
#include "folders.h"
#include "small_model.h"

namespace studio::hostile {
namespace {

using namespace engine;

void add_vocabulary(GgufWriter& writer) {
  const std::vector<std::string> tokens = vocabulary();
  std::vector<int32_t> types(tokens.size(), 1);
  std::fill(types.end() - static_cast<ptrdiff_t>(kControlTokens), types.end(), 3);
  const std::vector<std::string> merges = {std::string(kMergeLeft) + " " + kMergeRight};
  writer.add_string("tokenizer.ggml.model", "gpt2");
  writer.add_string("tokenizer.ggml.pre", "qwen2");
  writer.add_string_array("tokenizer.ggml.tokens", tokens);
  writer.add_i32_array("tokenizer.ggml.token_type", types);
  writer.add_string_array("tokenizer.ggml.merges", merges);
  writer.add_u32("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(tokens.size() - 1));
  writer.add_bool("tokenizer.ggml.add_bos_token", false);
  writer.add_string("tokenizer.chat_template", kTemplate);
}

// Each matrix takes the next of all types; the embedding takes F16.
Status make_gguf(const std::string& path) {
  GgufWriter writer;
  writer.add_string("general.architecture", "qwen3");
  writer.add_string("general.name", "hostile");
  writer.add_u32("qwen3.block_count", kLayers);
  writer.add_u32("qwen3.context_length", kContext);
  writer.add_u32("qwen3.embedding_length", kHidden);
  writer.add_u32("qwen3.feed_forward_length", kFeedForward);
  writer.add_u32("qwen3.attention.head_count", kHeads);
  writer.add_u32("qwen3.attention.head_count_kv", kKvHeads);
  writer.add_u32("qwen3.attention.key_length", kHeadDim);
  writer.add_u32("qwen3.attention.value_length", kHeadDim);
  writer.add_f32("qwen3.rope.freq_base", 10000);
  writer.add_f32("qwen3.attention.layer_norm_rms_epsilon", 1e-6f);
  add_vocabulary(writer);
  size_t next_type = 1;
  for (const SmallTensor& tensor : small_tensors()) {
    const uint64_t shape[] = {tensor.width, tensor.rows};
    const bool is_matrix = tensor.rows > 0;
    const DType type = is_matrix ? kDTypes[next_type++ % kDTypes.size()].type : DType::kF32;
    writer.add_tensor_f32(tensor.gguf_name, type, std::span(shape, is_matrix ? 2 : 1), tensor.values);
  }
  return writer.write(path);
}

Status make_panels(const std::string& path) {
  const std::string source_path = path + ".gguf";
  STUDIO_CHECK_OK(make_gguf(source_path));
  ThreadPool pool(1);
  {
    STUDIO_TRY(const auto source, open_model(source_path));
    ImportOptions options;
    options.source_sha256 = std::string(64, '0');
    STUDIO_TRY(const auto data, TokenizerData::from_gguf(source));
    STUDIO_TRY(const auto tables, build_tables(data, vocabulary_digest(source).value()));
    options.vocabulary.assign(tables.block().begin(), tables.block().end());
    STUDIO_CHECK_OK(import_panels(source, path, options, pool));
  }
  std::filesystem::remove(source_path);
  return Ok{};
}

Status make_folder(const std::string& path) {
  return write_folder(path, 1);
}
Status make_sharded_folder(const std::string& path) {
  return write_folder(path, 2);
}

// Two tokens through every layer.
Status step(Model& model) {
  const ModelConfig& config = model.config();
  STUDIO_TRY(auto pages, PagePool::create(model.kv_shape(), 1));
  model.use_pages(&pages);
  SequenceState sequence(&pages);
  const TokenId tokens[] = {0, config.vocab - 1};
  const size_t count = config.context_tokens >= 2 ? 2 : 1;
  if (!sequence.reserve(static_cast<int>(count))) return Error(Code::kInternal, "one page holds no two positions");
  const BatchRun runs[] = {{&sequence, std::span(tokens, count), WantLogits::kLast}};
  std::vector<float> logits(static_cast<size_t>(config.vocab));
  model.forward(runs, logits.data());
  return Ok{};
}

Status load_as_gateway(const std::string& path) {
  STUDIO_TRY(const auto head, read_model_head(path));
  STUDIO_TRY(const auto tokenizer, Tokenizer::open(head, {"", panel_vocabulary(head, path)}));
  (void)tokenizer->encode("the hedgehog\n");
  STUDIO_TRY(const auto source, head.find_string("tokenizer.chat_template"));
  if (source) STUDIO_CHECK_OK(ChatTemplate::compile(*source));
  return Ok{};
}

Status load_as_worker(const std::string& path) {
  static ThreadPool pool(1);
  STUDIO_TRY(const auto source, open_model(path));
  STUDIO_TRY(auto model, load_model(source, *available_kernels().back(), pool));
  return step(*model);
}

constexpr Format kFormats[] = {
    {"gguf", nullptr, make_gguf},
    {"panels", nullptr, make_panels},
    {"safetensors", "model.safetensors", make_folder},
    {"config", "config.json", make_folder},
    {"tokenizer", "tokenizer.json", make_folder},
    {"tokenizer_config", "tokenizer_config.json", make_folder},
    {"index", "model.safetensors.index.json", make_sharded_folder},
};

}  // namespace

std::span<const Format> formats() {
  return kFormats;
}

std::string damaged_file(const Format& format, const std::string& model) {
  return format.file == nullptr ? model : model + "/" + format.file;
}

Result<uint64_t> header_bytes(const std::string& file) {
  STUDIO_TRY(const auto bytes, read_file(file, size_t{1} << 26));
  const auto length_at = [&](size_t at) {
    uint64_t length = 0;
    std::memcpy(&length, bytes.data() + at, sizeof length);
    return length;
  };
  if (bytes.starts_with(kPanelMagic)) return kPanelPreambleBytes + length_at(16);  // docs/formats/panel_file.md
  if (file.ends_with(".safetensors")) return 8 + length_at(0);
  if (!bytes.starts_with("GGUF")) return bytes.size();
  STUDIO_TRY(const auto gguf, GgufFile::open(file));
  const auto &first = gguf.tensors().front().data, &last = gguf.tensors().back().data;
  return bytes.size() - static_cast<uint64_t>(last.data() + last.size() - first.data());
}

Status load(const std::string& model) {
  STUDIO_CHECK_OK(load_as_gateway(model));
  return load_as_worker(model);
}

}  // namespace studio::hostile
