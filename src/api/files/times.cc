#include "api/files/times.h"

#include <array>
#include <chrono>
#include <cstdio>

namespace studio::api {
namespace {

using namespace std::chrono;

constexpr hours kOffset{8};  // China keeps one time, without summer time

// Digits where the pattern has letters, else the pattern's own characters: "yyyy-MM-dd".
std::optional<std::array<int, 6>> match(std::string_view text, std::string_view pattern) {
  if (text.size() != pattern.size()) return std::nullopt;
  static constexpr std::string_view kLetters = "yMdHms";
  std::array<int, 6> numbers{0, 1, 1, 0, 0, 0};
  std::array<bool, 6> is_begun{};
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t part = kLetters.find(pattern[i]);
    if (part == std::string_view::npos) {
      if (text[i] != pattern[i]) return std::nullopt;
      continue;
    }
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    numbers[part] = (is_begun[part] ? numbers[part] * 10 : 0) + (text[i] - '0');
    is_begun[part] = true;
  }
  return numbers;
}

std::optional<int64_t> seconds_of(const std::array<int, 6>& numbers) {
  const auto [y, m, d, hour, minute, second] = numbers;
  const year_month_day day{year(y), month(static_cast<unsigned>(m)), std::chrono::day(static_cast<unsigned>(d))};
  if (!day.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const auto time = sys_days(day) + hours(hour) + minutes(minute) + seconds(second) - kOffset;
  return time.time_since_epoch().count();
}

}  // namespace

std::string beijing_time(int64_t seconds_since_1970) {
  const sys_seconds time{seconds(seconds_since_1970) + kOffset};
  const auto midnight = floor<days>(time);
  const year_month_day day{midnight};
  const hh_mm_ss clock{time - midnight};
  std::array<char, 48> text;
  const int size = std::snprintf(text.data(), text.size(), "%04d-%02u-%02u %02d:%02d:%02d",
                                 static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                                 static_cast<unsigned>(day.day()), static_cast<int>(clock.hours().count()),
                                 static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
  return {text.data(), static_cast<size_t>(size)};
}

std::optional<int64_t> parse_beijing_time(std::string_view text) {
  for (std::string_view pattern : {"yyyyMMddHHmmss", "yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd", "yyyyMMdd"}) {
    if (const auto numbers = match(text, pattern)) return seconds_of(*numbers);
  }
  return std::nullopt;
}

}  // namespace studio::api
