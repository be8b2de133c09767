// Any bytes as a model file that is to be run: refused with a reason, or loaded and stepped once.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "engine/formats/gguf.h"
#include "engine/formats/gguf_mutator.h"
#include "engine/models/model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace studio;
  using namespace studio::engine;
  static ThreadPool pool(1);
  static const KernelSet& kernels = *available_kernels().back();
  auto file = GgufFile::parse({data, size});
  if (!file.ok()) return 0;
  auto model = load_model(*file, kernels, pool);
  if (!model.ok()) {
    if (model.error().message().empty()) std::abort();
    return 0;
  }
  const ModelConfig& config = (*model)->config();
  auto pages = PagePool::create((*model)->kv_shape(), 1);
  if (!pages.ok()) std::abort();
  (*model)->use_pages(&*pages);
  SequenceState sequence(&*pages);
  const TokenId tokens[] = {0, config.vocab - 1};
  const size_t count = config.context_tokens >= 2 ? 2 : 1;
  if (!sequence.reserve(static_cast<int>(count))) std::abort();
  const BatchRun runs[] = {{&sequence, std::span(tokens, count), WantLogits::kAll}};
  std::vector<float> logits(count * static_cast<size_t>(config.vocab));
  (*model)->forward(runs, logits.data());
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::GgufMutator>(data, size, max_size, seed);
}
