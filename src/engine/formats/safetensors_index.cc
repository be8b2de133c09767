#include "engine/formats/safetensors_index.h"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "base/json.h"
#include "engine/formats/model_source.h"
#include "engine/formats/safetensors.h"
#include "engine/formats/source_error.h"

namespace studio::engine {
namespace {

namespace json = boost::json;

constexpr size_t kIndexDepth = 8;  // metadata may nest a little
constexpr std::string_view kExtension = ".safetensors";

Error bad(const std::string& text) {
  return Error(Code::kCorruptData, "model.safetensors.index.json: " + text);
}

// A name in this very folder: no way up, no hidden file, nothing a shell or a terminal would take wrongly.
bool is_shard_name(std::string_view name) {
  if (name.size() <= kExtension.size() || name.size() > kMaxShardNameBytes || !name.ends_with(kExtension)) return false;
  if (name.front() == '.' || name.front() == '-') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' ||
           c == '_';
  });
}

}  // namespace

Result<SafetensorsIndex> SafetensorsIndex::parse(std::string_view text) {
  auto document = parse_json(text, {.depth = kIndexDepth, .bytes = kMaxSafetensorsIndexBytes});
  if (!document.ok()) return bad("it is no JSON we accept: " + document.error().message());
  const json::object* root = document->if_object();
  const json::value* found = root != nullptr ? root->if_contains("weight_map") : nullptr;
  const json::object* map = found != nullptr ? found->if_object() : nullptr;
  if (map == nullptr) return bad("weight_map is no object");
  if (map->empty() || map->size() > kMaxTensors) return bad("weight_map lists no tensor, or over 65536");

  SafetensorsIndex index;
  for (const auto& [tensor, file] : *map) {
    if (tensor.empty() || tensor.size() > kMaxSafetensorsNameBytes) {
      return bad("the tensor name " + quoted(tensor) + " is empty or too long");
    }
    if (!file.is_string() || !is_shard_name(file.get_string())) {
      return bad("the file of tensor " + quoted(tensor) + " is no plain name ending in .safetensors");
    }
    index.shards.emplace_back(file.get_string());
  }
  std::sort(index.shards.begin(), index.shards.end());
  index.shards.erase(std::unique(index.shards.begin(), index.shards.end()), index.shards.end());
  if (index.shards.size() > kMaxShards) return bad("weight_map names over 1024 files");
  for (const auto& [tensor, file] : *map) {
    const std::string_view name = file.get_string();
    const auto at = std::lower_bound(index.shards.begin(), index.shards.end(), name);
    index.entries.push_back({std::string(tensor), static_cast<size_t>(at - index.shards.begin())});
  }
  return index;
}

}  // namespace studio::engine
