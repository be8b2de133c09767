// Any text as an index of shards: refused with a reason, or names that stay in the folder.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json_mutator.h"
#include "engine/formats/safetensors_index.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace studio::engine;
  auto index = SafetensorsIndex::parse({reinterpret_cast<const char*>(data), size});
  if (!index.ok()) {
    check(!index.error().message().empty());
    return 0;
  }
  check(!index->shards.empty() && !index->entries.empty());
  check(std::is_sorted(index->shards.begin(), index->shards.end()));
  for (const std::string& shard : index->shards) {
    check(shard.find('/') == std::string::npos && shard.front() != '.' && shard.find('\0') == std::string::npos);
  }
  for (const auto& entry : index->entries) check(entry.shard < index->shards.size() && !entry.tensor.empty());
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::JsonMutator>(data, size, max_size, seed);
}
