#include "cli/recordings.h"

#include <gtest/gtest.h>

namespace studio::cli {
namespace {

TEST(Recordings, ARequestIsReadWithItsPlaceholders) {
  auto request = parse_recorded(
      R"({"test":"stream","method":"POST","path":"/v1/x","fields":{"accept":"text/event-stream"},"auth":"bearer",)"
      R"("body":{"model":"{model}","text":{"$repeat":["ab",3]},"list":[1,"{model}"]},"status":200,"type":"a/b","ends":true})");
  ASSERT_TRUE(request.ok()) << request.error().message();
  EXPECT_EQ(request->fields, std::vector<std::string>{"accept: text/event-stream"});
  EXPECT_TRUE(request->has_end && !request->is_cut);
  EXPECT_EQ(body_of(*request, "tiny").value(), R"({"model":"tiny","text":"ababab","list":[1,"tiny"]})");
}

TEST(Recordings, ABodyThatIsNoJsonStaysAsItIs) {
  auto request = parse_recorded(R"({"test":"t","method":"POST","path":"/","body":"{not json","status":400})");
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(body_of(*request, "tiny").value(), "{not json");
  auto without = parse_recorded(R"({"test":"t","method":"GET","path":"/","status":200})");
  EXPECT_EQ(body_of(*without, "tiny").value(), "");
}

TEST(Recordings, WhatIsNoRequestIsAnError) {
  for (const char* line : {"", "[]", "{}", R"({"test":"t","method":"GET","path":"x","status":200})",
                           R"({"test":"t","method":"GET","path":"/","status":"200"})"}) {
    EXPECT_FALSE(parse_recorded(line).ok()) << line;
  }
  auto huge = parse_recorded(
      R"({"test":"t","method":"POST","path":"/","body":{"$repeat":["xxxxxxxx",9223372036854775807]},"status":200})");
  ASSERT_TRUE(huge.ok());
  EXPECT_FALSE(body_of(*huge, "tiny").ok());
}

}  // namespace
}  // namespace studio::cli
