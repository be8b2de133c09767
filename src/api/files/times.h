// Times of files and batches as the vendor writes them: in UTC+8, wherever the server stands.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace studio::api {

// "2026-11-27 10:30:00" of Unix seconds.
std::string beijing_time(int64_t seconds);
// Unix seconds of "20261127103000", "2026-11-27 10:30:00", "2026-11-27" or "20261127"; nothing for any other text.
std::optional<int64_t> parse_beijing_time(std::string_view text);

}  // namespace studio::api
