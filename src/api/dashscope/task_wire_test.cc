#include "api/dashscope/task_wire.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "api/dashscope/parse.h"
#include "api/dashscope/result_links.h"
#include "base/json.h"

namespace studio::api::dashscope {
namespace {

using store::BatchStatus;

constexpr int64_t kNow = 1'764'201'600;  // 2025-11-27 08:00:00 in UTC+8

EmbeddingTask call_of(const std::string& url) {
  return parse_embedding_task(R"({"model":"m","input":{"url":")" + url + R"("},"parameters":{"dimension":8}})").value();
}

TEST(TaskWire, EachTextIsARequestOfItsOwn) {
  const store::Batch task = task_of(call_of("f"), "key-1", "r-1", kNow);
  const std::string body = body_of_text(task, "a \"b\"\t水").value();
  EXPECT_EQ(body, R"({"model":"m","input":{"texts":["a \"b\"\t水"]},"parameters":{"dimension":8},)"
                  R"("allow_degraded":false})");
  EXPECT_FALSE(body_of_text({.metadata = "{}"}, "a").ok());
}

TEST(TaskWire, TellsAStateAndItsTimes) {
  store::Batch task = task_of(call_of("f"), "key-1", "r-1", kNow);
  task.batch_id = "t-1";
  EXPECT_EQ(to_json(task_output(task, "http://h/r")),
            R"({"task_id":"t-1","task_status":"PENDING","submit_time":"2025-11-27 08:00:00.000",)"
            R"("task_metrics":{"TOTAL":0,"SUCCEEDED":0,"FAILED":0}})");
  task.status = BatchStatus::kCompleted;
  task.in_progress_at = kNow + 1;
  task.completed_at = kNow + 61;
  task.lines_total = 3;
  task.lines_completed = 2;
  task.lines_failed = 1;
  task.output_file_id = "f-1";
  task.tokens = 7;
  EXPECT_EQ(to_json(task_output(task, "http://h/r")),
            R"({"task_id":"t-1","task_status":"SUCCEEDED","submit_time":"2025-11-27 08:00:00.000",)"
            R"("scheduled_time":"2025-11-27 08:00:01.000","end_time":"2025-11-27 08:01:01.000","url":"http://h/r",)"
            R"("task_metrics":{"TOTAL":3,"SUCCEEDED":2,"FAILED":1}})");
  EXPECT_EQ(to_json(task_usage(task)), R"({"total_tokens":7})");
  EXPECT_EQ(to_json(task_entry(task)),
            R"({"task_id":"t-1","status":"SUCCEEDED","api_key_id":"key-1","caller_parent_id":"key-1",)"
            R"("caller_uid":"key-1","gmt_create":1764201600000,"start_time":1764201601000,"end_time":1764201661000,)"
            R"("region":null,"request_id":"r-1","model_name":"m",)"
            R"("user_api_unique_key":"apikey:v1:embeddings:text-embedding:text-embedding:m"})");
}

TEST(TaskWire, AFailureHasACodeAndAMessage) {
  store::Batch task = task_of(call_of("f"), "key-1", "r-1", kNow);
  const auto told = [&](const char* name) { return std::string(task_output(task, "").at(name).as_string()); };
  task.status = BatchStatus::kFailed;
  task.errors = R"([{"code":"ModelNotFound","message":"gone"}])";
  EXPECT_EQ(told("task_status"), "FAILED");
  EXPECT_EQ(told("code"), "ModelNotFound");
  EXPECT_EQ(told("message"), "gone");
  for (const char* errors : {"", "[]", "[7]", "{}", "x"}) {
    task.errors = errors;
    EXPECT_FALSE(task_output(task, "").at("code").is_null()) << errors;
  }
  task.status = BatchStatus::kExpired;
  EXPECT_EQ(told("code"), "InternalError.Timeout");
  task.lines_completed = 1;
  EXPECT_EQ(told("task_status"), "SUCCEEDED");
}

std::string query_of(const std::string& link) {
  return link.substr(link.find('?') + 1);
}

TEST(ResultLinks, OpenOneResultForAWhile) {
  const ResultLinks links;
  http::Request request;
  request.fields.add("Host", "studio.example:8080");
  request.scheme = "https";
  const std::string link = links.link(request, "key-1", "t-1", kNow);
  EXPECT_TRUE(link.starts_with("https://studio.example:8080/api/v1/tasks/t-1/result?key_id=key-1&expires=")) << link;
  const std::string query = query_of(link);
  EXPECT_EQ(links.owner_of(query, "t-1", kNow).value(), "key-1");
  EXPECT_EQ(links.owner_of(query, "t-1", kNow + kLinkSeconds - 1).value(), "key-1");
  EXPECT_FALSE(links.owner_of(query, "t-1", kNow + kLinkSeconds).ok());
  EXPECT_FALSE(links.owner_of(query, "t-2", kNow).ok());
  EXPECT_FALSE(ResultLinks().owner_of(query, "t-1", kNow).ok());
}

TEST(ResultLinks, AreRefusedWithAnyByteChanged) {
  const ResultLinks links;
  const std::string query = query_of(links.link(http::Request(), "key-1", "t-1", kNow));
  for (size_t i = 0; i < query.size(); ++i) {
    for (const char c : {'0', 'a', '%', '&', '='}) {
      if (query[i] == c) continue;
      std::string other = query;
      other[i] = c;
      EXPECT_FALSE(links.owner_of(other, "t-1", kNow).ok()) << other;
    }
    EXPECT_FALSE(links.owner_of(query.substr(0, i), "t-1", kNow).ok());
  }
}

}  // namespace
}  // namespace studio::api::dashscope
