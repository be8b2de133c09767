#include "engine/lora/adapter.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/digest.h"

namespace studio::engine {
namespace {

constexpr size_t kTargets = kLoraTargetNames.size();

size_t place_of(int layer, LoraTarget target) {
  return static_cast<size_t>(layer) * kTargets + static_cast<size_t>(target);
}

Result<LowRank> product_of(const LoraPair& pair, LoraStorage storage) {
  const int bytes = storage == LoraStorage::kInt8 ? 1 : 2;
  const int rank = pair.rank(), k = static_cast<int>(pair.a.row_elements()), rows = static_cast<int>(pair.b.rows());
  STUDIO_TRY(const auto a, lora_values(pair, pair.a));
  STUDIO_TRY(const auto b, lora_values(pair, pair.b));
  STUDIO_TRY(FactorPanels down, FactorPanels::build(a, rank, k, FactorScales::kOfRows, bytes));
  STUDIO_TRY(FactorPanels up, FactorPanels::build(b, rows, rank, FactorScales::kOfColumns, bytes));
  std::vector<float> scales(static_cast<size_t>(rank));
  for (size_t r = 0; r < scales.size(); ++r) {
    scales[r] = static_cast<float>(static_cast<double>(pair.scale) * down.scales()[r] * up.scales()[r]);
    if (!std::isfinite(scales[r]))
      return Error(Code::kCorruptData, "the adapter's factors of " + pair.matrix + " are too large");
  }
  return LowRank{std::move(down), std::move(up), std::move(scales)};
}

}  // namespace

Result<std::shared_ptr<const Adapter>> Adapter::load(std::span<const uint8_t> file, const ModelSource& base) {
  STUDIO_TRY(const LoraSource source, LoraSource::parse_gguf(file, base));
  std::shared_ptr<Adapter> adapter(new Adapter());
  adapter->digest_ = to_hex(sha256({reinterpret_cast<const char*>(file.data()), file.size()}));
  for (const LoraPair& pair : source.pairs()) {
    STUDIO_TRY(LowRank product, product_of(pair, source.storage()));
    const size_t place = place_of(pair.layer, pair.target);
    if (adapter->index_.size() <= place) adapter->index_.resize(place + 1, -1);
    adapter->index_[place] = static_cast<int>(adapter->products_.size());
    adapter->bytes_ += static_cast<int64_t>(product.down.bytes() + product.up.bytes());
    adapter->max_rank_ = std::max(adapter->max_rank_, pair.rank());
    adapter->products_.push_back(std::move(product));
  }
  return std::shared_ptr<const Adapter>(std::move(adapter));
}

const LowRank* Adapter::find(int layer, LoraTarget target) const {
  const size_t place = place_of(layer, target);
  const int index = place < index_.size() ? index_[place] : -1;
  return index < 0 ? nullptr : &products_[static_cast<size_t>(index)];
}

}  // namespace studio::engine
