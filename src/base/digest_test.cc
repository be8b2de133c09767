#include "base/digest.h"

#include <gtest/gtest.h>

namespace studio {
namespace {

// FIPS 180-4's example.
constexpr std::string_view kOfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Digest, IsTheSameWholeAndInPieces) {
  EXPECT_EQ(to_hex(sha256("abc")), kOfAbc);
  Sha256 pieces;
  for (const char* piece : {"a", "", "bc"}) pieces.update(piece);
  EXPECT_EQ(to_hex(pieces.finish()), kOfAbc);
}

// RFC 1321's own examples.
TEST(Digest, Md5IsTheSameWholeAndInPieces) {
  Md5 pieces;
  for (const char* piece : {"message ", "", "digest"}) pieces.update(piece);
  EXPECT_EQ(to_hex(pieces.finish()), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(to_hex(Md5().finish()), "d41d8cd98f00b204e9800998ecf8427e");
}

TEST(Digest, ComesBackFromItsDigitsAndFromNothingElse) {
  EXPECT_EQ(digest_of_hex(kOfAbc), sha256("abc"));
  const std::string digits(kOfAbc);
  for (const std::string& other : {std::string(), digits.substr(1), digits + "0", "B" + digits.substr(1),
                                   "g" + digits.substr(1), digits.substr(1) + " "}) {
    EXPECT_FALSE(digest_of_hex(other)) << other;
  }
}

}  // namespace
}  // namespace studio
