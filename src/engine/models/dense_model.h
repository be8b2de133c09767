// What the dense decoders share: configuration keys, embedding rows, scratch memory, the head.
//
// forward() reads: embedding -> layer(0) .. layer(L - 1) -> norm and head of the rows that are wanted. An architecture
// adds its weights and its layer; see qwen2.cc for the whole form.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/formats/model_source.h"
#include "engine/kernels/aligned_buffer.h"
#include "engine/layers/step.h"
#include "engine/layers/weights.h"
#include "engine/lora/low_rank_products.h"
#include "engine/models/model.h"

namespace studio::engine {

// The keys `<architecture>.*` that every dense decoder has, checked for sense. corrupt_data naming the key.
Result<ModelConfig> read_dense_config(const ModelSource& file, const std::string& architecture);

// Feed-forward weights; the same in all families here. up and gate [F, C], down [C, F].
struct MlpWeights {
  std::vector<float> norm;  // [C]
  PanelMatrix gate, up, down;
};

Result<MlpWeights> load_mlp(WeightLoader& loader, const std::string& prefix, const ModelConfig& config);

// Terms of the activations where a second one takes away most of the error for its operations: into k and v and the
// head. docs/decisions/019 has the measurements.
inline constexpr int kFineTerms = 2;
// Logits that are further below their row's largest stay those of one term. What lies below has e^-7 of the largest's
// probability each; a row has some 300 above (docs/decisions/018).
inline constexpr float kRefinedRange = 7;

class DenseModel : public Model {
 public:
  DenseModel(const ModelSource& file, const KernelSet& kernels, ThreadPool& pool, ModelConfig config);

  const ModelConfig& config() const override { return config_; }
  KvShape kv_shape() const override { return {config_.layers, config_.kv_heads, config_.head_dim}; }
  int64_t weight_bytes() const override { return loader_.matrix_bytes(); }
  int64_t parameters() const override { return loader_.parameters(); }
  void use_pages(PagePool* pages) override { pages_ = pages; }
  void forward(std::span<const BatchRun> runs, float* logits) override;

 protected:
  // Loads embedding, final norm and head, and makes the scratch; after the layers, because it asks which types came.
  Status finish_loading();
  // x_ [N, C] through layer `index`, in place.
  virtual void layer(int index, Step& step) = 0;
  // x_, normed and quantised, as the input of q (coarse_) and of k and v (normed_) of layer `index`; what adapters add
  // to them is then in low_rank_.
  void norm_for_attention(int index, std::span<const float> weight, Step& step);
  // From attention_ to the end of layer `index`: x += W_output attention; x += W_down(silu(W_gate norm(x)) * W_up
  // norm(x)). In the last layer for the rows alone whose logits are wanted: the others have left their keys and values.
  void finish_layer(int index, const PanelMatrix& output, const MlpWeights& mlp, Step& step);
  // From q_, k_ and v_ to attention_; what is multiplied with then is fetched meanwhile. k_center [K, D] or null:
  // still_part() of the keys' bias.
  AttentionJob attention_job(int index, const PanelMatrix& output, const MlpWeights& mlp, bool interleaved,
                             const float* k_center = nullptr);
  // Of a bias [K, D] of keys rotated by halves what all keys have nearly in common: the pairs that positions turn by
  // little, 0 in the place of the others. After finish_loading().
  std::vector<float> still_part(std::span<const float> bias);

  const ModelSource& file_;
  const KernelSet& kernels_;
  ThreadPool& pool_;
  ModelConfig config_;
  WeightLoader loader_;
  PagePool* pages_ = nullptr;

  // Scratch for kMaxBatchTokens rows; rows start at 64-byte borders where widths allow, and large ones lie in large
  // pages: a product writes each column's rows far from the next one's.
  AlignedBuffer x_;                                  // f32 [N, C] the residual stream
  AlignedBuffer q_, k_, v_;                          // f32 [N, H * D], [N, K * D] twice
  AlignedBuffer attention_;                          // f32 [N, H * D]
  std::optional<Activations> normed_, coarse_;       // K = C; coarse_ in one term
  std::optional<Activations> attended_, activated_;  // K = H * D, F
  LowRankProducts low_rank_;

 private:
  void embed(std::span<const BatchRun> runs);
  void find_wanted(std::span<const BatchRun> runs);
  void keep_wanted(AlignedBuffer& rows, size_t width) const;
  void feed_forward(int index, const MlpWeights& weights, Step& step);
  void write_logits(Step& step, float* logits);

  const TensorInfo* embedding_ = nullptr;        // [V, C]
  std::optional<PanelMatrix> embedding_panels_;  // the same where the file holds panels
  std::vector<float> output_norm_;               // [C]
  std::optional<PanelMatrix> head_;              // [V, C]; the embedding again where the file ties them
  std::optional<RopeTable> rope_;
  std::optional<Step> step_;
  std::vector<int> wanted_;  // rows of the batch whose logits are wanted, ascending
  int rows_ = 0;  // of x_ and attention_ that are still computed: N, and from the end of the last layer the wanted
  std::vector<StepRun> step_runs_;
};

}  // namespace studio::engine
