#include "engine/models/registry.h"

#include <string>

namespace studio::engine {

Result<std::unique_ptr<Model>> load_model(const ModelSource& file, const KernelSet& kernels, ThreadPool& pool) {
  using Loader = Result<std::unique_ptr<Model>> (*)(const ModelSource&, const KernelSet&, ThreadPool&);
  static constexpr std::pair<const char*, Loader> kLoaders[] = {
      {"qwen2", load_qwen2}, {"qwen3", load_qwen3}, {"llama", load_llama}};

  STUDIO_TRY(auto architecture, file.get_string("general.architecture"));
  std::string known;
  for (const auto& [name, loader] : kLoaders) {
    if (architecture == name) return loader(file, kernels, pool);
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  return Error(Code::kUnimplemented,
               "the architecture " + std::string(architecture.substr(0, 64)) + " is not supported; known are " + known);
}

}  // namespace studio::engine
