#include "http/chunked.h"

#include <gtest/gtest.h>

#include <string>

namespace studio::http {
namespace {

using State = ChunkDecoder::State;

struct Outcome {
  State state;
  std::string body;
  size_t used;
};

// Decodes in pieces of `step` bytes: the result may not depend on how the bytes arrive.
Outcome decode(const std::string& bytes, size_t step, uint64_t limit = 1 << 20) {
  ChunkDecoder decoder(limit);
  std::string body;
  size_t used = 0;
  while (used < bytes.size() && decoder.state() == State::kMore) {
    used += decoder.feed(std::string_view(bytes).substr(used, step), body);
  }
  return {decoder.state(), body, used};
}

TEST(ChunkDecoder, JoinsChunksHoweverTheyArrive) {
  std::string bytes = "4\r\nWiki\r\n6\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\n\r\n";
  for (size_t step = 1; step <= bytes.size(); ++step) {
    Outcome outcome = decode(bytes + "GET", step);
    EXPECT_EQ(outcome.state, State::kDone);
    EXPECT_EQ(outcome.body, "Wikipedia in \r\n\r\nchunks.");
    EXPECT_EQ(outcome.used, bytes.size());
  }
}

TEST(ChunkDecoder, DropsExtensionsAndTrailers) {
  EXPECT_EQ(decode("3;name=value\r\nabc\r\n0;x\r\nTrailer: 1\r\nOther: 2\r\n\r\n", 5).body, "abc");
}

TEST(ChunkDecoder, RefusesEveryOtherSpelling) {
  for (const char* bytes : {"\r\n", "g\r\n", "-1\r\n", "+1\r\na\r\n", " 1\r\na\r\n", "1 \r\na\r\n", "0x1\r\na\r\n",
                            "1\na\r\n", "1\r\nab\r\n", "1\r\na\n0\r\n\r\n", "1\r\na\r\r\n", "000000001\r\na\r\n",
                            "1;a\nb\r\nc\r\n", "0\r\nA: b\n\r\n", "0\r\n\r0", "1\r\na0\r\n\r\n"}) {
    EXPECT_EQ(decode(bytes, 1).state, State::kBroken) << bytes;
  }
}

TEST(ChunkDecoder, StopsAtTheLimitBeforeTheBytesCome) {
  EXPECT_EQ(decode("400\r\n", 5, 1023).state, State::kTooLarge);
  EXPECT_EQ(decode("ffffffff\r\n", 5, 1023).state, State::kTooLarge);
  EXPECT_EQ(decode("2\r\nab\r\n2\r\n", 5, 3).state, State::kTooLarge);
}

TEST(ChunkDecoder, BoundsWhatIsIgnored) {
  EXPECT_EQ(decode("1;" + std::string(5000, 'x') + "\r\n", 100).state, State::kBroken);
  EXPECT_EQ(decode("0\r\nA: " + std::string(5000, 'x') + "\r\n\r\n", 100).state, State::kBroken);
}

TEST(AppendChunk, WritesWhatTheDecoderReads) {
  std::string bytes;
  append_chunk(bytes, std::string(300, 'a'));
  append_chunk(bytes, "");
  append_chunk(bytes, "b");
  bytes += kLastChunk;
  EXPECT_EQ(decode(bytes, 7).body, std::string(300, 'a') + "b");
}

}  // namespace
}  // namespace studio::http
