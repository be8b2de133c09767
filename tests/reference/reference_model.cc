#include "reference_model.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>
#include <utility>

#include "dense_product.h"
#include "engine/formats/block_codec.h"

namespace studio::reference {
namespace {

// Weight rows decoded at once by one thread: 64 rows of 9,000 values are 2 MB.
constexpr size_t kRowsAtOnce = 64;

template <typename Work>
void on_threads(int threads, size_t items, Work work) {
  std::atomic<size_t> next{0};
  std::vector<std::thread> pool;
  auto loop = [&] {
    for (size_t item = next.fetch_add(1); item < items; item = next.fetch_add(1)) work(item);
  };
  for (int i = 1; i < threads; ++i) pool.emplace_back(loop);
  loop();
  for (auto& thread : pool) thread.join();
}

void rms_norm(const float* x, const std::vector<float>& weight, float eps, float* y) {
  double sum = 0;
  for (size_t i = 0; i < weight.size(); ++i) sum += static_cast<double>(x[i]) * x[i];
  const double scale = 1.0 / std::sqrt(sum / static_cast<double>(weight.size()) + eps);
  for (size_t i = 0; i < weight.size(); ++i) y[i] = static_cast<float>(x[i] * scale) * weight[i];
}

void add_bias(std::vector<float>& x, const std::vector<float>& bias) {
  if (bias.empty()) return;
  for (size_t i = 0; i < x.size(); ++i) x[i] += bias[i % bias.size()];
}

}  // namespace

Result<std::unique_ptr<ReferenceModel>> ReferenceModel::open(const std::string& path, int threads) {
  STUDIO_TRY(auto file, engine::GgufFile::open(path));
  std::unique_ptr<ReferenceModel> model(new ReferenceModel(std::move(file), threads));
  STUDIO_CHECK_OK(model->read_config());
  return std::move(model);
}

Status ReferenceModel::read_config() {
  STUDIO_TRY(auto architecture, file_.get_string("general.architecture"));
  config_.architecture = std::string(architecture);
  if (config_.architecture != "qwen2" && config_.architecture != "qwen3" && config_.architecture != "llama") {
    return Error(Code::kUnimplemented, "the reference knows qwen2, qwen3 and llama, not " + config_.architecture);
  }
  auto number = [&](const char* key) { return file_.get_u64(config_.architecture + "." + key); };
  STUDIO_TRY(auto layers, number("block_count"));
  STUDIO_TRY(auto hidden, number("embedding_length"));
  STUDIO_TRY(auto heads, number("attention.head_count"));
  STUDIO_TRY(auto kv_heads, number("attention.head_count_kv"));
  STUDIO_TRY(auto feed_forward, number("feed_forward_length"));
  STUDIO_TRY(auto eps, file_.get_f32(config_.architecture + ".attention.layer_norm_rms_epsilon"));
  STUDIO_TRY(auto base, file_.find_f32(config_.architecture + ".rope.freq_base"));
  STUDIO_TRY(auto key_length, file_.find_u64(config_.architecture + ".attention.key_length"));
  STUDIO_TRY(auto embedding, file_.get_tensor("token_embd.weight"));
  config_.layers = static_cast<int>(layers);
  config_.hidden = static_cast<int>(hidden);
  config_.heads = static_cast<int>(heads);
  config_.kv_heads = static_cast<int>(kv_heads);
  config_.head_dim = static_cast<int>(key_length.value_or(hidden / heads));
  config_.feed_forward = static_cast<int>(feed_forward);
  config_.vocab = static_cast<int>(embedding->rows());
  config_.norm_eps = eps;
  config_.rope_base = base.value_or(10000.0f);
  return Ok{};
}

std::vector<float> ReferenceModel::decode(const std::string& name) const {
  const engine::TensorInfo* tensor = file_.find_tensor(name);
  if (tensor == nullptr) return {};
  std::vector<float> values(tensor->row_elements() * tensor->rows());
  engine::decode_row(tensor->dtype, tensor->data.data(), values.data(), values.size());
  return values;
}

void ReferenceModel::product(const std::string& name, const std::vector<float>& x, size_t tokens,
                             std::vector<float>& y) const {
  const engine::TensorInfo* tensor = file_.find_tensor(name);
  const size_t k = tensor->row_elements(), rows = tensor->rows();
  const size_t row_bytes = tensor->data.size() / rows;
  y.resize(tokens * rows);
  on_threads(threads_, (rows + kRowsAtOnce - 1) / kRowsAtOnce, [&](size_t strip) {
    const size_t first = strip * kRowsAtOnce, count = std::min(kRowsAtOnce, rows - first);
    std::vector<float> weights(count * k);
    engine::decode_row(tensor->dtype, tensor->data.data() + first * row_bytes, weights.data(), weights.size());
    dense_product(x.data(), tokens, weights.data(), count, k, y.data() + first, rows);
  });
}

void ReferenceModel::rotate(std::vector<float>& x, size_t tokens, int heads) const {
  const int half = config_.head_dim / 2;
  const bool neighbours = config_.architecture == "llama";
  for (size_t t = 0; t < tokens; ++t) {
    for (int i = 0; i < half; ++i) {
      const double angle = static_cast<double>(t) * std::pow(config_.rope_base, -2.0 * i / config_.head_dim);
      const float c = static_cast<float>(std::cos(angle)), s = static_cast<float>(std::sin(angle));
      for (int h = 0; h < heads; ++h) {
        float* head =
            x.data() + (t * static_cast<size_t>(heads) + static_cast<size_t>(h)) * static_cast<size_t>(2 * half);
        float& a = head[neighbours ? 2 * i : i];
        float& b = head[neighbours ? 2 * i + 1 : i + half];
        const float first = a * c - b * s, second = b * c + a * s;
        a = first;
        b = second;
      }
    }
  }
}

void ReferenceModel::attend(const std::vector<float>& q, const std::vector<float>& k, const std::vector<float>& v,
                            size_t tokens, std::vector<float>& out) const {
  const size_t d = static_cast<size_t>(config_.head_dim), heads = static_cast<size_t>(config_.heads);
  const size_t kv_heads = static_cast<size_t>(config_.kv_heads), group = heads / kv_heads;
  out.assign(tokens * heads * d, 0.0f);
  on_threads(threads_, heads * tokens, [&](size_t item) {
    const size_t h = item % heads, t = item / heads, g = h / group;
    const float* query = q.data() + (t * heads + h) * d;
    std::vector<double> scores(t + 1);
    double largest = -INFINITY;
    for (size_t s = 0; s <= t; ++s) {
      const float* key = k.data() + (s * kv_heads + g) * d;
      double score = 0;
      for (size_t i = 0; i < d; ++i) score += static_cast<double>(query[i]) * key[i];
      scores[s] = score / std::sqrt(static_cast<double>(d));
      largest = std::max(largest, scores[s]);
    }
    double total = 0;
    for (double& score : scores) total += score = std::exp(score - largest);
    std::vector<double> sum(d, 0.0);
    for (size_t s = 0; s <= t; ++s) {
      const float* value = v.data() + (s * kv_heads + g) * d;
      for (size_t i = 0; i < d; ++i) sum[i] += scores[s] * value[i];
    }
    for (size_t i = 0; i < d; ++i) out[(t * heads + h) * d + i] = static_cast<float>(sum[i] / total);
  });
}

void ReferenceModel::layer(int index, std::vector<float>& x, size_t tokens) const {
  const std::string prefix = "blk." + std::to_string(index) + ".";
  const size_t hidden = static_cast<size_t>(config_.hidden), d = static_cast<size_t>(config_.head_dim);
  auto normed = [&](const std::string& name) {
    const std::vector<float> weight = decode(prefix + name);
    std::vector<float> y(x.size());
    for (size_t t = 0; t < tokens; ++t)
      rms_norm(x.data() + t * hidden, weight, config_.norm_eps, y.data() + t * hidden);
    return y;
  };
  auto add = [&](const std::vector<float>& y) {
    for (size_t i = 0; i < x.size(); ++i) x[i] += y[i];
  };
  auto norm_heads = [&](std::vector<float>& values, const std::string& name) {
    const std::vector<float> weight = decode(prefix + name);
    if (weight.empty()) return;
    for (size_t i = 0; i < values.size(); i += d)
      rms_norm(values.data() + i, weight, config_.norm_eps, values.data() + i);
  };

  std::vector<float> q, k, v, attention, projected;
  const std::vector<float> attention_input = normed("attn_norm.weight");
  product(prefix + "attn_q.weight", attention_input, tokens, q);
  product(prefix + "attn_k.weight", attention_input, tokens, k);
  product(prefix + "attn_v.weight", attention_input, tokens, v);
  add_bias(q, decode(prefix + "attn_q.bias"));
  add_bias(k, decode(prefix + "attn_k.bias"));
  add_bias(v, decode(prefix + "attn_v.bias"));
  norm_heads(q, "attn_q_norm.weight");
  norm_heads(k, "attn_k_norm.weight");
  rotate(q, tokens, config_.heads);
  rotate(k, tokens, config_.kv_heads);
  attend(q, k, v, tokens, attention);
  product(prefix + "attn_output.weight", attention, tokens, projected);
  add(projected);

  std::vector<float> gate, up;
  const std::vector<float> mlp_input = normed("ffn_norm.weight");
  product(prefix + "ffn_gate.weight", mlp_input, tokens, gate);
  product(prefix + "ffn_up.weight", mlp_input, tokens, up);
  for (size_t i = 0; i < gate.size(); ++i) gate[i] = gate[i] / (1.0f + std::exp(-gate[i])) * up[i];
  product(prefix + "ffn_down.weight", gate, tokens, projected);
  add(projected);
}

void ReferenceModel::logits(std::span<const int32_t> tokens, const std::function<void(int, const float*)>& sink) {
  const size_t count = tokens.size(), hidden = static_cast<size_t>(config_.hidden);
  const engine::TensorInfo* embedding = file_.find_tensor("token_embd.weight");
  const size_t row_bytes = embedding->data.size() / embedding->rows();
  std::vector<float> x(count * hidden);
  for (size_t t = 0; t < count; ++t) {
    engine::decode_row(embedding->dtype, embedding->data.data() + static_cast<size_t>(tokens[t]) * row_bytes,
                       x.data() + t * hidden, hidden);
  }
  for (int index = 0; index < config_.layers; ++index) layer(index, x, count);

  const std::vector<float> weight = decode("output_norm.weight");
  for (size_t t = 0; t < count; ++t) rms_norm(x.data() + t * hidden, weight, config_.norm_eps, x.data() + t * hidden);
  const std::string head = file_.find_tensor("output.weight") != nullptr ? "output.weight" : "token_embd.weight";
  std::vector<float> rows;
  product(head, x, count, rows);
  const size_t vocab = static_cast<size_t>(config_.vocab);
  for (size_t t = 0; t < count; ++t) sink(static_cast<int>(t), rows.data() + t * vocab);
}

}  // namespace studio::reference
