// serve.key_weights: how much of a busy model each key gets beside the others.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "keys/key_ring.h"

namespace studio::cli {

// `entries` are NAME=N, a key's name and a weight of 1 to 100. A name that no key has yet counts as soon as one does.
// Errors: invalid_argument that shows the entry.
Result<std::function<int(std::string_view key_id)>> weights_of_keys(const std::vector<std::string>& entries,
                                                                    std::shared_ptr<const keys::KeyRing> ring);

}  // namespace studio::cli
