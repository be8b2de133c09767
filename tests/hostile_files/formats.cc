#include "formats.h"

#include <vector>

#include "base/thread_pool.h"
#include "engine/formats/gguf.h"
#include "engine/formats/gguf_writer.h"
#include "engine/models/model.h"
#include "engine/templates/chat_template.h"
#include "engine/tokenizer/tokenizer.h"

namespace studio::hostile {
namespace {

using namespace engine;

constexpr uint64_t kHidden = 256, kFeedForward = 256, kHeadDim = 64, kHeads = 4, kKvHeads = 2;
constexpr const char* kTemplate =
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

// Printable ASCII, "\n" and " " in the alphabet of GPT-2, one merge, the control tokens: as short as a vocabulary can
// be, so that a sweep over the header looks at every kind of field and not at one of them ten thousand times.
void add_vocabulary(GgufWriter& writer, uint64_t& vocab) {
  std::vector<std::string> tokens = {"\xC4\x8A", "\xC4\xA0"};
  for (char c = '!'; c <= '~'; ++c) tokens.emplace_back(1, c);
  tokens.emplace_back("he");
  std::vector<int32_t> types(tokens.size(), 1);
  for (const char* control : {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}) {
    tokens.emplace_back(control);
    types.push_back(3);
  }
  vocab = tokens.size();
  const std::vector<std::string> merges = {"h e"};
  writer.add_string("tokenizer.ggml.model", "gpt2");
  writer.add_string("tokenizer.ggml.pre", "qwen2");
  writer.add_string_array("tokenizer.ggml.tokens", tokens);
  writer.add_i32_array("tokenizer.ggml.token_type", types);
  writer.add_string_array("tokenizer.ggml.merges", merges);
  writer.add_u32("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(vocab - 1));
  writer.add_bool("tokenizer.ggml.add_bos_token", false);
  writer.add_string("tokenizer.chat_template", kTemplate);
}

// Weights of a small random model; each matrix takes the next type of the list.
class Weights {
 public:
  explicit Weights(GgufWriter& writer) : writer_(writer) {}

  void matrix(const std::string& name, uint64_t rows, uint64_t k) {
    const uint64_t shape[] = {k, rows};
    writer_.add_tensor_f32(name, kDTypes[next_type_++ % kDTypes.size()].type, shape, values(rows * k, 0.04f, 0));
  }
  void vector(const std::string& name, uint64_t n) {
    const uint64_t shape[] = {n};
    writer_.add_tensor_f32(name, DType::kF32, shape, values(n, 0.1f, 1));
  }

 private:
  std::vector<float> values(uint64_t n, float spread, float middle) {
    std::vector<float> all(n);
    for (float& value : all) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      value = middle + spread * (static_cast<float>(state_ >> 40) / static_cast<float>(1 << 24) - 0.5f);
    }
    return all;
  }

  GgufWriter& writer_;
  size_t next_type_ = 1;  // the embedding takes F16
  uint64_t state_ = 7;
};

Result<uint64_t> make_gguf(const std::string& path) {
  GgufWriter writer;
  writer.add_string("general.architecture", "qwen3");
  writer.add_string("general.name", "hostile");
  writer.add_u32("qwen3.block_count", 2);
  writer.add_u32("qwen3.context_length", 256);
  writer.add_u32("qwen3.embedding_length", kHidden);
  writer.add_u32("qwen3.feed_forward_length", kFeedForward);
  writer.add_u32("qwen3.attention.head_count", kHeads);
  writer.add_u32("qwen3.attention.head_count_kv", kKvHeads);
  writer.add_u32("qwen3.attention.key_length", kHeadDim);
  writer.add_u32("qwen3.attention.value_length", kHeadDim);
  writer.add_f32("qwen3.rope.freq_base", 10000);
  writer.add_f32("qwen3.attention.layer_norm_rms_epsilon", 1e-6f);
  uint64_t vocab = 0;
  add_vocabulary(writer, vocab);

  Weights weights(writer);
  weights.matrix("token_embd.weight", vocab, kHidden);
  weights.vector("output_norm.weight", kHidden);
  for (const std::string prefix : {"blk.0.", "blk.1."}) {
    weights.vector(prefix + "attn_norm.weight", kHidden);
    weights.vector(prefix + "ffn_norm.weight", kHidden);
    weights.vector(prefix + "attn_q_norm.weight", kHeadDim);
    weights.vector(prefix + "attn_k_norm.weight", kHeadDim);
    weights.matrix(prefix + "attn_q.weight", kHeads * kHeadDim, kHidden);
    weights.matrix(prefix + "attn_k.weight", kKvHeads * kHeadDim, kHidden);
    weights.matrix(prefix + "attn_v.weight", kKvHeads * kHeadDim, kHidden);
    weights.matrix(prefix + "attn_output.weight", kHidden, kHeads * kHeadDim);
    weights.matrix(prefix + "ffn_gate.weight", kFeedForward, kHidden);
    weights.matrix(prefix + "ffn_up.weight", kFeedForward, kHidden);
    weights.matrix(prefix + "ffn_down.weight", kHidden, kFeedForward);
  }
  weights.matrix("output.weight", vocab, kHidden);
  STUDIO_CHECK_OK(writer.write(path));
  STUDIO_TRY(auto file, GgufFile::open(path));
  return file.file_bytes() -
         static_cast<uint64_t>(file.tensors().back().data.data() + file.tensors().back().data.size() -
                               file.tensors().front().data.data());
}

// Two tokens through every layer.
void step(Model& model) {
  const ModelConfig& config = model.config();
  auto pages = PagePool::create(model.kv_shape(), 1);
  if (!pages.ok()) return;
  model.use_pages(&*pages);
  SequenceState sequence(&*pages);
  const TokenId tokens[] = {0, config.vocab - 1};
  const size_t count = config.context_tokens >= 2 ? 2 : 1;
  if (!sequence.reserve(static_cast<int>(count))) return;
  const BatchRun runs[] = {{&sequence, std::span(tokens, count), WantLogits::kLast}};
  std::vector<float> logits(static_cast<size_t>(config.vocab));
  model.forward(runs, logits.data());
}

Status load_gguf(const std::string& path) {
  static ThreadPool pool(1);
  STUDIO_TRY(auto file, GgufFile::open(path));
  STUDIO_TRY(auto tokenizer, Tokenizer::from_gguf(file));
  (void)tokenizer->encode("the hedgehog\n");
  STUDIO_TRY(auto source, file.find_string("tokenizer.chat_template"));
  if (source) STUDIO_CHECK_OK(ChatTemplate::compile(*source));
  STUDIO_TRY(auto model, load_model(file, *available_kernels().back(), pool));
  step(*model);
  return Ok{};
}

constexpr Format kFormats[] = {
    {"gguf", make_gguf, load_gguf},
};

}  // namespace

std::span<const Format> formats() {
  return kFormats;
}

}  // namespace studio::hostile
