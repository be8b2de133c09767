// JSON: strict reading into, and exact printing of, the one JSON type of the project (Boost.JSON values).
//
// Reading refuses what consumers would otherwise each have to guard against: nesting past a cap (which bounds every
// later recursion over the value, its destructor included), duplicate keys, invalid UTF-8, numbers that a 64-bit
// integer or a finite double cannot hold. Doubles are read and printed by <charconv>, so that a value survives the
// round trip to the last bit. Pure functions: any thread.
#pragma once

#include <boost/json/fwd.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace studio {

struct JsonLimits {
  size_t depth = 64;           // arrays and objects inside one another; keeps recursion within a 128 KiB stack
  size_t bytes = 64ull << 20;  // of text; callers that know better set less
};

// Errors: invalid_argument, with the reason and the byte offset; payload_too_large over limits.bytes.
Result<boost::json::value> parse_json(std::string_view text, const JsonLimits& limits = {});

// Compact, keys in their order. Doubles in their shortest exact form, always told from integers (0.7, 100.0, 1e+16);
// NaN and infinities, which JSON lacks, as null. No CR, LF, U+2028 or U+2029 appears raw, so a text fits one line and
// one server-sent event.
std::string to_json(const boost::json::value& value);
void append_json(std::string& out, const boost::json::value& value);

// One string, quoted and escaped as above.
void append_json_string(std::string& out, std::string_view text);

}  // namespace studio
