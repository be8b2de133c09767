#include "api/openai/batch_wire.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/json.h"

namespace studio::api::openai {
namespace {

std::string body(const std::string& more = "", const std::string& window = "24h") {
  return R"({"input_file_id":"file-batch-1","endpoint":"/v1/chat/completions","completion_window":")" + window + "\"" +
         more + "}";
}

std::string fault(const std::string& text) {
  auto call = parse_batch(text);
  return call.ok() ? "" : call.error().param();
}

TEST(ParseBatch, ReadsWhatMakesOne) {
  const BatchCall call = parse_batch(body(R"(,"metadata":{"ds_name":"n","a":"b"})", "14d")).value();
  EXPECT_EQ(call.input_file_id, "file-batch-1");
  EXPECT_EQ(call.window_seconds, 14 * 86'400);
  EXPECT_EQ(call.title, "n");
  EXPECT_EQ(call.metadata, R"({"ds_name":"n","a":"b"})");
  EXPECT_EQ(parse_batch(body("", "336h"))->window_seconds, 336 * 3600);
}

TEST(ParseBatch, NamesTheFieldAtFault) {
  EXPECT_EQ(fault("{}"), "input_file_id");
  EXPECT_EQ(fault(R"({"input_file_id":"oss:cn:b/x"})"), "input_file_id");
  EXPECT_EQ(fault(R"({"input_file_id":"f","endpoint":"/v1/models"})"), "endpoint");
  EXPECT_EQ(fault(R"({"input_file_id":"f","endpoint":"/v1/completions"})"), "completion_window");
  for (const char* window : {"23h", "337h", "15d", "0d", "d", "24", "-24h", "24hh", " 24h", "99999999999999999999h"}) {
    EXPECT_EQ(fault(body("", window)), "completion_window") << window;
  }
  EXPECT_EQ(fault(body(R"(,"metadata":{"a":1})")), "metadata.a");
  EXPECT_EQ(fault(body(R"(,"metadata":{"ds_batch_finish_callback":"http://x"})")), "metadata.ds_batch_finish_callback");
  EXPECT_EQ(fault(body(R"(,"metadata":{"ds_name":")" + std::string(101, 'x') + "\"}")), "metadata.ds_name");
  EXPECT_EQ(fault(body(R"(,"metadata":{"ds_description":")" + std::string(201, 'x') + "\"}")),
            "metadata.ds_description");
  EXPECT_EQ(fault(body(R"(,"output_expires_after":{"seconds":1})")), "output_expires_after");
  EXPECT_EQ(fault(body(R"(,"colour":1)")), "colour");
}

// Characters, not bytes: a Chinese name may be as long as an English one.
TEST(ParseBatch, CountsCharacters) {
  std::string name;
  for (int i = 0; i < 100; ++i) name += "水";
  EXPECT_EQ(fault(body(R"(,"metadata":{"ds_name":")" + name + "\"}")), "");
}

TEST(BatchObject, HasNullsWhereNothingIsYet) {
  store::Batch batch{.batch_id = "batch_1", .endpoint = "/v1/completions", .created_at = 5, .expires_at = 9};
  const auto object = batch_object(batch);
  EXPECT_EQ(object.at("status"), "validating");
  for (const char* name : {"errors", "output_file_id", "error_file_id", "in_progress_at", "finalizing_at",
                           "completed_at", "failed_at", "expired_at", "cancelling_at", "cancelled_at", "metadata"}) {
    EXPECT_TRUE(object.at(name).is_null()) << name;
  }
  batch.errors = R"([{"code":"empty_file","message":"m","param":null,"line":null}])";
  EXPECT_EQ(to_json(batch_object(batch).at("errors")),
            R"({"object":"list","data":[{"code":"empty_file","message":"m","param":null,"line":null}]})");
}

}  // namespace
}  // namespace studio::api::openai
