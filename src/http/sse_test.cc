#include "http/sse.h"

#include <gtest/gtest.h>

#include <random>

namespace studio::http {
namespace {

std::vector<SseReader::Event> read_all(std::string_view bytes, size_t step) {
  SseReader reader;
  std::vector<SseReader::Event> events;
  for (size_t i = 0; i < bytes.size(); i += step) {
    EXPECT_TRUE(reader.feed(bytes.substr(i, step), events).ok());
  }
  return events;
}

TEST(Sse, ReadsTheFormatOfTheStandard) {
  std::string bytes =
      "\xEF\xBB\xBF: comment\r\ndata: one\rdata:two\n\nevent: add\ndata\ndata:  three\nid: 7\nretry: 1\n\nevent: x\n\n"
      "data: cut";
  for (size_t step = 1; step < bytes.size(); ++step) {
    auto events = read_all(bytes, step);
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(events[0].data, "one\ntwo");
    EXPECT_EQ(events[0].type, "message");
    EXPECT_EQ(events[1].data, "\n three");
    EXPECT_EQ(events[1].type, "add");
  }
}

TEST(Sse, OneEventOutIsOneEventIn) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (int i = 0; i < 20; ++i) {
      char c = static_cast<char>(random() % 256);
      if (c != '\r' && c != '\n') text += c;
    }
    auto events = read_all(sse_event(text) + std::string(kSseHeartbeat), 1 + random() % 9);
    ASSERT_EQ(events.size(), 1u);
    ASSERT_EQ(events[0].data, text);
  }
}

TEST(Sse, NeverLetsALineEndThrough) {
  EXPECT_EQ(sse_event("a\r\ndata: b\n\nevent: c"), "data: adata: bevent: c\n\n");
}

TEST(Sse, BoundsAnEvent) {
  SseReader reader(100);
  std::vector<SseReader::Event> events;
  EXPECT_FALSE(reader.feed("data: " + std::string(200, 'a'), events).ok());
}

}  // namespace
}  // namespace studio::http
