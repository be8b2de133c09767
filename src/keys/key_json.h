// What is told of a key, as JSON: {"id", "name", "kind": "made" | "local" | "chosen", "prefix", "suffix",
// "created_at"}.
#pragma once

#include <boost/json/value.hpp>

#include "base/result.h"
#include "keys/key_ring.h"

namespace studio::keys {

boost::json::object json_of(const KeyInfo& info);
// With the key itself, as "key": in the one answer that tells it.
boost::json::object json_of(const NewKey& made);

// Errors: corrupt_data, where another program answered.
Result<KeyInfo> key_of(const boost::json::value& value);

}  // namespace studio::keys
