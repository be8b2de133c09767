// Qwen3, dense: grouped-query attention with an RMSNorm over each query and key head, rotary halves, SwiGLU.
//
// Reference: class Qwen3ForCausalLM of transformers 5.x; tests/golden/models holds its logits. GGUF architecture
// "qwen3".
#include <string>
#include <utility>
#include <vector>

#include "engine/models/dense_model.h"
#include "engine/models/registry.h"

namespace studio::engine {
namespace {

struct LayerWeights {
  std::vector<float> attention_norm;  // [C]
  PanelMatrix q, k, v;                // [H * D, C], [K * D, C] twice
  std::vector<float> q_norm, k_norm;  // [D]
  PanelMatrix output;                 // [C, H * D]
  MlpWeights mlp;
};

class Qwen3 final : public DenseModel {
 public:
  using DenseModel::DenseModel;

  Status load() {
    for (int i = 0; i < config_.layers; ++i) {
      STUDIO_TRY(auto weights, load_layer("blk." + std::to_string(i) + "."));
      layers_.push_back(std::move(weights));
    }
    return finish_loading();
  }

 private:
  Result<LayerWeights> load_layer(const std::string& prefix) {
    const int c = config_.hidden, q_rows = config_.heads * config_.head_dim,
              kv_rows = config_.kv_heads * config_.head_dim;
    STUDIO_TRY(auto attention_norm, loader_.vector(prefix + "attn_norm.weight", c));
    STUDIO_TRY(auto q, loader_.matrix(prefix + "attn_q.weight", q_rows, c));
    STUDIO_TRY(auto k, loader_.matrix(prefix + "attn_k.weight", kv_rows, c));
    STUDIO_TRY(auto v, loader_.matrix(prefix + "attn_v.weight", kv_rows, c));
    STUDIO_TRY(auto q_norm, loader_.vector(prefix + "attn_q_norm.weight", config_.head_dim));
    STUDIO_TRY(auto k_norm, loader_.vector(prefix + "attn_k_norm.weight", config_.head_dim));
    STUDIO_TRY(auto output, loader_.matrix(prefix + "attn_output.weight", c, q_rows));
    STUDIO_TRY(auto mlp, load_mlp(loader_, prefix, config_));
    return LayerWeights{std::move(attention_norm), std::move(q),      std::move(k),      std::move(v),
                        std::move(q_norm),         std::move(k_norm), std::move(output), std::move(mlp)};
  }

  void layer(int index, Step& step) override {
    const LayerWeights& w = layers_[static_cast<size_t>(index)];
    const auto q_width = static_cast<size_t>(w.q.rows()), kv_width = static_cast<size_t>(w.k.rows());
    norm_for_attention(index, w.attention_norm, step);
    const MatmulJob inputs[] = {
        {&w.q, &*coarse_, {q_.as<float>(), q_width, nullptr, false}, low_rank_.updates(LoraTarget::kQuery)},
        {&w.k, &*normed_, {k_.as<float>(), kv_width, nullptr, false}, low_rank_.updates(LoraTarget::kKey)},
        {&w.v, &*normed_, {v_.as<float>(), kv_width, nullptr, false}, low_rank_.updates(LoraTarget::kValue)}};
    step.matmul(inputs);
    step.norm_heads(q_.as<float>(), config_.heads, w.q_norm, config_.norm_eps);
    step.norm_heads(k_.as<float>(), config_.kv_heads, w.k_norm, config_.norm_eps);
    step.attend(attention_job(index, w.output, w.mlp, /*interleaved=*/false));
    finish_layer(index, w.output, w.mlp, step);
  }

  std::vector<LayerWeights> layers_;
};

}  // namespace

Result<std::unique_ptr<Model>> load_qwen3(const ModelSource& file, const KernelSet& kernels, ThreadPool& pool) {
  return load_dense<Qwen3>(file, "qwen3", kernels, pool);
}

}  // namespace studio::engine
