#include "cli/key_weights.h"

#include <charconv>
#include <map>

#include "engine/schedule/engine.h"

namespace studio::cli {

Result<std::function<int(std::string_view)>> weights_of_keys(const std::vector<std::string>& entries,
                                                             std::shared_ptr<const keys::KeyRing> ring) {
  std::map<std::string, int> weights;
  for (const std::string& entry : entries) {
    const size_t equals = entry.rfind('=');  // names may hold one
    int weight = 0;
    const char* const end = entry.data() + entry.size();
    const bool is_number =
        equals != std::string::npos && std::from_chars(entry.data() + equals + 1, end, weight).ptr == end;
    if (!is_number || equals == 0 || weight < 1 || weight > engine::kMaxWeight) {
      return Error(Code::kInvalidArgument, "serve.key_weights: '" + entry + "' is not NAME=N with N from 1 to " +
                                               std::to_string(engine::kMaxWeight));
    }
    if (!weights.emplace(entry.substr(0, equals), weight).second) {
      return Error(Code::kInvalidArgument, "serve.key_weights names '" + entry.substr(0, equals) + "' twice");
    }
  }
  std::function<int(std::string_view)> weight_of;
  if (weights.empty()) return weight_of;  // nobody has to be looked up
  weight_of = [weights, ring](std::string_view key_id) {
    const auto found = weights.find(ring->name_of(key_id));
    return found == weights.end() ? 1 : found->second;
  };
  return weight_of;
}

}  // namespace studio::cli
