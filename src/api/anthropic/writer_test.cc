#include "api/anthropic/writer.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/json.h"
#include "http/sse.h"

namespace studio::api::anthropic {
namespace {

using inference::ChoiceDelta;
using inference::Finish;

std::unique_ptr<AnswerWriter> writer() {
  return make_writer({.id = "msg_1", .model = "m", .request_id = "r-1", .prompt_tokens = 7});
}

AnswerEnd ended(Finish finish) {
  return {
      .generation = {.finish = {finish},
                     .error = std::nullopt,
                     .usage = {.prompt_tokens = 7, .cached_tokens = 3, .completion_tokens = 5, .reasoning_tokens = 2}}};
}

std::vector<http::SseReader::Event> events_of(const std::string& bytes) {
  std::vector<http::SseReader::Event> events;
  EXPECT_TRUE(http::SseReader().feed(bytes, events).ok());
  return events;
}

// Types of the events in their order; each must be its event's name too.
std::vector<std::string> types_of(const std::string& bytes) {
  std::vector<std::string> types;
  for (const auto& event : events_of(bytes)) {
    auto data = parse_json(event.data).value().get_object();
    EXPECT_EQ(data.at("type"), event.type.c_str());
    types.push_back(event.type);
  }
  return types;
}

TEST(AnthropicWriter, ThinkingThatIsNotToldLeavesAnEmptyBlock) {
  auto answer =
      make_writer({.id = "msg_1", .model = "m", .request_id = "r-1", .prompt_tokens = 7, .tells_thinking = false});
  std::string bytes = answer->opening();
  bytes += answer->pieces({.choice = 0, .reasoning = "secret", .text = "", .logprobs = {}});
  bytes += answer->pieces({.choice = 0, .reasoning = "", .text = "Answer", .logprobs = {}});
  bytes += answer->ending(ended(Finish::kStop));
  EXPECT_EQ(types_of(bytes),
            (std::vector<std::string>{"message_start", "content_block_start", "content_block_delta",
                                      "content_block_stop", "content_block_start", "content_block_delta",
                                      "content_block_stop", "message_delta", "message_stop"}))
      << "the first delta is the signature";
  EXPECT_EQ(bytes.find("secret"), std::string::npos);
  const ChoiceAnswer whole{.reasoning = "secret", .text = "Answer", .logprobs = {}};
  EXPECT_EQ(answer->whole({whole}, ended(Finish::kStop)).body.find("secret"), std::string::npos);
}

TEST(AnthropicWriter, BlocksOpenOneAtATimeInTheirOrder) {
  auto answer = writer();
  std::string bytes = answer->opening();
  bytes += answer->pieces({.choice = 0, .reasoning = "hm", .text = "", .logprobs = {}});
  bytes += answer->pieces({.choice = 0, .reasoning = "m", .text = "An", .logprobs = {}});
  bytes += answer->pieces({.choice = 0, .reasoning = "", .text = "swer", .logprobs = {}});
  bytes += answer->ending(ended(Finish::kStop));
  EXPECT_EQ(types_of(bytes),
            (std::vector<std::string>{"message_start", "content_block_start", "content_block_delta",
                                      "content_block_delta", "content_block_delta", "content_block_stop",
                                      "content_block_start", "content_block_delta", "content_block_delta",
                                      "content_block_stop", "message_delta", "message_stop"}));
  std::string thinking, text;
  int64_t last_index = -1;
  for (const auto& event : events_of(bytes)) {
    auto data = parse_json(event.data).value().get_object();
    if (const auto* index = data.if_contains("index")) {
      EXPECT_GE(index->as_int64(), last_index);
      last_index = index->as_int64();
    }
    const auto* delta = data.if_contains("delta");
    if (!delta || !delta->as_object().contains("type")) continue;
    if (delta->at("type") == "thinking_delta") thinking += delta->at("thinking").as_string();
    if (delta->at("type") == "text_delta") text += delta->at("text").as_string();
  }
  EXPECT_EQ(thinking, "hmm");
  EXPECT_EQ(text, "Answer");
  EXPECT_EQ(last_index, 1);
}

TEST(AnthropicWriter, TheEndCountsCachedTokensApart) {
  auto answer = writer();
  answer->opening();
  auto events = events_of(answer->ending(ended(Finish::kLength)));
  ASSERT_EQ(events.size(), 2u) << "no block was opened, so none is closed";
  auto delta = parse_json(events[0].data).value();
  EXPECT_EQ(delta.at("delta").at("stop_reason"), "max_tokens");
  EXPECT_EQ(delta.at("usage").at("input_tokens"), 4);
  EXPECT_EQ(delta.at("usage").at("cache_read_input_tokens"), 3);
  EXPECT_EQ(delta.at("usage").at("output_tokens"), 5);
}

TEST(AnthropicWriter, AFailureIsAnEventOfItsOwn) {
  auto answer = writer();
  answer->opening();
  auto events = events_of(answer->failure(Error(Code::kOverloaded, "busy")));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].type, "error");
  EXPECT_EQ(parse_json(events[0].data).value().at("error").at("type"), "overloaded_error");
}

TEST(AnthropicWriter, AWholeAnswerHoldsTheSame) {
  std::vector<ChoiceAnswer> choices(1);
  choices[0].reasoning = "hm", choices[0].text = "Answer";
  http::Response response = writer()->whole(choices, ended(Finish::kStop));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(*response.fields.find("request-id"), "r-1");
  auto body = parse_json(response.body).value();
  EXPECT_EQ(body.at("content").at(0).at("thinking"), "hm");
  EXPECT_EQ(body.at("content").at(1).at("text"), "Answer");
  EXPECT_EQ(body.at("stop_reason"), "end_turn");
  EXPECT_EQ(body.at("usage").at("input_tokens"), 4);
}

TEST(AnthropicWriter, NothingSaidIsNoBlock) {
  auto body = parse_json(writer()->whole(std::vector<ChoiceAnswer>(1), ended(Finish::kStop)).body).value();
  EXPECT_TRUE(body.at("content").as_array().empty());
}

}  // namespace
}  // namespace studio::api::anthropic
