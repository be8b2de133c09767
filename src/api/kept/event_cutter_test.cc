#include "api/kept/event_cutter.h"

#include <gtest/gtest.h>

#include <random>

namespace studio::api {
namespace {

using Events = std::vector<std::string>;

TEST(EventCutter, CutsBehindEachEmptyLine) {
  EventCutter cutter("\n\n");
  EXPECT_EQ(cutter.feed("data: a\n\nevent: x\ndata: b\n\ndata"), (Events{"data: a\n\n", "event: x\ndata: b\n\n"}));
  EXPECT_EQ(cutter.rest(), "data");
  EXPECT_EQ(cutter.feed(": c\n"), Events{});
  EXPECT_EQ(cutter.feed("\n"), Events{"data: c\n\n"});
  EXPECT_EQ(cutter.rest(), "");
}

TEST(EventCutter, CutsBehindEachLine) {
  EventCutter cutter("\n");
  EXPECT_EQ(cutter.feed("{}\n{\"a\":1}\n{"), (Events{"{}\n", "{\"a\":1}\n"}));
  EXPECT_EQ(cutter.rest(), "{");
}

TEST(EventCutter, GivesTheSameEventsHoweverTheBytesCome) {
  std::mt19937 random(1);
  for (const char* end : {"\n\n", "\n"}) {
    for (int round = 0; round < 2000; ++round) {
      std::string text;
      for (unsigned i = random() % 40; i > 0; --i) text += "\n\nab"[random() % 4];
      EventCutter whole(end), pieces(end);
      const Events expected = whole.feed(text);
      Events events;
      for (size_t at = 0; at < text.size();) {
        const size_t take = 1 + random() % 5;
        for (std::string& event : pieces.feed(std::string_view(text).substr(at, take))) events.push_back(event);
        at += take;
      }
      ASSERT_EQ(events, expected) << text;
      ASSERT_EQ(pieces.rest(), whole.rest());
    }
  }
}

}  // namespace
}  // namespace studio::api
