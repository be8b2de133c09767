// Events and output as they follow from a record, checked against an accumulator of the test's own.
#include "api/responses/events.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <random>

#include "api/responses/render.h"
#include "api/responses/writer.h"
#include "base/ids.h"
#include "base/json.h"
#include "http/sse.h"

namespace studio::api::responses {
namespace {

namespace json = boost::json;
using inference::Finish;

Record record() {
  return {.id = "resp_1",
          .created_at = 5,
          .model = "m",
          .echo = {{"metadata", json::object()}},
          .has_logprobs = true,
          .pieces = {}};
}

std::vector<json::object> events_of(const std::string& bytes) {
  std::vector<http::SseReader::Event> events;
  EXPECT_TRUE(http::SseReader().feed(bytes, events).ok());
  std::vector<json::object> all;
  for (const auto& event : events) {
    all.push_back(parse_json(event.data).value().get_object());
    EXPECT_EQ(all.back().at("type"), event.type.c_str()) << "the event's name is its type";
  }
  return all;
}

// What a client makes of the events: each item grows by its deltas, and its end must be what has grown.
json::array accumulated(const std::vector<json::object>& events) {
  json::array items;
  for (const json::object& event : events) {
    const std::string type(event.at("type").get_string());
    if (type == "response.output_item.added") {
      EXPECT_EQ(event.at("output_index"), items.size());
      items.push_back(event.at("item"));
    } else if (type == "response.function_call_arguments.delta") {
      json::object& item = items.back().get_object();
      EXPECT_EQ(event.at("item_id"), item.at("id"));
      item["arguments"] = std::string(item.at("arguments").get_string()) + std::string(event.at("delta").get_string());
    } else if (type == "response.function_call_arguments.done") {
      EXPECT_EQ(event.at("arguments"), items.back().at("arguments"));
    } else if (type == "response.content_part.added") {
      items.back().at("content").get_array().push_back(event.at("part"));
    } else if (type.ends_with(".delta")) {
      json::object& part = items.back().at("content").at(0).get_object();
      EXPECT_EQ(event.at("item_id"), items.back().at("id"));
      part["text"] = std::string(part.at("text").get_string()) + std::string(event.at("delta").get_string());
    } else if (type == "response.output_text.done" || type == "response.reasoning_text.done") {
      EXPECT_EQ(event.at("text"), items.back().at("content").at(0).at("text"));
    } else if (type == "response.output_item.done") {
      json::value grown = items.back();
      grown.get_object()["status"] = event.at("item").at("status");
      // Log probabilities come with the deltas, and stand in the item at its end.
      if (grown.at("type") == "message") {
        grown.at("content").at(0).get_object()["logprobs"] = event.at("item").at("content").at(0).at("logprobs");
      }
      EXPECT_EQ(event.at("item"), grown);
      items.back() = event.at("item");
    }
  }
  return items;
}

Record random_record(std::mt19937& random) {
  static constexpr State kEnds[] = {State::kCompleted, State::kIncomplete, State::kFailed, State::kCancelled};
  Record made = record();
  made.is_background = random() % 2 == 0;
  const auto reasoning = random() % 4, text = random() % 4;
  for (size_t i = 0; i < reasoning; ++i)
    made.pieces.push_back({.kind = Piece::Kind::kReasoning, .text = "r水" + std::to_string(i)});
  for (size_t i = 0; i < text; ++i) {
    made.pieces.push_back({.text = random() % 5 == 0 ? "" : "t\n" + std::to_string(i),
                           .logprobs = {json::object{{"token", "t"}, {"logprob", -0.5}}}});
  }
  const auto calls = random() % 3;
  for (size_t call = 0; call < calls; ++call) {
    made.pieces.push_back(
        {.kind = Piece::Kind::kCall, .text = "", .call_id = "call_" + std::to_string(call), .name = "f"});
    made.pieces.push_back({.kind = Piece::Kind::kCall, .text = "{\"a\":"});
    made.pieces.push_back({.kind = Piece::Kind::kCall, .text = "1}"});
  }
  made.state = kEnds[random() % 4];
  if (made.state == State::kFailed) made.failure = Failure{"server_error", "x"};
  made.completed_at = 9;
  made.usage = {.prompt_tokens = 7, .cached_tokens = 3, .completion_tokens = 5, .reasoning_tokens = 2};
  return made;
}

TEST(ResponsesEvents, TheirSumIsTheOutput) {
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    const Record made = random_record(random);
    const auto events = events_of(replay(made, -1));
    for (size_t n = 0; n < events.size(); ++n) EXPECT_EQ(events[n].at("sequence_number"), n);
    EXPECT_EQ(accumulated(events), output_items(made));
    EXPECT_EQ(events.back().at("response"), response_object(made));
  }
}

TEST(ResponsesEvents, ARecordThatWasStoredTellsTheSameBytes) {
  std::mt19937 random(2);
  for (int i = 0; i < 300; ++i) {
    const Record made = random_record(random);
    const auto again = from_stored(made.id, made.created_at, to_stored(made));
    ASSERT_TRUE(again.ok()) << again.error().message();
    EXPECT_EQ(replay(*again, -1), replay(made, -1));
  }
}

TEST(ResponsesEvents, WhoComesBackGetsTheRest) {
  std::mt19937 random(3);
  for (int i = 0; i < 50; ++i) {
    const Record made = random_record(random);
    const std::string all = replay(made, -1);
    const auto events = static_cast<int64_t>(events_of(all).size());
    for (int64_t after = 0; after < events + 2; ++after) {
      const std::string rest = replay(made, after);
      EXPECT_TRUE(all.ends_with(rest));
      EXPECT_EQ(static_cast<int64_t>(events_of(rest).size()), std::max<int64_t>(events - after - 1, 0));
    }
  }
}

TEST(ResponsesEvents, AStreamIsToldAgainAsItWas) {
  Record kept;
  auto writer = make_writer({.record = record(),
                             .request_id = "r",
                             .keep =
                                 [&](const Record& ended) {
                                   kept = ended;
                                   return Status(Ok{});
                                 },
                             .is_gone = [] { return false; }});
  std::string bytes = writer->opening();
  bytes += writer->pieces({.choice = 0, .reasoning = "hm", .text = "", .logprobs = {}});
  bytes += writer->pieces(
      {.choice = 0, .reasoning = "m", .text = "An", .logprobs = {{.bytes = "An", .logprob = -1, .top = {}}}});
  bytes += writer->pieces({.choice = 0, .reasoning = "", .text = "swer", .logprobs = {}});
  bytes += writer->ending({.generation = {.finish = {Finish::kStop}, .error = std::nullopt, .usage = {}}});
  EXPECT_EQ(replay(kept, -1), bytes);
  EXPECT_EQ(events_of(bytes).back().at("type"), "response.completed");
}

TEST(ResponsesWriter, WhatCannotBeKeptIsNotToldAsComplete) {
  const auto failing = [] {
    return make_writer({.record = record(),
                        .request_id = "r",
                        .keep = [](const Record&) { return Error(Code::kUnavailable, "the disk is full"); },
                        .is_gone = [] { return false; }});
  };
  const AnswerEnd end{.generation = {.finish = {Finish::kStop}, .error = std::nullopt, .usage = {}}};
  auto stream = failing();
  stream->opening();
  const auto events = events_of(stream->ending(end));
  EXPECT_EQ(events.back().at("type"), "response.failed");
  EXPECT_EQ(events.back().at("response").at("status"), "failed");
  EXPECT_EQ(failing()->whole(std::vector<ChoiceAnswer>(1), end).status, 500);
}

TEST(ResponsesWriter, OneWhoseAskerLeftIsKeptAsCancelled) {
  Record kept;
  auto writer = make_writer({.record = record(),
                             .request_id = "r",
                             .keep =
                                 [&](const Record& ended) {
                                   kept = ended;
                                   return Status(Ok{});
                                 },
                             .is_gone = [] { return true; }});
  writer->opening();
  writer->pieces({.choice = 0, .reasoning = "", .text = "An", .logprobs = {}});
  writer->failure(Error(Code::kUnavailable, "stopping"));
  EXPECT_EQ(kept.state, State::kCancelled);
  EXPECT_EQ(to_json(output_items(kept).at(0).at("status")), "\"incomplete\"");
}

TEST(ResponsesRender, NothingSaidIsAMessageThatIsEmpty) {
  Record made = record();
  made.state = State::kCompleted;
  const auto items = output_items(made);
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items.at(0).at("content").at(0).at("text"), "");
}

TEST(ResponsesRecord, LogprobsStandWithTheTextThatTheirTokensMake) {
  Record made = record();
  const auto token = [](const char* bytes) {
    return std::vector<inference::TokenLogprob>{{.bytes = bytes, .logprob = -1, .top = {}}};
  };
  add_delta({.choice = 0, .reasoning = {}, .text = "", .logprobs = token("\xE6")}, made);
  EXPECT_TRUE(made.pieces.empty()) << "half a character opens no message";
  add_delta({.choice = 0, .reasoning = {}, .text = "水", .logprobs = token("\xB0\xB4")}, made);
  ASSERT_EQ(made.pieces.size(), 1u);
  EXPECT_EQ(made.pieces[0].logprobs.size(), 2u);
  add_delta({.choice = 0, .reasoning = {}, .text = "", .logprobs = token("<tool_call>")}, made);
  add_delta({.choice = 0,
             .reasoning = {},
             .text = "",
             .tool_calls = {{.index = 0, .id = "call_1", .name = "f", .arguments = "{}"}},
             .logprobs = token("{}")},
            made);
  EXPECT_EQ(made.pieces.back().call_id, "call_1");
  EXPECT_TRUE(made.pieces.back().logprobs.empty()) << "calls have none on this wire";
}

TEST(ResponsesRecord, ItemsTellWhoseTheyAre) {
  const std::string id = response_id_of(new_uuid());
  for (const std::string& item : {reasoning_id(id), message_id(id), call_item_id(id, 0), call_item_id(id, 12)}) {
    EXPECT_EQ(response_of_item(item), id);
  }
  EXPECT_EQ(response_of_item("file_1"), "");
}

TEST(ResponsesRecord, DamagedTextIsAnError) {
  for (const char* text : {"", "[]", "{}", R"({"echo":{},"pieces":7})", R"({"echo":{},"pieces":[7]})",
                           R"({"echo":{},"pieces":[["t"]]})", R"({"echo":7,"pieces":[]})"}) {
    EXPECT_FALSE(from_stored("resp_1", 0, text).ok()) << text;
  }
}

}  // namespace
}  // namespace studio::api::responses
