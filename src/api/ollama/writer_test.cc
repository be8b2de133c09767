#include "api/ollama/writer.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/json.h"

namespace studio::api::ollama {
namespace {

using std::chrono_literals::operator""ms;

AnswerEnd ended(inference::Finish finish) {
  return {.generation = {.finish = {finish},
                         .error = std::nullopt,
                         .usage = {.prompt_tokens = 7, .cached_tokens = 3, .completion_tokens = 5}},
          .until_first_token = 20ms,
          .total = 50ms};
}

std::vector<boost::json::object> lines_of(const std::string& bytes) {
  std::vector<boost::json::object> lines;
  for (size_t at = 0; at < bytes.size();) {
    size_t end = bytes.find('\n', at);
    lines.push_back(parse_json(std::string_view(bytes).substr(at, end - at)).value().get_object());
    at = end + 1;
  }
  return lines;
}

TEST(OllamaWriter, AStreamIsLinesThatEndWithTheCounts) {
  auto answer = make_writer({.endpoint = Endpoint::kChat, .model = "m:latest"});
  std::string bytes = answer->opening() + answer->heartbeat();
  bytes += answer->pieces({.choice = 0, .reasoning = "hm", .text = "A", .logprobs = {}});
  bytes += answer->ending(ended(inference::Finish::kLength));
  auto lines = lines_of(bytes);
  ASSERT_EQ(lines.size(), 4u);
  for (const auto& line : lines) EXPECT_EQ(line.at("model"), "m:latest");
  EXPECT_EQ(lines[0].at("message").at("content"), "") << "a silence is an empty piece";
  EXPECT_EQ(lines[1].at("message").at("thinking"), "hm");
  EXPECT_EQ(lines[2].at("message").at("content"), "A");
  EXPECT_EQ(lines[2].at("done"), false);
  EXPECT_EQ(lines[3].at("done"), true);
  EXPECT_EQ(lines[3].at("done_reason"), "length");
  EXPECT_EQ(lines[3].at("prompt_eval_count"), 7);
  EXPECT_EQ(lines[3].at("eval_count"), 5);
  EXPECT_EQ(lines[3].at("prompt_eval_duration"), 20'000'000);
  EXPECT_EQ(lines[3].at("eval_duration"), 30'000'000);
  EXPECT_EQ(lines[3].at("total_duration"), 50'000'000);
}

TEST(OllamaWriter, GenerateAnswersWithAResponse) {
  std::vector<ChoiceAnswer> choices(1);
  choices[0].reasoning = "hm", choices[0].text = "A";
  auto answer = make_writer({.endpoint = Endpoint::kGenerate, .model = "m"});
  auto body = parse_json(answer->whole(choices, ended(inference::Finish::kStop)).body).value();
  EXPECT_EQ(body.at("response"), "A");
  EXPECT_EQ(body.at("thinking"), "hm");
  EXPECT_EQ(body.at("done_reason"), "stop");
}

TEST(OllamaWriter, AFailureIsALineOfItsOwn) {
  auto lines = lines_of(make_writer({})->failure(Error(Code::kInternal, "broken").with_detail("/secret")));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0], (boost::json::object{{"error", "broken"}}));
}

TEST(OllamaErrors, EveryCodeHasAStatus) {
  for (Code code : {Code::kInvalidArgument, Code::kOutOfRange, Code::kUnauthenticated, Code::kPermissionDenied,
                    Code::kNotFound, Code::kConflict, Code::kQuotaExceeded, Code::kOverloaded,
                    Code::kFailedPrecondition, Code::kPayloadTooLarge, Code::kCancelled, Code::kDeadlineExceeded,
                    Code::kUnavailable, Code::kCorruptData, Code::kUnimplemented, Code::kInternal}) {
    EXPECT_GE(http_status(code), 400);
    EXPECT_LT(http_status(code), 600);
  }
  EXPECT_EQ(http_status(Code::kNotFound), 404);
  EXPECT_EQ(*error_response(Error(Code::kOverloaded, "m")).fields.find("retry-after"), "1");
}

}  // namespace
}  // namespace studio::api::ollama
