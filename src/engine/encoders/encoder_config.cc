#include "engine/encoders/encoder_config.h"

#include <algorithm>
#include <cmath>

#include "engine/kernels/kernel_args.h"
#include "engine/kernels/panel_matrix.h"

namespace studio::engine {
namespace {

// Bounds on what a file may claim, each far above any published encoder: they keep products within 31 bits, and
// scratch for a text within a few hundred MB.
constexpr uint64_t kMaxLayers = 256, kMaxWidth = 8192, kMaxFeedForward = 32'768, kMaxHeads = 256, kMaxContext = 8192;
constexpr size_t kMaxShorter = 64;  // lengths that a file may list
constexpr int kHeadStep = 16;       // panels of 16 rows

Result<int> bounded(const ModelSource& file, const std::string& key, uint64_t limit) {
  STUDIO_TRY(const uint64_t value, file.get_u64(key));
  if (value < 1 || value > limit) {
    return Error(Code::kCorruptData,
                 key + " is " + std::to_string(value) + "; it must lie in 1 .. " + std::to_string(limit));
  }
  return static_cast<int>(value);
}

Result<Pooling> read_pooling(const ModelSource& file) {
  STUDIO_TRY(const uint64_t kind, file.get_u64("bert.pooling_type"));
  for (const Pooling known : {Pooling::kMean, Pooling::kCls, Pooling::kLast, Pooling::kRank}) {
    if (kind == static_cast<uint64_t>(known)) return known;
  }
  return Error(Code::kUnimplemented, "bert.pooling_type = " + std::to_string(kind) +
                                         " is not supported; 1 (mean), 2 (cls), 3 (last), 4 (rank) are");
}

// The table's rows where there is one; the head of a folder has no tensors.
Result<int> read_vocabulary_size(const ModelSource& file) {
  if (file.find_tensor("token_embd.weight") == nullptr && file.has_key("bert.vocab_size")) {
    return bounded(file, "bert.vocab_size", kMaxMatrixRows);
  }
  STUDIO_TRY(const TensorInfo* words, file.get_tensor("token_embd.weight"));
  return static_cast<int>(std::min<uint64_t>(words->rows(), kMaxMatrixRows));
}

// A 0 stands for every length.
Status read_shorter(const ModelSource& file, EncoderConfig& config) {
  STUDIO_TRY(const auto listed, file.find_i32_array(kShorterKey));
  if (!listed || config.ranks()) return Ok{};
  if (listed->size() > kMaxShorter)
    return Error(Code::kCorruptData, std::string(kShorterKey) + " holds too many lengths");
  for (const int32_t length : *listed) {
    if (length < 0 || length > config.hidden) {
      return Error(Code::kCorruptData, std::string(kShorterKey) + " holds a length outside the vector's");
    }
    for (int any = length == 0 ? 1 : length; any <= (length == 0 ? config.hidden : length); ++any) {
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
  config.query_prompt = query.value_or("");
  config.document_prompt = document.value_or("");
  return Ok{};
}

}  // namespace

Result<EncoderConfig> EncoderConfig::read(const ModelSource& file) {
  STUDIO_TRY(const auto architecture, file.get_string("general.architecture"));
  if (architecture != "bert") {
    return Error(Code::kUnimplemented, "the architecture of the model is no encoder we have; bert is");
  }
  EncoderConfig config;
  STUDIO_TRY(const auto name, file.find_string("general.name"));
  config.name = std::string(name.value_or(""));
  STUDIO_TRY(config.layers, bounded(file, "bert.block_count", kMaxLayers));
  STUDIO_TRY(config.hidden, bounded(file, "bert.embedding_length", kMaxWidth));
  STUDIO_TRY(config.heads, bounded(file, "bert.attention.head_count", kMaxHeads));
  STUDIO_TRY(config.feed_forward, bounded(file, "bert.feed_forward_length", kMaxFeedForward));
  STUDIO_TRY(config.context_tokens, bounded(file, "bert.context_length", kMaxContext));
  STUDIO_TRY(config.norm_eps, file.get_f32("bert.attention.layer_norm_epsilon"));
  STUDIO_TRY(config.pooling, read_pooling(file));
  STUDIO_TRY(const auto normalises, file.find_bool(kNormalisesKey));
  config.normalises = normalises.value_or(true);
  STUDIO_TRY(const auto is_causal, file.find_bool("bert.attention.causal"));
  if (is_causal.value_or(false)) return Error(Code::kUnimplemented, "bert.attention.causal = true is not supported");
  STUDIO_TRY(config.vocab, read_vocabulary_size(file));
  STUDIO_CHECK_OK(read_shorter(file, config));
  STUDIO_CHECK_OK(read_prompts(file, config));

  if (!std::isfinite(config.norm_eps) || config.norm_eps <= 0 || config.norm_eps > 1) {
    return Error(Code::kCorruptData, "bert.attention.layer_norm_epsilon is out of range");
  }
  if (config.hidden % config.heads != 0) {
    return Error(Code::kCorruptData, "bert.embedding_length is no multiple of bert.attention.head_count");
  }
  config.head_dim = config.hidden / config.heads;
  if (config.head_dim % kHeadStep != 0 || config.head_dim > kMaxHeadDim) {
    return Error(Code::kUnimplemented, "heads of " + std::to_string(config.head_dim) +
                                           " are not supported; multiples of 16 up to " + std::to_string(kMaxHeadDim) +
                                           " are");
  }
  return config;
}

}  // namespace studio::engine
