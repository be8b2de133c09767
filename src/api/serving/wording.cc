#include "api/serving/wording.h"

#include <cstdio>

namespace studio::api {

void add_retry_after(const Error& error, http::Response& response) {
  using std::chrono::ceil, std::chrono::seconds;
  // 529 is how Anthropic's clients know an overload.
  const bool may_come_back = response.status == 429 || response.status == 503 || response.status == 529;
  if (!error.retry_after() && !may_come_back) return;
  const auto wait = error.retry_after() ? ceil<seconds>(*error.retry_after()) : seconds(1);
  response.fields.add("Retry-After", std::to_string(wait.count()));
}

std::string utc_time(std::chrono::system_clock::time_point time) {
  using namespace std::chrono;
  const auto micros = floor<microseconds>(time);
  const auto day = floor<days>(micros);
  const year_month_day date{day};
  const hh_mm_ss clock{micros - day};
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return text;
}

}  // namespace studio::api
