#include "engine/encoders/fast_layers.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace studio::engine {
namespace {

// Rows that a thread norms or activates at a time: some tens of microseconds.
constexpr int kRowChunk = 16;
// A chunk of panels should be long against the cost of claiming it (0.1 us), short against the loop, and whole pairs.
constexpr int kChunksPerThread = 8;

AlignedBuffer floats(int rows, int width) {
  return AlignedBuffer(static_cast<size_t>(rows) * static_cast<size_t>(width) * sizeof(float),
                       AlignedBuffer::Use::kFromFront);
}

MatmulOutput into(const Linear& linear, float* out, int stride, bool add) {
  return {.out = out, .stride = static_cast<size_t>(stride), .bias = linear.bias.data(), .add = add};
}

}  // namespace

FastLayers::FastLayers(std::span<const BertLayer> layers, const EncoderConfig& config, const KernelSet& kernels,
                       ThreadPool& pool, int max_rows)
    : layers_(layers),
      config_(config),
      kernels_(kernels),
      int16_(int16_kernels(kernels.isa)),
      pool_(pool),
      scale_(static_cast<float>(1 / std::sqrt(static_cast<double>(config.head_dim)))),
      x_(max_rows, config.hidden),
      attended_codes_(max_rows, config.hidden),
      activated_codes_(max_rows, config.feed_forward),
      qkv_(floats(max_rows, 3 * config.hidden)),
      attended_(floats(max_rows, config.hidden)),
      activated_(floats(max_rows, config.feed_forward)) {
  for (int i = 0; i < pool.threads(); ++i) scratch_.emplace_back(config.context_tokens, config.head_dim);
}

bool FastLayers::has_memory() const {
  return x_.has_memory() && attended_codes_.has_memory() && activated_codes_.has_memory() && qkv_.data() != nullptr &&
         attended_.data() != nullptr && activated_.data() != nullptr &&
         std::ranges::all_of(scratch_, &Int16ScratchMemory::has_memory);
}

Status FastLayers::add_panels(const BertLayer& layer) {
  STUDIO_TRY(auto q, Int16Panels::build(layer.q.weight, pool_));
  STUDIO_TRY(auto k, Int16Panels::build(layer.k.weight, pool_));
  STUDIO_TRY(auto v, Int16Panels::build(layer.v.weight, pool_));
  STUDIO_TRY(auto output, Int16Panels::build(layer.output.weight, pool_));
  STUDIO_TRY(auto up, Int16Panels::build(layer.up.weight, pool_));
  STUDIO_TRY(auto down, Int16Panels::build(layer.down.weight, pool_));
  panels_.push_back({std::move(q), std::move(k), std::move(v), std::move(output), std::move(up), std::move(down)});
  return Ok{};
}

Result<std::unique_ptr<FastLayers>> FastLayers::make(std::span<const BertLayer> layers, const EncoderConfig& config,
                                                     const KernelSet& kernels, ThreadPool& pool, int max_rows) {
  std::unique_ptr<FastLayers> fast(new FastLayers(layers, config, kernels, pool, max_rows));
  if (!fast->has_memory())
    return Error(Code::kUnavailable, "not enough memory for the activations of an encoder's step");
  for (const BertLayer& layer : layers) STUDIO_CHECK_OK(fast->add_panels(layer));
  return fast;
}

void FastLayers::run(std::span<const TextRows> texts, int rows, float* x) {
  rows_ = rows;
  for (Int16Inputs* input : {&x_, &attended_codes_, &activated_codes_}) input->reset(rows);
  const auto width = static_cast<size_t>(config_.hidden);
  for_rows([&](int begin, int end) { int16_.quantize(x, width, x_.view(), begin, end); });
  for (size_t i = 0; i < layers_.size(); ++i) run_layer(layers_[i], panels_[i], texts, x);
}

void FastLayers::run_layer(const BertLayer& layer, const Panels& panels, std::span<const TextRows> texts, float* x) {
  const int width = config_.hidden, wide = config_.feed_forward;
  float* const qkv = qkv_.as<float>();
  const Product of_input[] = {{&panels.q, into(layer.q, qkv, 3 * width, false)},
                              {&panels.k, into(layer.k, qkv + width, 3 * width, false)},
                              {&panels.v, into(layer.v, qkv + 2 * static_cast<size_t>(width), 3 * width, false)}};
  multiply(of_input, x_);
  float* const attended = attended_.as<float>();
  attend(texts, qkv, attended);
  for_rows([&](int begin, int end) {
    int16_.quantize(attended, static_cast<size_t>(width), attended_codes_.view(), begin, end);
  });
  const Product of_attended[] = {{&panels.output, into(layer.output, x, width, true)}};
  multiply(of_attended, attended_codes_);
  norm(layer.attention_norm, x);

  float* const activated = activated_.as<float>();
  const Product of_normed[] = {{&panels.up, into(layer.up, activated, wide, false)}};
  multiply(of_normed, x_);
  for_rows([&](int begin, int end) {
    for (int row = begin; row < end; ++row) {  // one by one: its values are near still when its codes are made
      kernels_.gelu(activated, static_cast<size_t>(wide), wide, row, row + 1);
      int16_.quantize(activated, static_cast<size_t>(wide), activated_codes_.view(), row, row + 1);
    }
  });
  const Product of_activated[] = {{&panels.down, into(layer.down, x, width, true)}};
  multiply(of_activated, activated_codes_);
  norm(layer.output_norm, x);
}

// All panels of all products in one loop, numbered through.
void FastLayers::multiply(std::span<const Product> products, const Int16Inputs& input) {
  int64_t panels = 0;
  for (const Product& product : products) panels += product.weights->panels();
  const int64_t chunk = std::max<int64_t>(1, panels / (2 * kChunksPerThread * pool_.threads())) * 2;
  pool_.parallel_for(panels, chunk, [&](int64_t begin, int64_t end, int) {
    int64_t first = 0;
    for (const Product& product : products) {
      const int64_t last = first + product.weights->panels();
      const int64_t from = std::max(begin, first), to = std::min(end, last);
      if (from < to) {
        int16_.matmul(product.weights->view(), input.view(), product.output, static_cast<int>(from - first),
                      static_cast<int>(to - first));
      }
      first = last;
    }
  });
}

void FastLayers::attend(std::span<const TextRows> texts, const float* qkv, float* out) {
  const auto width = static_cast<size_t>(config_.hidden), dim = static_cast<size_t>(config_.head_dim);
  const int64_t heads = config_.heads;
  pool_.parallel_for(static_cast<int64_t>(texts.size()) * heads, 1, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t i = begin; i < end; ++i) {
      const TextRows& text = texts[static_cast<size_t>(i / heads)];
      const auto head = static_cast<size_t>(i % heads), row = static_cast<size_t>(text.first);
      const float* const from = qkv + row * 3 * width + head * dim;
      int16_.attention({.q = from,
                        .k = from + width,
                        .v = from + 2 * width,
                        .stride = 3 * width,
                        .out = out + row * width + head * dim,
                        .out_stride = width,
                        .tokens = text.tokens,
                        .head_dim = config_.head_dim,
                        .scale = scale_,
                        .scratch = scratch_[static_cast<size_t>(thread)].view()});
    }
  });
}

// x in place, and its codes.
void FastLayers::norm(const LayerNorm& norm, float* x) {
  const auto width = static_cast<size_t>(config_.hidden);
  const NormInput in{
      .x = x, .stride = width, .weight = norm.weight.data(), .eps = config_.norm_eps, .k = config_.hidden};
  for_rows([&](int begin, int end) {
    kernels_.layer_norm(in, norm.bias.data(), x, width, begin, end);
    int16_.quantize(x, width, x_.view(), begin, end);
  });
}

template <typename Fn>
void FastLayers::for_rows(Fn fn) {
  pool_.parallel_for(rows_, kRowChunk,
                     [&](int64_t begin, int64_t end, int) { fn(static_cast<int>(begin), static_cast<int>(end)); });
}

}  // namespace studio::engine
