#include "engine/models/dense_model.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/formats/block_codec.h"

namespace studio::engine {
namespace {

// Bounds on what a file may claim, each far above any published dense model: they keep products within 31 bits.
constexpr uint64_t kMaxLayers = 1024;
constexpr uint64_t kMaxWidth = 1 << 18;
constexpr uint64_t kMaxHeads = 1024;
constexpr uint64_t kMaxContext = 1 << 22;
// A pair is still that turns by less than one radian in so many positions: Qwen2.5's large biases lie in pairs which
// need thirty times as many and more.
constexpr float kStillPositions = 4096;

Result<int> bounded(const ModelSource& file, const std::string& key, uint64_t limit) {
  STUDIO_TRY(const uint64_t value, file.get_u64(key));
  if (value < 1 || value > limit) {
    return Error(Code::kCorruptData,
                 key + " is " + std::to_string(value) + "; it must lie in 1 .. " + std::to_string(limit));
  }
  return static_cast<int>(value);
}

Result<int> bounded_or(const ModelSource& file, const std::string& key, uint64_t limit, int otherwise) {
  if (!file.has_key(key)) return otherwise;
  return bounded(file, key, limit);
}

// A key whose meaning we do not compute must not be there with an effect.
Status refuse_scaling(const ModelSource& file, const std::string& architecture) {
  STUDIO_TRY(auto kind, file.find_string(architecture + ".rope.scaling.type"));
  if (kind.has_value() && *kind != "none") {
    return Error(Code::kUnimplemented,
                 architecture + ".rope.scaling.type = " + std::string(*kind) + " is not supported yet");
  }
  if (file.find_tensor("rope_freqs.weight") != nullptr) {
    return Error(Code::kUnimplemented, "tensor rope_freqs.weight (scaled rotary frequencies) is not supported yet");
  }
  return Ok{};
}

Error bad(const std::string& text) {
  return Error(Code::kCorruptData, text);
}

}  // namespace

Result<ModelConfig> read_dense_config(const ModelSource& file, const std::string& architecture) {
  const std::string a = architecture + ".";
  ModelConfig config;
  config.architecture = architecture;
  STUDIO_TRY(auto name, file.find_string("general.name"));
  config.name = std::string(name.value_or(""));
  STUDIO_TRY(config.layers, bounded(file, a + "block_count", kMaxLayers));
  STUDIO_TRY(config.hidden, bounded(file, a + "embedding_length", kMaxWidth));
  STUDIO_TRY(config.heads, bounded(file, a + "attention.head_count", kMaxHeads));
  STUDIO_TRY(config.kv_heads, bounded_or(file, a + "attention.head_count_kv", kMaxHeads, config.heads));
  STUDIO_TRY(config.head_dim, bounded_or(file, a + "attention.key_length", kMaxHeadDim, config.hidden / config.heads));
  STUDIO_TRY(const int value_length, bounded_or(file, a + "attention.value_length", kMaxHeadDim, config.head_dim));
  STUDIO_TRY(config.feed_forward, bounded(file, a + "feed_forward_length", kMaxWidth));
  STUDIO_TRY(config.context_tokens, bounded(file, a + "context_length", kMaxContext));
  STUDIO_TRY(config.norm_eps, file.get_f32(a + "attention.layer_norm_rms_epsilon"));
  STUDIO_TRY(auto base, file.find_f32(a + "rope.freq_base"));
  STUDIO_TRY(const int rotary, bounded_or(file, a + "rope.dimension_count", kMaxHeadDim, config.head_dim));
  STUDIO_TRY(const TensorInfo* embedding, file.get_tensor("token_embd.weight"));
  STUDIO_CHECK_OK(refuse_scaling(file, architecture));
  config.rope_base = base.value_or(10000.0f);
  config.vocab = static_cast<int>(std::min<uint64_t>(embedding->rows(), kMaxMatrixRows));

  if (static_cast<int>(embedding->row_elements()) != config.hidden)
    return bad("token_embd.weight's rows are not " + a + "embedding_length long");
  if (config.heads % config.kv_heads != 0) return bad(a + "attention.head_count is no multiple of head_count_kv");
  if (config.head_dim % 16 != 0 || config.head_dim > kMaxHeadDim) {
    return Error(Code::kUnimplemented, a + "attention.key_length is " + std::to_string(config.head_dim) +
                                           "; multiples of 16 up to " + std::to_string(kMaxHeadDim) + " are supported");
  }
  if (value_length != config.head_dim)
    return Error(Code::kUnimplemented, a + "attention.value_length differs from key_length");
  if (rotary != config.head_dim) return Error(Code::kUnimplemented, a + "rope.dimension_count differs from key_length");
  if (!std::isfinite(config.norm_eps) || config.norm_eps <= 0 || config.norm_eps > 1)
    return bad(a + "attention.layer_norm_rms_epsilon is out of range");
  if (!std::isfinite(config.rope_base) || config.rope_base < 1) return bad(a + "rope.freq_base is out of range");
  return config;
}

Result<MlpWeights> load_mlp(WeightLoader& loader, const std::string& prefix, const ModelConfig& config) {
  STUDIO_TRY(auto norm, loader.vector(prefix + "ffn_norm.weight", config.hidden));
  STUDIO_TRY(auto gate, loader.matrix(prefix + "ffn_gate.weight", config.feed_forward, config.hidden));
  STUDIO_TRY(auto up, loader.matrix(prefix + "ffn_up.weight", config.feed_forward, config.hidden));
  STUDIO_TRY(auto down, loader.matrix(prefix + "ffn_down.weight", config.hidden, config.feed_forward));
  return MlpWeights{std::move(norm), std::move(gate), std::move(up), std::move(down)};
}

DenseModel::DenseModel(const ModelSource& file, const KernelSet& kernels, ThreadPool& pool, ModelConfig config)
    : file_(file),
      kernels_(kernels),
      pool_(pool),
      config_(std::move(config)),
      loader_(file, pool),
      low_rank_(kernels, pool) {}

Status DenseModel::finish_loading() {
  STUDIO_TRY(embedding_, file_.get_tensor("token_embd.weight"));
  if (embedding_->order == TensorOrder::kPanels) {
    STUDIO_TRY(embedding_panels_,
               PanelMatrix::borrow(embedding_->dtype, config_.vocab, config_.hidden, embedding_->data));
  }
  STUDIO_TRY(output_norm_, loader_.vector("output_norm.weight", config_.hidden));
  const char* head = file_.find_tensor("output.weight") != nullptr ? "output.weight" : "token_embd.weight";
  STUDIO_TRY(head_, loader_.matrix(head, config_.vocab, config_.hidden));

  const ActivationParts parts{loader_.any_quantised(), loader_.any_float()};
  const int query_width = config_.heads * config_.head_dim, kv_width = config_.kv_heads * config_.head_dim;
  const std::pair<AlignedBuffer*, int> scratch[] = {
      {&x_, config_.hidden}, {&q_, query_width}, {&k_, kv_width}, {&v_, kv_width}, {&attention_, query_width}};
  for (const auto& [buffer, width] : scratch) {
    *buffer = AlignedBuffer(static_cast<size_t>(kMaxBatchTokens) * static_cast<size_t>(width) * sizeof(float),
                            AlignedBuffer::Use::kFromFront);
    if (buffer->data() == nullptr) return Error(Code::kUnavailable, "not enough memory for the activations of a step");
  }
  wanted_.reserve(kMaxBatchTokens);
  ActivationParts of_normed{parts.codes, parts.values, kFineTerms}, of_activated = parts;
  of_normed.may_keep_values = of_activated.may_keep_values = true;  // adapters read them
  normed_.emplace(kMaxBatchTokens, config_.hidden, of_normed);
  coarse_.emplace(kMaxBatchTokens, config_.hidden, parts);
  attended_.emplace(kMaxBatchTokens, query_width, parts);
  activated_.emplace(kMaxBatchTokens, config_.feed_forward, of_activated);
  rope_.emplace(config_.head_dim, config_.rope_base, std::span<const float>{}, config_.context_tokens);
  step_.emplace(kernels_, pool_, *rope_, config_.head_dim, !loader_.any_quantised(), kMaxBatchTokens);
  return Ok{};
}

void DenseModel::forward(std::span<const BatchRun> runs, float* logits) {
  step_runs_.clear();
  low_rank_.begin();
  int row = 0;
  for (const BatchRun& run : runs) {
    const int tokens = static_cast<int>(run.tokens.size());
    step_runs_.push_back({run.sequence, row, tokens, run.sequence->length()});
    low_rank_.add(run.adapter, tokens);
    row += tokens;
  }
  step_->begin(step_runs_);
  for (Activations* input : {&*normed_, &*activated_}) input->keep_values(!low_rank_.empty());
  rows_ = row;
  find_wanted(runs);
  embed(runs);
  for (int index = 0; index < config_.layers; ++index) layer(index, *step_);
  for (const BatchRun& run : runs) run.sequence->advance(static_cast<int>(run.tokens.size()));
  write_logits(*step_, logits);
}

void DenseModel::find_wanted(std::span<const BatchRun> runs) {
  wanted_.clear();
  for (size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].want == WantLogits::kNone) continue;
    const int last = step_runs_[i].first_row + step_runs_[i].tokens;
    for (int row = runs[i].want == WantLogits::kAll ? step_runs_[i].first_row : last - 1; row < last; ++row) {
      wanted_.push_back(row);
    }
  }
}

// The wanted rows of [N, width] move to the front.
void DenseModel::keep_wanted(AlignedBuffer& rows, size_t width) const {
  for (size_t i = 0; i < wanted_.size(); ++i) {
    const size_t from = static_cast<size_t>(wanted_[i]);
    if (from != i) std::copy_n(rows.as<float>() + from * width, width, rows.as<float>() + i * width);
  }
}

void DenseModel::embed(std::span<const BatchRun> runs) {
  const size_t width = static_cast<size_t>(config_.hidden);
  const size_t row_bytes = embedding_->data.size() / embedding_->rows();
  float* row = x_.as<float>();
  for (const BatchRun& run : runs) {
    for (TokenId id : run.tokens) {
      if (embedding_panels_) {
        embedding_panels_->decode_row(id, row);
      } else {
        decode_row(embedding_->dtype, embedding_->data.data() + static_cast<size_t>(id) * row_bytes, row, width);
      }
      row += width;
    }
  }
}

void DenseModel::norm_for_attention(int index, std::span<const float> weight, Step& step) {
  step.norm(x_.as<float>(), weight, config_.norm_eps, *normed_, step.tokens(), kFineTerms, &*coarse_);
  low_rank_.project(index, {LoraTarget::kQuery, LoraTarget::kKey, LoraTarget::kValue}, normed_->view().values,
                    config_.hidden);
}

std::vector<float> DenseModel::still_part(std::span<const float> bias) {
  const auto dim = static_cast<size_t>(config_.head_dim), half = dim / 2;
  const int32_t next_position = 1;
  std::vector<float> cos(half), sin(half), still(bias.size(), 0.0f);
  rope_->gather({&next_position, 1}, cos.data(), sin.data());
  for (size_t i = 0; i < bias.size(); ++i) {
    const size_t pair = i % dim % half;
    if (cos[pair] > 0 && sin[pair] * kStillPositions < 1) still[i] = bias[i];
  }
  return still;
}

AttentionJob DenseModel::attention_job(int index, const PanelMatrix& output, const MlpWeights& mlp, bool interleaved,
                                       const float* k_center) {
  return {.shape = {config_.heads, config_.kv_heads, config_.head_dim},
          .pages = pages_,
          .layer = index,
          .interleaved = interleaved,
          .q = q_.as<float>(),
          .k = k_.as<float>(),
          .k_center = k_center,
          .v = v_.as<float>(),
          .out = attention_.as<float>(),
          .after = {&output, &mlp.gate, &mlp.up}};
}

void DenseModel::finish_layer(int index, const PanelMatrix& output, const MlpWeights& mlp, Step& step) {
  const auto hidden = static_cast<size_t>(config_.hidden);
  const int query_width = config_.heads * config_.head_dim;
  const bool is_last = index == config_.layers - 1;
  if (is_last) {
    keep_wanted(x_, hidden);
    keep_wanted(attention_, static_cast<size_t>(query_width));
    low_rank_.keep(wanted_);
    rows_ = static_cast<int>(wanted_.size());
    if (rows_ == 0) return;
  }
  attended_->reset(rows_, query_width);
  step.quantize(attention_.as<float>(), *attended_);
  low_rank_.project(index, {LoraTarget::kOutput}, attention_.as<float>(), query_width);
  const MatmulJob job[] = {
      {&output, &*attended_, {x_.as<float>(), hidden, nullptr, true}, low_rank_.updates(LoraTarget::kOutput)}};
  step.matmul(job);
  feed_forward(index, mlp, step);
}

void DenseModel::feed_forward(int index, const MlpWeights& weights, Step& step) {
  step.norm(x_.as<float>(), weights.norm, config_.norm_eps, *normed_, rows_);
  const auto c = static_cast<size_t>(config_.hidden);
  low_rank_.project(index, {LoraTarget::kGate, LoraTarget::kUp}, normed_->view().values, config_.hidden);
  activated_->reset(rows_, config_.feed_forward);
  step.gated(weights.gate, weights.up, *normed_, *activated_, low_rank_.updates(LoraTarget::kGate),
             low_rank_.updates(LoraTarget::kUp));
  low_rank_.project(index, {LoraTarget::kDown}, activated_->view().values, config_.feed_forward);
  const MatmulJob narrow[] = {
      {&weights.down, &*activated_, {x_.as<float>(), c, nullptr, true}, low_rank_.updates(LoraTarget::kDown)}};
  step.matmul(narrow);
}

void DenseModel::write_logits(Step& step, float* logits) {
  if (rows_ == 0) return;
  const auto vocab = static_cast<size_t>(config_.vocab);
  step.norm(x_.as<float>(), output_norm_, config_.norm_eps, *normed_, rows_, kFineTerms, &*coarse_);
  const MatmulJob head[] = {{&*head_, &*coarse_, {logits, vocab, nullptr, false}}};
  step.matmul(head);
  if (is_quantised(head_->type())) step.refine(*head_, *normed_, kRefinedRange, logits, vocab);
}

}  // namespace studio::engine
