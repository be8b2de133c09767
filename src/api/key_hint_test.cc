#include "api/key_hint.h"

#include <gtest/gtest.h>

namespace studio::api {
namespace {

std::string hint_of(const char* name, const std::string& value, const char* query = "") {
  http::Request request;
  if (name) request.fields.add(name, value);
  request.query = query;
  return key_hint(request);
}

TEST(KeyHint, NamesTheDoorThatAKeysFormBelongsTo) {
  EXPECT_NE(hint_of("Authorization", "Bearer sk-ant-abc").find("api.anthropic.com"), std::string::npos);
  EXPECT_NE(hint_of("X-Api-Key", "sk-ant-abc").find("api.anthropic.com"), std::string::npos);
  EXPECT_NE(hint_of("Authorization", "Bearer sk-proj-abc").find("api.openai.com"), std::string::npos);
  EXPECT_NE(hint_of("Authorization", "Bearer sk-sp-abc").find("coding.dashscope.aliyuncs.com"), std::string::npos);
  EXPECT_NE(hint_of("Authorization", "Bearer LTAI5tabc").find("control plane"), std::string::npos);
}

TEST(KeyHint, NamesThePlaceThatIsRead) {
  EXPECT_NE(hint_of("Authorization", "sk-abc").find("`Bearer` is missing"), std::string::npos);
  EXPECT_NE(hint_of("Authorization", "Basic c2s6").find("only `Bearer`"), std::string::npos);
  EXPECT_NE(hint_of("api-key", "sk-abc").find("`api-key` is not read"), std::string::npos);
  EXPECT_NE(hint_of(nullptr, "", "a=b&api_key=sk-abc").find("in the address"), std::string::npos);
}

TEST(KeyHint, SaysNothingOfAKeyOfOurOwnFormAndRepeatsNone) {
  EXPECT_EQ(hint_of("Authorization", "Bearer sk-abc"), "");
  EXPECT_EQ(hint_of(nullptr, ""), "");
  for (const char* sent : {"Bearer sk-ant-S3CRET", "S3CRET", "Basic S3CRET"}) {
    EXPECT_EQ(hint_of("Authorization", sent).find("S3CRET"), std::string::npos);
  }
}

}  // namespace
}  // namespace studio::api
