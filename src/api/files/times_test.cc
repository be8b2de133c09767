#include "api/files/times.h"

#include <gtest/gtest.h>

namespace studio::api {
namespace {

TEST(BeijingTime, IsEightHoursAhead) {
  EXPECT_EQ(beijing_time(0), "1970-01-01 08:00:00");
  EXPECT_EQ(beijing_time(1'795'746'600), "2026-11-27 10:30:00");
}

TEST(BeijingTime, IsReadInFourForms) {
  EXPECT_EQ(parse_beijing_time("20261127103000"), 1'795'746'600);
  EXPECT_EQ(parse_beijing_time("2026-11-27 10:30:00"), 1'795'746'600);
  EXPECT_EQ(parse_beijing_time("2026-11-27"), 1'795'746'600 - 10 * 3600 - 1800);
  EXPECT_EQ(parse_beijing_time("20261127"), parse_beijing_time("2026-11-27"));
  EXPECT_EQ(parse_beijing_time("2028-02-29"), parse_beijing_time("2028-02-28").value() + 86'400);
  for (const char* other :
       {"", "2026", "2026-13-01", "2027-02-29", "20261127250000", "2026/11/27", "2026-11-2x", "-0261127"}) {
    EXPECT_FALSE(parse_beijing_time(other)) << other;
  }
}

TEST(BeijingTime, ComesBack) {
  for (int64_t time = 1; time < 4'000'000'000; time += 98'765'432)
    EXPECT_EQ(parse_beijing_time(beijing_time(time)), time);
}

}  // namespace
}  // namespace studio::api
