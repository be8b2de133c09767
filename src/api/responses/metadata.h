// `metadata`: pairs of texts that a caller keeps with a response or a conversation.
#pragma once

#include <boost/json/object.hpp>

#include "api/serving/fields.h"

namespace studio::api::responses {

// The original's limits; lengths are in characters.
inline constexpr size_t kMaxPairs = 16, kMaxKeyCharacters = 64, kMaxValueCharacters = 512;

// Field `metadata`; none is empty.
boost::json::object read_metadata(FieldReader& reader);

}  // namespace studio::api::responses
