#include "engine/schedule/queue_pace.h"

#include <gtest/gtest.h>

namespace studio::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(QueuePace, TellsTheMeanTimeBetweenEnds) {
  QueuePace pace;
  QueuePace::Clock::time_point now{};
  pace.begin(now);
  for (int i = 0; i < 40; ++i) pace.note_ends(1, now += seconds(4));
  EXPECT_EQ(pace.until_room(now), milliseconds(4000));
  for (int i = 0; i < 40; ++i) pace.note_ends(2, now += seconds(4));  // two at a time: twice as fast
  EXPECT_NEAR(static_cast<double>(pace.until_room(now).count()), 2000, 5);
}

TEST(QueuePace, StaysWithinItsBounds) {
  QueuePace pace;
  QueuePace::Clock::time_point now{};
  pace.begin(now);
  EXPECT_EQ(pace.until_room(now), QueuePace::kShortest);
  pace.note_ends(1, now += milliseconds(5));
  EXPECT_EQ(pace.until_room(now), QueuePace::kShortest);
  EXPECT_EQ(pace.until_room(now + seconds(7)), milliseconds(7000));  // nothing has ended since
  EXPECT_EQ(pace.until_room(now + seconds(1000)), QueuePace::kLongest);
}

TEST(QueuePace, APauseIsNoTimeBetweenEnds) {
  QueuePace pace;
  QueuePace::Clock::time_point now{};
  pace.begin(now);
  pace.note_ends(1, now += seconds(2));
  pace.begin(now += seconds(3600));
  pace.note_ends(1, now += seconds(2));
  EXPECT_EQ(pace.until_room(now), milliseconds(2000));
}

}  // namespace
}  // namespace studio::engine
