#include "base/json.h"

#include <gtest/gtest.h>

#include <boost/json/value.hpp>
#include <charconv>
#include <cmath>
#include <cstring>
#include <random>

namespace studio {
namespace {

std::string round_trip(std::string_view text) {
  auto value = parse_json(text);
  return value.ok() ? to_json(*value) : "error: " + value.error().message();
}

TEST(Json, KeepsKeyOrderAndPrintsCompactly) {
  EXPECT_EQ(round_trip(R"( { "z" : [ 1 , 2.5, true, null ], "a" : { } , "m":[] } )"),
            R"({"z":[1,2.5,true,null],"a":{},"m":[]})");
}

TEST(Json, PrintsDoublesInShortestExactForm) {
  EXPECT_EQ(round_trip("[0.7,100.0,1e16,-0.0,5e-324,1e-7]"), "[0.7,100.0,1e+16,-0.0,5e-324,1e-07]");
  EXPECT_EQ(to_json(std::nan("")), "null");
}

TEST(Json, ReadsSeventeenDigitDoublesExactly) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20000; ++i) {
    uint64_t bits = random();
    double value;
    memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    char text[64];
    auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific, 16).ptr;
    auto parsed = parse_json(std::string_view(text, static_cast<size_t>(end - text)));
    ASSERT_TRUE(parsed.ok()) << parsed.error().message();
    EXPECT_EQ(parsed->get_double(), value);
    EXPECT_EQ(parse_json(to_json(*parsed))->get_double(), value);
  }
}

TEST(Json, KeepsSixtyFourBitIntegersAndRefusesLarger) {
  EXPECT_EQ(round_trip("[9007199254740993,-9223372036854775808,18446744073709551615]"),
            "[9007199254740993,-9223372036854775808,18446744073709551615]");
  EXPECT_FALSE(parse_json("18446744073709551616").ok());
  EXPECT_FALSE(parse_json("-9223372036854775809").ok());
  EXPECT_FALSE(parse_json("1e400").ok());
  EXPECT_EQ(round_trip("1e-400"), "0.0");
}

TEST(Json, RefusesDuplicateKeysAtAnyLevel) {
  EXPECT_FALSE(parse_json(R"({"a":1,"a":2})").ok());
  EXPECT_FALSE(parse_json(R"([{"b":{"a":1,"\u0061":2}}])").ok());
  EXPECT_TRUE(parse_json(R"({"a":{"a":1},"b":{"a":2}})").ok());
}

TEST(Json, RefusesInvalidUtf8AndLoneSurrogates) {
  EXPECT_FALSE(parse_json("\"\xff\"").ok());
  EXPECT_FALSE(parse_json("\"\xed\xa0\x80\"").ok());
  EXPECT_FALSE(parse_json("\"\\ud800\"").ok());
  EXPECT_EQ(round_trip("\"\\ud83d\\ude00\""), "\"\xf0\x9f\x98\x80\"");
}

TEST(Json, CapsDepth) {
  auto nested = [](size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  EXPECT_TRUE(parse_json(nested(64)).ok());
  EXPECT_FALSE(parse_json(nested(65)).ok());
  EXPECT_FALSE(parse_json(std::string(10'000'000, '[')).ok());
  std::string objects;
  for (int i = 0; i < 1'000'000; ++i) objects += "{\"a\":";
  EXPECT_FALSE(parse_json(objects).ok());
}

TEST(Json, SaysWhereAndWhyItFailed) {
  EXPECT_EQ(parse_json("{\"a\":1} x").error().message(), "invalid JSON: text after the value at byte 8");
  EXPECT_EQ(parse_json("").error().code(), Code::kInvalidArgument);
  EXPECT_EQ(parse_json("[1,2]", {.bytes = 3}).error().code(), Code::kPayloadTooLarge);
  EXPECT_FALSE(parse_json("[1,]").ok());
  EXPECT_FALSE(parse_json("[01]").ok());
  EXPECT_FALSE(parse_json("{\"a\"}").ok());
  EXPECT_FALSE(parse_json("[\"\n\"]").ok());
}

TEST(Json, EscapesWhatCouldBreakALine) {
  std::string text = "a\"\\\b\f\n\r\t\x01\x7f\u2028\u2029\u202a\xC3\xA9";
  EXPECT_EQ(to_json(boost::json::string(text)), "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\x7f\\u2028\\u2029\u202a\xC3\xA9\"");
  EXPECT_EQ(parse_json(to_json(boost::json::string(text)))->get_string(), text);
}

}  // namespace
}  // namespace studio
