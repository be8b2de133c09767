// Unicode's normal forms C and D as the reference library makes them: by Unicode 9.0, younger characters stand as they
// are.
//
// Source: UAX #15, section 9.1: a character with NFC_Quick_Check=Yes and combining class 0 never joins with what stands
// before it. Text of such characters alone is normal; else what lies between two of them is normalised by itself.
// Pure functions: any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace studio::engine {

// Known to stand unchanged and to join with nothing before it. False for some that do, never true for one that does
// not.
bool is_steady(uint32_t code_point);

// `text` itself where it is normal already; else the normal form, in `storage`.
std::string_view to_nfc(std::string_view text, std::string& storage);

// Normal form D by the same version; the text itself where the library fails. Under 2 GB.
std::string to_nfd(std::string_view text);

}  // namespace studio::engine
