// BERT: embeddings, then layers of attention and feed-forward, each added to what it read and normed after.
//
// Source: Devlin et al., 2018; names and order of operations of BertModel, XLMRobertaModel and their
// ForSequenceClassification in transformers 5.x. Left out: dropout.
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "engine/encoders/architectures.h"
#include "engine/encoders/bert_layer.h"
#include "engine/encoders/encoder.h"
#include "engine/encoders/fast_layers.h"
#include "engine/encoders/pooling.h"
#include "engine/encoders/rank_head.h"
#include "engine/encoders/text_attention.h"
#include "engine/formats/block_codec.h"
#include "engine/kernels/activations.h"
#include "engine/kernels/matmul.h"
#include "engine/layers/weights.h"

namespace studio::engine {
namespace {

// Rows of one pass, at least those of one text: at 512 the weights that stream by meet enough rows to cost little, and
// the activations of a 1,536-wide layer are 3 MB, near a core's cache.
constexpr int kStepTokens = 512;
// Rows that a thread norms or activates at a time: some tens of microseconds.
constexpr int kRowChunk = 16;
constexpr int kCodedTerms = 2;

class Bert : public Encoder {
 public:
  Bert(ModelSource source, const KernelSet& kernels, ThreadPool& pool, EncoderConfig config)
      : source_(std::move(source)),
        kernels_(kernels),
        pool_(pool),
        config_(std::move(config)),
        loader_(source_, pool),
        step_tokens_(std::max(kStepTokens, config_.context_tokens)) {}

  const EncoderConfig& config() const override { return config_; }
  int64_t weight_bytes() const override { return loader_.matrix_bytes(); }
  Result<std::vector<float>> encode(std::span<const EncoderText> texts) override;
  bool has_fast() const override { return true; }
  Result<std::vector<float>> encode_fast(std::span<const EncoderText> texts) override;

  Status load();

 private:
  Result<Linear> load_linear(const std::string& name, int rows, int k);
  Result<LayerNorm> load_norm(const std::string& name);
  Status load_embeddings();
  Status make_scratch();

  Status load_head();
  std::vector<float> encode_with(std::span<const EncoderText> texts, FastLayers* fast);
  void step(std::span<const EncoderText> texts, FastLayers* fast, float* out);
  void embed_rows(std::span<const EncoderText> texts);
  void run_layer(const BertLayer& layer);
  void norm(const LayerNorm& norm);
  void finish(Activations& x);
  template <typename Fn>
  void for_rows(Fn fn);

  ModelSource source_;
  const KernelSet& kernels_;
  ThreadPool& pool_;
  EncoderConfig config_;
  WeightLoader loader_;
  int step_tokens_;

  const TensorInfo* words_ = nullptr;  // [V, C], read where it lies
  std::vector<float> positions_;       // [context_tokens, C]
  std::vector<float> types_;           // [1 or 2, C]: of a single or first text, and of a second one
  LayerNorm embedding_norm_;
  std::vector<BertLayer> layers_;
  std::optional<RankHead> head_;  // where it ranks

  int rows_ = 0;  // N of the step
  std::vector<TextRows> text_rows_;
  std::optional<Activations> x_, attended_, activated_;  // K = C, C, F; x_ is also what each layer adds to
  AlignedBuffer qkv_;                                    // f32 [N, 3, C]
  std::optional<TextAttention> attention_;
  std::unique_ptr<FastLayers> fast_;  // from the first call on that asks for it
};

Result<Linear> Bert::load_linear(const std::string& name, int rows, int k) {
  STUDIO_TRY(auto weight, loader_.matrix(name + ".weight", rows, k));
  STUDIO_TRY(auto bias, loader_.vector(name + ".bias", rows));
  return Linear{std::move(weight), std::move(bias)};
}

Result<LayerNorm> Bert::load_norm(const std::string& name) {
  STUDIO_TRY(auto weight, loader_.vector(name + ".weight", config_.hidden));
  STUDIO_TRY(auto bias, loader_.vector(name + ".bias", config_.hidden));
  return LayerNorm{std::move(weight), std::move(bias)};
}

// The first rows of a table [rows, C] as f32.
Result<std::vector<float>> first_rows(const ModelSource& source, const char* name, int rows, int width) {
  STUDIO_TRY(const TensorInfo* table, source.get_tensor(name));
  if (table->row_elements() != static_cast<uint64_t>(width) || table->rows() < static_cast<uint64_t>(rows)) {
    return Error(Code::kCorruptData, std::string("tensor ") + name + " has not " + std::to_string(rows) + " rows of " +
                                         std::to_string(width));
  }
  if (table->order != TensorOrder::kRows) return Error(Code::kUnimplemented, "panel files of encoders are not read");
  std::vector<float> values(static_cast<size_t>(rows) * static_cast<size_t>(width));
  const size_t row_size = table->data.size() / table->rows();
  for (size_t row = 0; row < static_cast<size_t>(rows); ++row) {
    decode_row(table->dtype, table->data.data() + row * row_size, values.data() + row * static_cast<size_t>(width),
               static_cast<size_t>(width));
  }
  if (!std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) {
    return Error(Code::kCorruptData, std::string("tensor ") + name + " holds a value that is not finite");
  }
  return values;
}

Status Bert::load_embeddings() {
  STUDIO_TRY(words_, source_.get_tensor("token_embd.weight"));
  STUDIO_TRY(const auto first, first_rows(source_, "token_embd.weight", 1, config_.hidden));
  STUDIO_TRY(positions_, first_rows(source_, "position_embd.weight", config_.context_tokens, config_.hidden));
  STUDIO_TRY(const TensorInfo* types, source_.get_tensor("token_types.weight"));
  STUDIO_TRY(types_, first_rows(source_, "token_types.weight", types->rows() > 1 ? 2 : 1, config_.hidden));
  STUDIO_TRY(embedding_norm_, load_norm("token_embd_norm"));
  return Ok{};
}

Status Bert::load() {
  STUDIO_CHECK_OK(load_embeddings());
  const int width = config_.hidden, wide = config_.feed_forward;
  for (int i = 0; i < config_.layers; ++i) {
    const std::string prefix = "blk." + std::to_string(i) + ".";
    STUDIO_TRY(auto q, load_linear(prefix + "attn_q", width, width));
    STUDIO_TRY(auto k, load_linear(prefix + "attn_k", width, width));
    STUDIO_TRY(auto v, load_linear(prefix + "attn_v", width, width));
    STUDIO_TRY(auto output, load_linear(prefix + "attn_output", width, width));
    STUDIO_TRY(auto attention_norm, load_norm(prefix + "attn_output_norm"));
    STUDIO_TRY(auto up, load_linear(prefix + "ffn_up", wide, width));
    STUDIO_TRY(auto down, load_linear(prefix + "ffn_down", width, wide));
    STUDIO_TRY(auto output_norm, load_norm(prefix + "layer_output_norm"));
    layers_.push_back({std::move(q), std::move(k), std::move(v), std::move(output), std::move(attention_norm),
                       std::move(up), std::move(down), std::move(output_norm)});
  }
  if (config_.ranks()) STUDIO_CHECK_OK(load_head());
  return make_scratch();
}

Status Bert::load_head() {
  STUDIO_TRY(auto dense, first_rows(source_, "cls.weight", config_.hidden, config_.hidden));
  STUDIO_TRY(auto dense_bias, loader_.vector("cls.bias", config_.hidden));
  STUDIO_TRY(auto score, first_rows(source_, "cls.output.weight", 1, config_.hidden));
  STUDIO_TRY(const auto score_bias, loader_.vector("cls.output.bias", 1));
  head_.emplace(std::move(dense), std::move(dense_bias), std::move(score), score_bias[0]);
  return Ok{};
}

Status Bert::make_scratch() {
  const bool is_coded = loader_.any_quantised();
  if (is_coded && (config_.hidden % kActivationBlock != 0 || config_.feed_forward % kActivationBlock != 0)) {
    return Error(Code::kCorruptData, "coded weights need widths that are multiples of 32");
  }
  const ActivationParts parts{.codes = is_coded, .values = true, .max_terms = is_coded ? kCodedTerms : 1};
  x_.emplace(step_tokens_, config_.hidden, parts);
  attended_.emplace(step_tokens_, config_.hidden, parts);
  activated_.emplace(step_tokens_, config_.feed_forward, parts);
  qkv_ = AlignedBuffer(static_cast<size_t>(step_tokens_) * 3 * static_cast<size_t>(config_.hidden) * sizeof(float),
                       AlignedBuffer::Use::kFromFront);
  attention_.emplace(kernels_, pool_, config_.heads, config_.head_dim, config_.context_tokens);
  const bool has_memory = qkv_.data() != nullptr && attention_->has_memory() && x_->view().values != nullptr &&
                          attended_->view().values != nullptr && activated_->view().values != nullptr;
  if (!has_memory) return Error(Code::kUnavailable, "not enough memory for the activations of an encoder's step");
  return Ok{};
}

Result<std::vector<float>> Bert::encode(std::span<const EncoderText> texts) {
  STUDIO_CHECK_OK(check(texts));
  return encode_with(texts, nullptr);
}

Result<std::vector<float>> Bert::encode_fast(std::span<const EncoderText> texts) {
  STUDIO_CHECK_OK(check(texts));
  if (fast_ == nullptr) {
    STUDIO_TRY(fast_, FastLayers::make(layers_, config_, kernels_, pool_, step_tokens_));
  }
  return encode_with(texts, fast_.get());
}

std::vector<float> Bert::encode_with(std::span<const EncoderText> texts, FastLayers* fast) {
  const auto width = static_cast<size_t>(config_.width());
  std::vector<float> vectors(texts.size() * width);
  for (size_t begin = 0; begin < texts.size();) {
    size_t end = begin;
    for (size_t tokens = 0; end < texts.size(); ++end) {
      tokens += texts[end].ids.size();
      if (tokens > static_cast<size_t>(step_tokens_)) break;
    }
    step(texts.subspan(begin, end - begin), fast, vectors.data() + begin * width);
    begin = end;
  }
  return vectors;
}

// As many texts as fit into one pass, by `fast` unless it is null; out [texts, width()].
void Bert::step(std::span<const EncoderText> texts, FastLayers* fast, float* out) {
  text_rows_.clear();
  rows_ = 0;
  for (const auto& text : texts) {
    text_rows_.push_back({rows_, static_cast<int>(text.ids.size())});
    rows_ += static_cast<int>(text.ids.size());
  }
  const int terms = loader_.any_quantised() ? kCodedTerms : 1;
  x_->reset(rows_, config_.hidden, terms);
  attended_->reset(rows_, config_.hidden, terms);
  activated_->reset(rows_, config_.feed_forward, terms);
  embed_rows(texts);
  norm(embedding_norm_);
  if (fast != nullptr) {
    fast->run(text_rows_, rows_, x_->view().values);
  } else {
    for (const BertLayer& layer : layers_) run_layer(layer);
  }
  const auto width = static_cast<size_t>(config_.hidden);
  pool_.parallel_for(static_cast<int64_t>(texts.size()), 1, [&](int64_t begin, int64_t end, int) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      const float* const rows = x_->view().values + static_cast<size_t>(text_rows_[i].first) * width;
      if (head_) {
        out[i] = head_->score({rows, width});
      } else {
        pool_text(rows, width, text_rows_[i].tokens, config_.pooling, config_.normalises, {out + i * width, width});
      }
    }
  });
}

void Bert::embed_rows(std::span<const EncoderText> texts) {
  const auto width = static_cast<size_t>(config_.hidden);
  const size_t row_size = words_->data.size() / words_->rows();
  pool_.parallel_for(static_cast<int64_t>(texts.size()), 1, [&](int64_t begin, int64_t end, int) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      float* row = x_->view().values + static_cast<size_t>(text_rows_[i].first) * width;
      const std::vector<TokenId>& ids = texts[i].ids;
      const float* const of_second = types_.data() + (types_.size() - width);
      const bool is_pair = texts[i].second_from > 0;
      for (size_t t = 0; t < ids.size(); ++t, row += width) {
        decode_row(words_->dtype, words_->data.data() + static_cast<size_t>(ids[t]) * row_size, row, width);
        const bool is_second = is_pair && t >= static_cast<size_t>(texts[i].second_from);
        kernels_.add(row, is_second ? of_second : types_.data(), width);
        kernels_.add(row, positions_.data() + t * width, width);
      }
    }
  });
}

void Bert::run_layer(const BertLayer& layer) {
  const auto width = static_cast<size_t>(config_.hidden), wide = static_cast<size_t>(config_.feed_forward);
  float* const qkv = qkv_.as<float>();
  const auto output = [](const Linear& linear, float* out, size_t stride, bool add) {
    return MatmulOutput{.out = out, .stride = stride, .bias = linear.bias.data(), .add = add};
  };
  const MatmulJob of_input[] = {{&layer.q.weight, &*x_, output(layer.q, qkv, 3 * width, false)},
                                {&layer.k.weight, &*x_, output(layer.k, qkv + width, 3 * width, false)},
                                {&layer.v.weight, &*x_, output(layer.v, qkv + 2 * width, 3 * width, false)}};
  run_matmuls(kernels_, pool_, of_input);
  attention_->run(text_rows_, {.q = qkv, .k = qkv + width, .v = qkv + 2 * width, .stride = 3 * width},
                  attended_->view().values, width);
  finish(*attended_);
  float* const x = x_->view().values;
  const MatmulJob of_attended[] = {{&layer.output.weight, &*attended_, output(layer.output, x, width, true)}};
  run_matmuls(kernels_, pool_, of_attended);
  norm(layer.attention_norm);

  float* const activated = activated_->view().values;
  const MatmulJob of_normed[] = {{&layer.up.weight, &*x_, output(layer.up, activated, wide, false)}};
  run_matmuls(kernels_, pool_, of_normed);
  for_rows([&](int begin, int end) { kernels_.gelu(activated, wide, config_.feed_forward, begin, end); });
  finish(*activated_);
  const MatmulJob of_activated[] = {{&layer.down.weight, &*activated_, output(layer.down, x, width, true)}};
  run_matmuls(kernels_, pool_, of_activated);
  norm(layer.output_norm);
}

template <typename Fn>
void Bert::for_rows(Fn fn) {
  pool_.parallel_for(rows_, kRowChunk,
                     [&](int64_t begin, int64_t end, int) { fn(static_cast<int>(begin), static_cast<int>(end)); });
}

// x_ in place, and its codes where weights have some.
void Bert::norm(const LayerNorm& norm) {
  const auto width = static_cast<size_t>(config_.hidden);
  float* const x = x_->view().values;
  const NormInput in{
      .x = x, .stride = width, .weight = norm.weight.data(), .eps = config_.norm_eps, .k = config_.hidden};
  for_rows([&](int begin, int end) { kernels_.layer_norm(in, norm.bias.data(), x, width, begin, end); });
  finish(*x_);
}

// Codes of the values that are there, for coded weights.
void Bert::finish(Activations& x) {
  if (!x.parts().codes) return;
  for_rows([&](int begin, int end) {
    kernels_.quantize(x.view().values, static_cast<size_t>(x.k()), x.view(), begin, end, 0, x.k());
  });
}

}  // namespace

Result<std::unique_ptr<Encoder>> load_bert(ModelSource source, const KernelSet& kernels, ThreadPool& pool,
                                           EncoderConfig config) {
  auto bert = std::make_unique<Bert>(std::move(source), kernels, pool, std::move(config));
  STUDIO_CHECK_OK(bert->load());
  return std::unique_ptr<Encoder>(std::move(bert));
}

}  // namespace studio::engine
