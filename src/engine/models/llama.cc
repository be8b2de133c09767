// Llama and its like (SmolLM2): grouped-query attention without biases, SwiGLU.
//
// Reference: class LlamaForCausalLM of transformers 5.x; tests/golden/models holds its logits. GGUF architecture
// "llama"; its converter reorders the rows of q and k so that rotary pairs are neighbours, hence `interleaved`.
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
  PanelMatrix output;                 // [C, H * D]
  MlpWeights mlp;
};

class Llama final : public DenseModel {
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
    STUDIO_TRY(auto output, loader_.matrix(prefix + "attn_output.weight", c, q_rows));
    STUDIO_TRY(auto mlp, load_mlp(loader_, prefix, config_));
    return LayerWeights{std::move(attention_norm), std::move(q),  std::move(k), std::move(v),
                        std::move(output),         std::move(mlp)};
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
    step.attend(attention_job(index, w.output, w.mlp, /*interleaved=*/true));
    finish_layer(index, w.output, w.mlp, step);
  }

  std::vector<LayerWeights> layers_;
};

}  // namespace

Result<std::unique_ptr<Model>> load_llama(const ModelSource& file, const KernelSet& kernels, ThreadPool& pool) {
  return load_dense<Llama>(file, "llama", kernels, pool);
}

}  // namespace studio::engine
