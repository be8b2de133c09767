#include "engine/encoders/encoder_config.h"

#include <algorithm>
#include <cmath>

#include "engine/encoders/qwen3_prompts.h"
#include "engine/kernels/kernel_args.h"
#include "engine/kernels/panel_matrix.h"

namespace studio::engine {
namespace {

// Bounds on what a file may claim, each far above any published encoder: they keep products within 31 bits, and
// scratch for a text within a few hundred MB.
constexpr uint64_t kMaxLayers = 256, kMaxWidth = 8192, kMaxFeedForward = 32'768, kMaxHeads = 256, kMaxContext = 8192;
constexpr size_t kMaxShorter = 64;  // lengths that a file may list
constexpr int kHeadStep = 16;       // panels of 16 rows
// Of Qwen3-Embedding and Qwen3-Reranker, as their cards have it: what they were trained for. A file claims 32,768
// tokens of a text; past kMaxContext the work, which grows with their square, would keep others waiting.
constexpr int kLeastQwen3Dimensions = 32;
constexpr uint64_t kMaxClaimedContext = 1 << 22;
constexpr float kUsualRopeBase = 10'000, kMaxRopeBase = 1e30f;

Result<int> bounded(const ModelSource& file, const std::string& key, uint64_t limit) {
  STUDIO_TRY(const uint64_t value, file.get_u64(key));
  if (value < 1 || value > limit) {
    return Error(Code::kCorruptData,
                 key + " is " + std::to_string(value) + "; it must lie in 1 .. " + std::to_string(limit));
  }
  return static_cast<int>(value);
}

Result<Pooling> read_pooling(const ModelSource& file, const std::string& key) {
  STUDIO_TRY(const uint64_t kind, file.get_u64(key));
  for (const Pooling known : {Pooling::kMean, Pooling::kCls, Pooling::kLast, Pooling::kRank}) {
    if (kind == static_cast<uint64_t>(known)) return known;
  }
  return Error(Code::kUnimplemented,
               key + " = " + std::to_string(kind) + " is not supported; 1 (mean), 2 (cls), 3 (last), 4 (rank) are");
}

// The table's rows where there is one; the head of a folder has no tensors.
Result<int> read_vocabulary_size(const ModelSource& file, const std::string& key) {
  if (file.find_tensor("token_embd.weight") == nullptr && file.has_key(key)) {
    return bounded(file, key, kMaxMatrixRows);
  }
  STUDIO_TRY(const TensorInfo* words, file.get_tensor("token_embd.weight"));
  return static_cast<int>(std::min<uint64_t>(words->rows(), kMaxMatrixRows));
}

// A 0 stands for every length that the family is trained for.
Status read_shorter(const ModelSource& file, EncoderConfig& config) {
  STUDIO_TRY(auto listed, file.find_i32_array(kShorterKey));
  const bool is_family = config.is_decoder() && config.pooling == Pooling::kLast;
  if (!listed && is_family && file.format() != "safetensors") listed = {0};  // which GGUF has no word for
  if (!listed || config.ranks()) return Ok{};
  if (listed->size() > kMaxShorter)
    return Error(Code::kCorruptData, std::string(kShorterKey) + " holds too many lengths");
  const int least = std::min(config.is_decoder() ? kLeastQwen3Dimensions : 1, config.hidden);
  for (const int32_t length : *listed) {
    if (length < 0 || length > config.hidden) {
      return Error(Code::kCorruptData, std::string(kShorterKey) + " holds a length outside the vector's");
    }
    for (int any = length == 0 ? least : length; any <= (length == 0 ? config.hidden : length); ++any) {
      config.shorter.push_back(any);
    }
  }
  std::ranges::sort(config.shorter);
  const auto same = std::ranges::unique(config.shorter);
  config.shorter.erase(same.begin(), same.end());
  return Ok{};
}

Status read_prompts(const ModelSource& file, EncoderConfig& config) {
  STUDIO_TRY(const auto query, file.find_string(kQueryPromptKey));
  STUDIO_TRY(const auto document, file.find_string(kDocumentPromptKey));
  std::string_view usual;
  if (config.is_decoder()) usual = config.ranks() ? kRankInstruction : kQueryInstruction;
  config.query_prompt = query.value_or(usual);
  config.document_prompt = document.value_or("");
  return Ok{};
}

// What both architectures have, under keys that differ in their first word.
Status read_sizes(const ModelSource& file, EncoderConfig& config) {
  const std::string a = config.architecture + ".";
  STUDIO_TRY(const auto name, file.find_string("general.name"));
  config.name = std::string(name.value_or(""));
  STUDIO_TRY(config.layers, bounded(file, a + "block_count", kMaxLayers));
  STUDIO_TRY(config.hidden, bounded(file, a + "embedding_length", kMaxWidth));
  STUDIO_TRY(config.heads, bounded(file, a + "attention.head_count", kMaxHeads));
  STUDIO_TRY(config.feed_forward, bounded(file, a + "feed_forward_length", kMaxFeedForward));
  STUDIO_TRY(config.vocab, read_vocabulary_size(file, a + "vocab_size"));
  STUDIO_TRY(const auto normalises, file.find_bool(kNormalisesKey));
  config.normalises = normalises.value_or(true);
  return Ok{};
}

Status check_eps(const EncoderConfig& config, const std::string& key) {
  if (std::isfinite(config.norm_eps) && config.norm_eps > 0 && config.norm_eps <= 1) return Ok{};
  return Error(Code::kCorruptData, key + " is out of range");
}

Status read_bert(const ModelSource& file, EncoderConfig& config) {
  STUDIO_TRY(config.context_tokens, bounded(file, "bert.context_length", kMaxContext));
  STUDIO_TRY(config.norm_eps, file.get_f32("bert.attention.layer_norm_epsilon"));
  STUDIO_CHECK_OK(check_eps(config, "bert.attention.layer_norm_epsilon"));
  STUDIO_TRY(config.pooling, read_pooling(file, "bert.pooling_type"));
  STUDIO_TRY(const auto is_causal, file.find_bool("bert.attention.causal"));
  if (is_causal.value_or(false)) return Error(Code::kUnimplemented, "bert.attention.causal = true is not supported");
  if (config.hidden % config.heads != 0) {
    return Error(Code::kCorruptData, "bert.embedding_length is no multiple of bert.attention.head_count");
  }
  config.kv_heads = config.heads;
  config.head_dim = config.hidden / config.heads;
  return Ok{};
}

// A file may say that it is no encoder and be opened as one by its name: it then ranks.
Status read_qwen3(const ModelSource& file, EncoderConfig& config) {
  STUDIO_TRY(config.context_tokens, bounded(file, "qwen3.context_length", kMaxClaimedContext));
  config.context_tokens = std::min(config.context_tokens, static_cast<int>(kMaxContext));
  STUDIO_TRY(config.norm_eps, file.get_f32("qwen3.attention.layer_norm_rms_epsilon"));
  STUDIO_CHECK_OK(check_eps(config, "qwen3.attention.layer_norm_rms_epsilon"));
  config.pooling = Pooling::kRank;
  if (file.has_key("qwen3.pooling_type")) {
    STUDIO_TRY(config.pooling, read_pooling(file, "qwen3.pooling_type"));
  }
  STUDIO_TRY(config.kv_heads, bounded(file, "qwen3.attention.head_count_kv", kMaxHeads));
  STUDIO_TRY(config.head_dim, bounded(file, "qwen3.attention.key_length", kMaxHeadDim));
  STUDIO_TRY(const auto base, file.find_f32("qwen3.rope.freq_base"));
  config.rope_base = static_cast<double>(base.value_or(kUsualRopeBase));
  if (!(config.rope_base >= 1 && config.rope_base <= kMaxRopeBase)) {
    return Error(Code::kCorruptData, "qwen3.rope.freq_base is out of range");
  }
  STUDIO_TRY(const auto scaling, file.find_string("qwen3.rope.scaling.type"));
  if (scaling.value_or("none") != "none") {
    return Error(Code::kUnimplemented, "qwen3.rope.scaling.type is not supported");
  }
  STUDIO_TRY(const auto words, file.find_string("tokenizer.chat_template.rerank"));
  if (words && *words != rank_template()) {
    return Error(Code::kUnimplemented, "tokenizer.chat_template.rerank is not the one of Qwen3-Reranker's card");
  }
  if (config.heads % config.kv_heads != 0) {
    return Error(Code::kCorruptData, "qwen3.attention.head_count is no multiple of head_count_kv");
  }
  if (config.heads * config.head_dim > static_cast<int>(kMaxWidth)) {
    return Error(Code::kCorruptData, "qwen3's heads are wider than " + std::to_string(kMaxWidth) + " together");
  }
  return Ok{};
}

}  // namespace

Result<EncoderConfig> EncoderConfig::read(const ModelSource& file) {
  STUDIO_TRY(const auto architecture, file.get_string("general.architecture"));
  EncoderConfig config;
  config.architecture = std::string(architecture);
  if (architecture != "bert" && architecture != "qwen3") {
    return Error(Code::kUnimplemented, "the architecture of the model is no encoder we have; bert and qwen3 are");
  }
  STUDIO_CHECK_OK(read_sizes(file, config));
  STUDIO_CHECK_OK(config.is_decoder() ? read_qwen3(file, config) : read_bert(file, config));
  STUDIO_CHECK_OK(read_shorter(file, config));
  STUDIO_CHECK_OK(read_prompts(file, config));
  if (config.head_dim % kHeadStep != 0 || config.head_dim > kMaxHeadDim) {
    return Error(Code::kUnimplemented, "heads of " + std::to_string(config.head_dim) +
                                           " are not supported; multiples of 16 up to " + std::to_string(kMaxHeadDim) +
                                           " are");
  }
  return config;
}

}  // namespace studio::engine
