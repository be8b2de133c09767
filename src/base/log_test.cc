#include "base/log.h"

#include <gtest/gtest.h>

#include <string>

#include "base/json.h"

namespace studio::log {
namespace {

std::string line_of(Fields fields) {
  return format_line(Level::kInfo, "gateway", "2026-01-01T00:00:00.000Z", "http.request", fields);
}

TEST(Log, WritesOneJsonObjectALine) {
  std::string line = line_of({{"request_id", "a-1#0"}, {"status", 200}, {"ms", 1.5}, {"client_gone", false}});
  EXPECT_EQ(line, R"({"time":"2026-01-01T00:00:00.000Z","level":"info","process":"gateway","event":"http.request",)"
                  R"("request_id":"a-1#0","status":200,"ms":1.5,"client_gone":false})");
  EXPECT_TRUE(parse_json(line).ok());
}

TEST(Log, AnIdCannotCarryText) {
  EXPECT_NE(line_of({{"request_id", "tell me a secret\n\xff"}}).find(R"("tell?me?a?secret??")"), std::string::npos);
  EXPECT_NE(line_of({{"route", "/v1/models/{id} x"}}).find(R"("/v1/models/{id}?x")"), std::string::npos);
}

TEST(Log, ANumbersFieldTakesNoText) {
  std::string line = line_of({{"prompt_tokens", "the prompt"}});
  EXPECT_EQ(line.find("prompt\":\"the"), std::string::npos);
  EXPECT_NE(line.find(R"("prompt_tokens":"...")"), std::string::npos);
}

TEST(Log, LongTextIsCutAndControlBytesAreEscaped) {
  std::string line = line_of({{"why", std::string(5000, 'x')}, {"detail", "a\nb\"c"}});
  EXPECT_LT(line.size(), 1400U);
  EXPECT_NE(line.find(R"(xxx...")"), std::string::npos);
  EXPECT_NE(line.find(R"("a\u000ab\"c")"), std::string::npos);
  EXPECT_TRUE(parse_json(line).ok());
}

TEST(Log, NoRuleHasAPlaceForContent) {
  for (const FieldRule& rule : kFieldRules) {
    for (const char* word : {"prompt", "content", "text", "body", "key", "header", "message", "token"}) {
      EXPECT_NE(rule.name, word);
    }
  }
}

}  // namespace
}  // namespace studio::log
