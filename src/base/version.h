// The program's version, as `studio version`, metrics and crash reports tell it.
#pragma once

namespace studio {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace studio
