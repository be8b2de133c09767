#include "base/gzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>

namespace studio {
namespace {

std::string unpacked(const std::string& packed, size_t size) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string text(size + 1, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return text;
}

TEST(Gzip, UnpacksToWhatWasPackedHoweverItWasCut) {
  std::mt19937 random(5);
  for (int round = 0; round < 20; ++round) {
    Gzip gzip;
    std::string text, packed;
    for (unsigned pieces = random() % 6; pieces > 0; --pieces) {
      std::string piece(random() % 300'000, '\0');
      for (char& c : piece) c = static_cast<char>(round % 2 == 0 ? random() : 'a' + random() % 3);
      text += piece;
      packed += gzip.pack(piece, false);
    }
    packed += gzip.pack("", true);
    ASSERT_EQ(unpacked(packed, text.size()), text);
  }
}

TEST(Gzip, IsAFunctionOfTheBytes) {
  Gzip first, second;
  EXPECT_EQ(first.pack("abc", true), second.pack("abc", true));
}

}  // namespace
}  // namespace studio
