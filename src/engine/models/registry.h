// The architectures we know. A new one adds its loader here and its name in registry.cc.
#pragma once

#include <memory>
#include <utility>

#include "engine/models/dense_model.h"

namespace studio::engine {

Result<std::unique_ptr<Model>> load_qwen2(const ModelSource& file, const KernelSet& kernels, ThreadPool& pool);
Result<std::unique_ptr<Model>> load_qwen3(const ModelSource& file, const KernelSet& kernels, ThreadPool& pool);
Result<std::unique_ptr<Model>> load_llama(const ModelSource& file, const KernelSet& kernels, ThreadPool& pool);

template <typename Dense>
Result<std::unique_ptr<Model>> load_dense(const ModelSource& file, const char* architecture, const KernelSet& kernels,
                                          ThreadPool& pool) {
  STUDIO_TRY(auto config, read_dense_config(file, architecture));
  auto model = std::make_unique<Dense>(file, kernels, pool, std::move(config));
  STUDIO_CHECK_OK(model->load());
  return std::unique_ptr<Model>(std::move(model));
}

}  // namespace studio::engine
