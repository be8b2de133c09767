#include "inference/encoder_protocol.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "inference/vector_text.h"

namespace studio::inference {
namespace {

TEST(VectorText, IsTheBase64ThatOthersWrite) {
  EXPECT_EQ(to_base64({}), "");
  EXPECT_EQ(to_base64(std::vector<float>{1}), "AACAPw==");
  EXPECT_EQ(to_base64(std::vector<float>{1, -2, 0.5f}), "AACAPwAAAMAAAAA/");
}

TEST(VectorText, ReadsWhatItWroteToTheLastBit) {
  std::vector<float> values;
  uint32_t state = 1;
  for (int i = 0; i < 100; ++i) {
    const auto read = from_base64(to_base64(values), 100);
    ASSERT_TRUE(read.ok()) << i;
    EXPECT_EQ(*read, values);
    state = state * 1664525 + 1013904223;
    values.push_back(static_cast<float>(state) / 1e9f);
  }
  for (const char* bad : {"A", "AACAPw=", "AACAPw=A", "AA*APw==", "AACA", "====", "AACAPw==AACAPw=="}) {
    EXPECT_FALSE(from_base64(bad, 100).ok()) << bad;
  }
  EXPECT_FALSE(from_base64(to_base64(values), 99).ok());
}

TEST(EncoderProtocol, SendsARequestThatIsReadAsItWas) {
  EncodeRequest request;
  request.request_id = "abc";
  request.texts = {{.ids = {1, 2, 3}}, {.ids = {7}}};
  auto read = decode_encode_request(encode_encode_request(request));
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(read->request_id, "abc");
  EXPECT_EQ(read->texts, request.texts);
  EXPECT_EQ(read->deadline, std::chrono::steady_clock::time_point::max());

  EXPECT_FALSE(read->is_fast);

  request.texts[0].second_from = 2;
  request.is_fast = true;
  request.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  read = decode_encode_request(encode_encode_request(request));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->texts, request.texts);
  EXPECT_TRUE(read->is_fast);
  EXPECT_LT(std::chrono::abs(read->deadline - request.deadline), std::chrono::seconds(5));
}

TEST(EncoderProtocol, RefusesRequestsByField) {
  const std::pair<const char*, const char*> cases[] = {
      {"[]", "body"},
      {R"({"encoding_format":"base64"})", "input"},
      {R"({"input":[],"encoding_format":"base64"})", "input"},
      {R"({"input":[[]],"encoding_format":"base64"})", "input"},
      {R"({"input":["text"],"encoding_format":"base64"})", "input"},
      {R"({"input":[[-1]],"encoding_format":"base64"})", "input"},
      {R"({"input":[[1.5]],"encoding_format":"base64"})", "input"},
      {R"({"input":[[1]]})", "encoding_format"},
      {R"({"input":[[1]],"encoding_format":"float"})", "encoding_format"},
      {R"({"input":[[1]],"encoding_format":"base64","second_from":[1]})", "second_from"},
      {R"({"input":[[1,2]],"encoding_format":"base64","second_from":[0,0]})", "second_from"},
      {R"({"input":[[1]],"encoding_format":"base64","deadline_ms":-1})", "deadline_ms"},
      {R"({"input":[[1]],"encoding_format":"base64","dimensions":3})", "dimensions"},
  };
  for (const auto& [text, field] : cases) {
    const auto read = decode_encode_request(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.error().param(), field) << text;
  }
}

TEST(EncoderProtocol, TrustsNoAnswer) {
  const Encoded encoded{.values = {1, 2, 3, 4}, .width = 2, .prompt_tokens = 9};
  const std::string sent = encode_encoded(encoded);
  const auto read = decode_encoded(sent, 2);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->values, encoded.values);
  EXPECT_EQ(read->width, 2u);
  EXPECT_EQ(read->prompt_tokens, 9);
  EXPECT_FALSE(decode_encoded(sent, 1).ok());
  EXPECT_FALSE(decode_encoded(sent, 3).ok());
  EXPECT_FALSE(decode_encoded("{}", 0).ok());
  const Encoded strange{.values = {1, std::numeric_limits<float>::quiet_NaN()}, .width = 2, .prompt_tokens = 1};
  EXPECT_FALSE(decode_encoded(encode_encoded(strange), 1).ok());
  const char* uneven =
      R"({"data":[{"index":0,"embedding":"AACAPw=="},{"index":1,"embedding":"AACAPwAAAMA="}],"usage":{"prompt_tokens":1}})";
  EXPECT_FALSE(decode_encoded(uneven, 2).ok());
  const char* swapped = R"({"data":[{"index":1,"embedding":"AACAPw=="}],"usage":{"prompt_tokens":1}})";
  EXPECT_FALSE(decode_encoded(swapped, 1).ok());
}

}  // namespace
}  // namespace studio::inference
