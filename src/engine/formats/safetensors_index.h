// model.safetensors.index.json: which file of a folder holds which tensor.
//
// File names are checked here, so that none leads out of the folder: plain names ending in .safetensors. Errors:
// corrupt_data naming the entry.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace studio::engine {

inline constexpr size_t kMaxSafetensorsIndexBytes = 16u << 20;  // real ones take about 80 bytes for a tensor
inline constexpr size_t kMaxShards = 1024;                      // the largest releases have under 200
inline constexpr size_t kMaxShardNameBytes = 200;               // within what every file system takes

struct SafetensorsIndex {
  struct Entry {
    std::string tensor;
    size_t shard;  // of `shards`
  };
  std::vector<Entry> entries;       // each tensor once
  std::vector<std::string> shards;  // by name, each once

  static Result<SafetensorsIndex> parse(std::string_view json);
};

}  // namespace studio::engine
