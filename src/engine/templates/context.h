// The caller's JSON as values of the template.
#pragma once

#include <boost/json/fwd.hpp>

#include "engine/templates/value.h"

namespace studio::engine::jinja {

// Strings, keys included, have the given origin. Fails on invalid UTF-8, on nesting over kMaxNesting, on the limits.
Value import_json(Budget& budget, const boost::json::value& json, Origin origin);

// The list `messages`: as above with the caller's strings, but for the role of each message where it is one of the
// API's: it is structure, not text.
Value import_messages(Budget& budget, const boost::json::value& json);

}  // namespace studio::engine::jinja
