// Qwen3 as an encoder: the decoder's layers over whole texts, the vectors of their last tokens normed and kept.
//
// Source: class Qwen3Model of transformers 5.x; tests/golden/encoders holds vectors and scores of it. A pass keeps the
// queries, keys and values of all its rows; what else a layer does goes by blocks of rows, so that a text of 8,192
// tokens needs no wider scratch than many short ones.
#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "engine/encoders/architectures.h"
#include "engine/encoders/causal_attention.h"
#include "engine/encoders/pooling.h"
#include "engine/encoders/word_head.h"
#include "engine/formats/block_codec.h"
#include "engine/kernels/activations.h"
#include "engine/kernels/matmul.h"
#include "engine/kernels/rope_table.h"
#include "engine/layers/weights.h"

namespace studio::engine {
namespace {

// Rows of one pass, at least those of one text, and of a block of it: as bert.cc has them.
constexpr int kStepTokens = 512;
// Rows that a thread norms, rotates or quantises at a time; as many columns as share cache lines of codes.
constexpr int kRowChunk = 16;
constexpr int kCodedTerms = 2;

struct Layer {
  std::vector<float> attention_norm;  // [C]
  PanelMatrix q, k, v;                // [H * D, C], [K * D, C] twice
  std::vector<float> q_norm, k_norm;  // [D]
  PanelMatrix output;                 // [C, H * D]
  std::vector<float> mlp_norm;        // [C]
  PanelMatrix gate, up, down;         // [F, C] twice, [C, F]
};

class Qwen3Encoder final : public Encoder {
 public:
  Qwen3Encoder(ModelSource source, const KernelSet& kernels, ThreadPool& pool, EncoderConfig config)
      : source_(std::move(source)),
        kernels_(kernels),
        pool_(pool),
        config_(std::move(config)),
        loader_(source_, pool),
        gated_(kernels, pool, kStepTokens),
        rope_(config_.head_dim, config_.rope_base, {}, config_.context_tokens),
        step_tokens_(std::max(kStepTokens, config_.context_tokens)),
        q_width_(static_cast<size_t>(config_.heads * config_.head_dim)),
        kv_width_(static_cast<size_t>(config_.kv_heads * config_.head_dim)) {}

  const EncoderConfig& config() const override { return config_; }
  int64_t weight_bytes() const override { return loader_.matrix_bytes(); }
  Result<std::vector<float>> encode(std::span<const EncoderText> texts) override;

  Status load();

 private:
  struct Rows {  // of the pass: a block
    int first = 0, count = 0;
  };

  Status load_words();
  Result<Layer> load_layer(const std::string& prefix);
  Status make_scratch();

  void step(std::span<const EncoderText> texts, float* out);
  void place(std::span<const EncoderText> texts);
  void embed_rows(std::span<const EncoderText> texts);
  void run_layer(const Layer& layer);
  void project(const Layer& layer, Rows rows);
  void rotate(const Layer& layer);
  void finish_layer(const Layer& layer, Rows rows);
  void norm(const std::vector<float>& weight, Rows rows);
  void write(std::span<const EncoderText> texts, float* out);
  float* x(int row) { return x_.as<float>() + static_cast<size_t>(row) * static_cast<size_t>(config_.hidden); }
  size_t stride() const { return q_width_ + 2 * kv_width_; }
  int terms() const { return loader_.any_quantised() ? kCodedTerms : 1; }
  template <typename Fn>
  void for_blocks(Fn fn);
  template <typename Fn>
  void for_rows(int count, Fn fn);

  ModelSource source_;
  const KernelSet& kernels_;
  ThreadPool& pool_;
  EncoderConfig config_;
  WeightLoader loader_;
  GatedProduct gated_;
  RopeTable rope_;
  int step_tokens_;
  size_t q_width_, kv_width_;  // H * D, K * D

  const TensorInfo* words_ = nullptr;  // [V, C], read where it lies
  std::vector<Layer> layers_;
  std::vector<float> output_norm_;  // [C]
  std::optional<WordHead> head_;    // where it ranks

  int rows_ = 0;  // N of the pass
  std::vector<TextRows> text_rows_;
  std::vector<float> cos_, sin_;                                 // [longest text of the pass, D / 2]
  AlignedBuffer x_, qkv_, attended_;                             // f32 [N, C], [N, H + 2 K, D], [N, H * D]
  std::optional<Activations> normed_, attended_in_, activated_;  // of a block; K = C, H * D, F
  std::optional<CausalAttention> attention_;
};

Result<Layer> Qwen3Encoder::load_layer(const std::string& prefix) {
  const int c = config_.hidden, f = config_.feed_forward, d = config_.head_dim;
  const auto q_rows = static_cast<int>(q_width_), kv_rows = static_cast<int>(kv_width_);
  STUDIO_TRY(auto attention_norm, loader_.vector(prefix + "attn_norm.weight", c));
  STUDIO_TRY(auto q, loader_.matrix(prefix + "attn_q.weight", q_rows, c));
  STUDIO_TRY(auto k, loader_.matrix(prefix + "attn_k.weight", kv_rows, c));
  STUDIO_TRY(auto v, loader_.matrix(prefix + "attn_v.weight", kv_rows, c));
  STUDIO_TRY(auto q_norm, loader_.vector(prefix + "attn_q_norm.weight", d));
  STUDIO_TRY(auto k_norm, loader_.vector(prefix + "attn_k_norm.weight", d));
  STUDIO_TRY(auto output, loader_.matrix(prefix + "attn_output.weight", c, q_rows));
  STUDIO_TRY(auto mlp_norm, loader_.vector(prefix + "ffn_norm.weight", c));
  STUDIO_TRY(auto gate, loader_.matrix(prefix + "ffn_gate.weight", f, c));
  STUDIO_TRY(auto up, loader_.matrix(prefix + "ffn_up.weight", f, c));
  STUDIO_TRY(auto down, loader_.matrix(prefix + "ffn_down.weight", c, f));
  return Layer{std::move(attention_norm), std::move(q),      std::move(k),      std::move(v),
               std::move(q_norm),         std::move(k_norm), std::move(output), std::move(mlp_norm),
               std::move(gate),           std::move(up),     std::move(down)};
}

Status Qwen3Encoder::load_words() {
  STUDIO_TRY(words_, source_.get_tensor("token_embd.weight"));
  if (words_->row_elements() != static_cast<uint64_t>(config_.hidden)) {
    return Error(Code::kCorruptData, "token_embd.weight's rows are not qwen3.embedding_length long");
  }
  if (words_->order != TensorOrder::kRows) return Error(Code::kUnimplemented, "panel files of encoders are not read");
  if (source_.find_tensor("rope_freqs.weight") != nullptr) {
    return Error(Code::kUnimplemented, "tensor rope_freqs.weight (scaled rotary frequencies) is not supported");
  }
  return Ok{};
}

Status Qwen3Encoder::load() {
  STUDIO_CHECK_OK(load_words());
  for (int i = 0; i < config_.layers; ++i) {
    STUDIO_TRY(auto layer, load_layer("blk." + std::to_string(i) + "."));
    layers_.push_back(std::move(layer));
  }
  STUDIO_TRY(output_norm_, loader_.vector("output_norm.weight", config_.hidden));
  if (config_.ranks()) {
    STUDIO_TRY(head_, WordHead::load(source_, config_.hidden));
  }
  return make_scratch();
}

Status Qwen3Encoder::make_scratch() {
  const bool is_coded = loader_.any_quantised();
  const auto is_odd = [](size_t width) { return width % kActivationBlock != 0; };
  if (is_coded && (is_odd(static_cast<size_t>(config_.hidden)) || is_odd(static_cast<size_t>(config_.feed_forward)) ||
                   is_odd(q_width_))) {
    return Error(Code::kCorruptData, "coded weights need widths that are multiples of 32");
  }
  const ActivationParts parts{.codes = is_coded, .values = loader_.any_float(), .max_terms = terms()};
  normed_.emplace(kStepTokens, config_.hidden, parts);
  attended_in_.emplace(kStepTokens, static_cast<int>(q_width_), parts);
  activated_.emplace(kStepTokens, config_.feed_forward, parts);
  const auto buffer = [&](size_t width) {
    return AlignedBuffer(static_cast<size_t>(step_tokens_) * width * sizeof(float), AlignedBuffer::Use::kFromFront);
  };
  x_ = buffer(static_cast<size_t>(config_.hidden));
  qkv_ = buffer(stride());
  attended_ = buffer(q_width_);
  attention_.emplace(kernels_, pool_,
                     CausalShape{.heads = config_.heads,
                                 .kv_heads = config_.kv_heads,
                                 .head_dim = config_.head_dim,
                                 .max_tokens = config_.context_tokens});
  const bool has_memory =
      x_.data() != nullptr && qkv_.data() != nullptr && attended_.data() != nullptr && attention_->has_memory();
  if (!has_memory) return Error(Code::kUnavailable, "not enough memory for the activations of an encoder's step");
  return Ok{};
}

Result<std::vector<float>> Qwen3Encoder::encode(std::span<const EncoderText> texts) {
  STUDIO_CHECK_OK(check(texts));
  const auto width = static_cast<size_t>(config_.width());
  std::vector<float> vectors(texts.size() * width);
  for (size_t begin = 0; begin < texts.size();) {
    size_t end = begin;
    for (size_t tokens = 0; end < texts.size(); ++end) {
      tokens += texts[end].ids.size();
      if (end > begin && tokens > static_cast<size_t>(kStepTokens)) break;
    }
    step(texts.subspan(begin, end - begin), vectors.data() + begin * width);
    begin = end;
  }
  return vectors;
}

// As many texts as fit into one pass; out [texts, width()].
void Qwen3Encoder::step(std::span<const EncoderText> texts, float* out) {
  place(texts);
  embed_rows(texts);
  for (const Layer& layer : layers_) run_layer(layer);
  write(texts, out);
}

// Rows and angles. The angles are those of places within a text, so all texts share them.
void Qwen3Encoder::place(std::span<const EncoderText> texts) {
  text_rows_.clear();
  rows_ = 0;
  int longest = 0;
  for (const EncoderText& text : texts) {
    const auto tokens = static_cast<int>(text.ids.size());
    text_rows_.push_back({rows_, tokens});
    rows_ += tokens;
    longest = std::max(longest, tokens);
  }
  std::vector<int32_t> positions(static_cast<size_t>(longest));
  std::iota(positions.begin(), positions.end(), 0);
  const size_t angles = positions.size() * static_cast<size_t>(config_.head_dim / 2);
  cos_.resize(angles);
  sin_.resize(angles);
  rope_.gather(positions, cos_.data(), sin_.data());
}

void Qwen3Encoder::embed_rows(std::span<const EncoderText> texts) {
  const auto width = static_cast<size_t>(config_.hidden);
  const size_t row_size = words_->data.size() / words_->rows();
  pool_.parallel_for(static_cast<int64_t>(texts.size()), 1, [&](int64_t begin, int64_t end, int) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      float* row = x(text_rows_[i].first);
      for (const TokenId id : texts[i].ids) {
        decode_row(words_->dtype, words_->data.data() + static_cast<size_t>(id) * row_size, row, width);
        row += width;
      }
    }
  });
}

template <typename Fn>
void Qwen3Encoder::for_blocks(Fn fn) {
  for (int first = 0; first < rows_; first += kStepTokens) fn(Rows{first, std::min(kStepTokens, rows_ - first)});
}

template <typename Fn>
void Qwen3Encoder::for_rows(int count, Fn fn) {
  pool_.parallel_for(count, kRowChunk,
                     [&](int64_t begin, int64_t end, int) { fn(static_cast<int>(begin), static_cast<int>(end)); });
}

void Qwen3Encoder::run_layer(const Layer& layer) {
  for_blocks([&](Rows rows) { project(layer, rows); });
  rotate(layer);
  const float* const q = qkv_.as<float>();
  attention_->run(text_rows_, {.q = q, .k = q + q_width_, .v = q + q_width_ + kv_width_, .stride = stride()},
                  attended_.as<float>(), q_width_);
  for_blocks([&](Rows rows) { finish_layer(layer, rows); });
}

// x of the rows, normed, into normed_.
void Qwen3Encoder::norm(const std::vector<float>& weight, Rows rows) {
  normed_->reset(rows.count, config_.hidden, terms());
  const NormInput in{.x = x(rows.first),
                     .stride = weight.size(),
                     .weight = weight.data(),
                     .eps = config_.norm_eps,
                     .k = config_.hidden};
  for_rows(rows.count,
           [&](int begin, int end) { kernels_.rms_norm_quantize(in, normed_->view(), begin, end, 0, config_.hidden); });
}

void Qwen3Encoder::project(const Layer& layer, Rows rows) {
  norm(layer.attention_norm, rows);
  float* const q = qkv_.as<float>() + static_cast<size_t>(rows.first) * stride();
  const MatmulJob jobs[] = {{&layer.q, &*normed_, {.out = q, .stride = stride()}},
                            {&layer.k, &*normed_, {.out = q + q_width_, .stride = stride()}},
                            {&layer.v, &*normed_, {.out = q + q_width_ + kv_width_, .stride = stride()}}};
  run_matmuls(kernels_, pool_, jobs);
}

// Norms each head of queries and keys and turns it by its token's place.
void Qwen3Encoder::rotate(const Layer& layer) {
  const int dim = config_.head_dim;
  const auto turn = [&](float* head_rows, int heads, const std::vector<float>& weight, int tokens) {
    const RopeArgs args{.x = head_rows,
                        .stride = stride(),
                        .heads = heads,
                        .head_dim = dim,
                        .rotary_dim = dim,
                        .interleaved = false,
                        .cos = cos_.data(),
                        .sin = sin_.data()};
    for_rows(tokens, [&](int begin, int end) {
      for (int t = begin; t < end; ++t) {
        float* const row = head_rows + static_cast<size_t>(t) * stride();
        const NormInput in{
            .x = row, .stride = weight.size(), .weight = weight.data(), .eps = config_.norm_eps, .k = dim};
        kernels_.rms_norm(in, row, weight.size(), 0, heads);
      }
      kernels_.rope(args, begin, end);
    });
  };
  for (const TextRows& text : text_rows_) {
    float* const q = qkv_.as<float>() + static_cast<size_t>(text.first) * stride();
    turn(q, config_.heads, layer.q_norm, text.tokens);
    turn(q + q_width_, config_.kv_heads, layer.k_norm, text.tokens);
  }
}

void Qwen3Encoder::finish_layer(const Layer& layer, Rows rows) {
  const auto width = static_cast<size_t>(config_.hidden);
  const auto q_width = static_cast<int>(q_width_);
  const MatmulOutput to_x{.out = x(rows.first), .stride = width, .bias = nullptr, .add = true};
  attended_in_->reset(rows.count, q_width, terms());
  const float* const attended = attended_.as<float>() + static_cast<size_t>(rows.first) * q_width_;
  for_rows(rows.count, [&](int begin, int end) {
    kernels_.quantize(attended, q_width_, attended_in_->view(), begin, end, 0, q_width);
  });
  const MatmulJob output[] = {{&layer.output, &*attended_in_, to_x}};
  run_matmuls(kernels_, pool_, output);
  norm(layer.mlp_norm, rows);
  activated_->reset(rows.count, config_.feed_forward, terms());
  gated_.run(layer.gate, layer.up, *normed_, *activated_);
  const MatmulJob down[] = {{&layer.down, &*activated_, to_x}};
  run_matmuls(kernels_, pool_, down);
}

// The last norm of all rows that are pooled, and what they are pooled to.
void Qwen3Encoder::write(std::span<const EncoderText> texts, float* out) {
  const auto width = static_cast<size_t>(config_.hidden);
  const NormInput in{
      .x = x(0), .stride = width, .weight = output_norm_.data(), .eps = config_.norm_eps, .k = config_.hidden};
  pool_.parallel_for(static_cast<int64_t>(texts.size()), 1, [&](int64_t begin, int64_t end, int) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      const TextRows& text = text_rows_[i];
      kernels_.rms_norm(in, x(0), width, text.first, text.first + text.tokens);
      if (head_) {
        out[i] = head_->score({x(text.first + text.tokens - 1), width});
      } else {
        pool_text(x(text.first), width, text.tokens, config_.pooling, config_.normalises, {out + i * width, width});
      }
    }
  });
}

}  // namespace

Result<std::unique_ptr<Encoder>> load_qwen3_encoder(ModelSource source, const KernelSet& kernels, ThreadPool& pool,
                                                    EncoderConfig config) {
  auto encoder = std::make_unique<Qwen3Encoder>(std::move(source), kernels, pool, std::move(config));
  STUDIO_CHECK_OK(encoder->load());
  return std::unique_ptr<Encoder>(std::move(encoder));
}

}  // namespace studio::engine
