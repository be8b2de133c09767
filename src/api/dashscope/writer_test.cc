#include "api/dashscope/writer.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "api/dashscope/errors.h"
#include "base/json.h"
#include "http/sse.h"

namespace studio::api::dashscope {
namespace {

using inference::Finish;

AnswerEnd ended(std::vector<Finish> finish) {
  return {
      .generation = {.finish = std::move(finish),
                     .error = std::nullopt,
                     .usage = {.prompt_tokens = 7, .cached_tokens = 3, .completion_tokens = 5, .reasoning_tokens = 2}}};
}

inference::ChoiceDelta piece(const char* reasoning, const char* text, int choice = 0) {
  return {.choice = choice, .reasoning = reasoning, .text = text, .logprobs = {}};
}

std::vector<boost::json::value> frames_of(const std::string& bytes) {
  std::vector<http::SseReader::Event> events;
  EXPECT_TRUE(http::SseReader().feed(bytes, events).ok());
  std::vector<boost::json::value> frames;
  for (const auto& event : events) frames.push_back(parse_json(event.data).value());
  return frames;
}

std::string content(const boost::json::value& frame, size_t choice = 0) {
  return std::string(frame.at("output").at("choices").at(choice).at("message").at("content").as_string());
}

TEST(DashscopeWriter, EventsAreNumberedAndHaveNoBlankBehindTheColon) {
  auto answer = make_writer({.request_id = "r-1", .prompt_tokens = 7});
  EXPECT_TRUE(answer->pieces(piece("", "A")).starts_with("id:1\nevent:result\n:HTTP_STATUS/200\ndata:{"));
  EXPECT_TRUE(answer->ending(ended({Finish::kStop})).starts_with("id:2\nevent:result\n"));
}

TEST(DashscopeWriter, PiecesHoldAllSoFarUnlessAskedForWhatIsNew) {
  for (const bool is_incremental : {false, true}) {
    auto answer = make_writer({.request_id = "r-1", .is_incremental = is_incremental, .prompt_tokens = 7});
    std::string bytes;
    for (const char* text : {"An", "swer"}) {
      answer->note_token(0);
      bytes += answer->pieces(piece("", text));
    }
    bytes += answer->ending(ended({Finish::kLength}));
    auto frames = frames_of(bytes);
    ASSERT_EQ(frames.size(), 3u);
    EXPECT_EQ(content(frames[0]), "An");
    EXPECT_EQ(content(frames[1]), is_incremental ? "swer" : "Answer");
    EXPECT_EQ(content(frames[2]), is_incremental ? "" : "Answer");
    EXPECT_EQ(frames[0].at("output").at("choices").at(0).at("finish_reason"), "null");
    EXPECT_EQ(frames[2].at("output").at("choices").at(0).at("finish_reason"), "length");
    EXPECT_EQ(frames[0].at("usage").at("output_tokens"), 1);
    EXPECT_EQ(frames[1].at("usage").at("total_tokens"), 9);
    EXPECT_EQ(frames[2].at("usage").at("output_tokens"), 5);
    EXPECT_EQ(frames[2].at("usage").at("output_tokens_details").at("reasoning_tokens"), 2);
  }
}

TEST(DashscopeWriter, ChoicesAreKeptApart) {
  auto answer = make_writer({.request_id = "r-1", .choices = 2});
  std::string bytes = answer->pieces(piece("", "a", 0)) + answer->pieces(piece("", "b", 1));
  auto frames = frames_of(bytes + answer->ending(ended({Finish::kStop, Finish::kLength})));
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[1].at("output").at("choices").at(0).at("index"), 1);
  EXPECT_EQ(content(frames[1]), "b");
  EXPECT_EQ(content(frames[2], 0), "a");
  EXPECT_EQ(frames[2].at("output").at("choices").at(1).at("finish_reason"), "length");
}

TEST(DashscopeWriter, TextIsTheOlderForm) {
  std::vector<ChoiceAnswer> choices(1);
  choices[0].text = "A";
  auto answer = make_writer({.request_id = "r-1", .format = ResultFormat::kText});
  auto body = parse_json(answer->whole(choices, ended({Finish::kStop})).body).value();
  EXPECT_EQ(body.at("output").at("text"), "A");
  EXPECT_EQ(body.at("output").at("finish_reason"), "stop");
  EXPECT_TRUE(body.at("output").at("choices").is_null());
}

TEST(DashscopeWriter, MultimodalContentIsAList) {
  auto answer = make_writer({.request_id = "r-1", .is_multimodal = true, .is_incremental = true});
  auto frames = frames_of(answer->pieces(piece("", "A")) + answer->ending(ended({Finish::kStop})));
  const auto part = [&](size_t i) {
    return frames[i].at("output").at("choices").at(0).at("message").at("content").as_array();
  };
  EXPECT_EQ(part(0).at(0).at("text"), "A");
  EXPECT_TRUE(part(1).empty());
}

TEST(DashscopeWriter, AFailureIsAnErrorEventWithItsStatus) {
  auto answer = make_writer({.request_id = "r-1"});
  std::string bytes = answer->failure(Error(Code::kUnavailable, "gone"));
  EXPECT_TRUE(bytes.starts_with("id:1\nevent:error\n:HTTP_STATUS/503\nstatus:503\ndata:{")) << bytes;
  EXPECT_EQ(frames_of(bytes).at(0).at("code"), "ModelUnavailable");
}

TEST(DashscopeErrors, EveryCodeHasAStatusAndACode) {
  for (Code code : {Code::kInvalidArgument, Code::kOutOfRange, Code::kUnauthenticated, Code::kPermissionDenied,
                    Code::kNotFound, Code::kConflict, Code::kQuotaExceeded, Code::kOverloaded,
                    Code::kFailedPrecondition, Code::kPayloadTooLarge, Code::kCancelled, Code::kDeadlineExceeded,
                    Code::kUnavailable, Code::kCorruptData, Code::kUnimplemented, Code::kInternal}) {
    EXPECT_GE(http_status(code), 400);
    EXPECT_LT(http_status(code), 600);
    auto body = parse_json(error_body(Error(code, "m").with_detail("/secret"), "r-1")).value();
    EXPECT_FALSE(body.at("code").as_string().empty());
    EXPECT_EQ(body.at("message"), "m");
    EXPECT_EQ(body.at("request_id"), "r-1");
  }
  auto model = parse_json(error_body(Error(Code::kNotFound, "m").with_param("model"), "r-1")).value();
  EXPECT_EQ(model.at("code"), "ModelNotFound");
}

}  // namespace
}  // namespace studio::api::dashscope
