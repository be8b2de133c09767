#include "api/serving/degraded.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/json.h"

namespace studio::api {
namespace {

namespace json = boost::json;

constexpr FieldRule kRules[] = {
    {"count"}, {"inner"}, {"list"}, {"allow_degraded"}, {"audio", FieldUse::kNotBuilt, "false"},
};
constexpr FieldRule kInnerRules[] = {{"kept"}, {"tools", FieldUse::kNotBuilt}};

struct Call {
  struct {
    std::vector<std::string> degraded;
  } generate;
  json::object read;  // what the reader was given at last
};

Result<Call> read(const json::object& body) {
  FieldReader reader(body, "", kRules, nullptr);
  (void)reader.integer("count", 0, 9);
  if (const json::object* inner = reader.object("inner")) {
    FieldReader nested(*inner, "inner", kInnerRules, nullptr);
    if (!nested.ok()) reader.fail(nested.status().error());
  }
  if (const json::array* list = reader.list("list")) {
    for (size_t i = 0; i < list->size(); ++i) {
      FieldReader nested(list->at(i).as_object(), "list[" + std::to_string(i) + "]", kInnerRules, nullptr);
      if (nested.ok() && !nested.find("kept")) nested.fail("kept", "is missing");
      if (!nested.ok()) reader.fail(nested.status().error());
    }
  }
  STUDIO_CHECK_OK(reader.status());
  return Call{{}, body};
}

TEST(Degraded, LeavesOutWhatIsRefusedByNameWhereTheCallerAllowsIt) {
  const char* body = R"({"allow_degraded":true,"count":1,"audio":{"voice":"x"},"new.field":2,"inner":{"tools":[1]},)"
                     R"("list":[{"kept":1},{"kept":2,"later":3}]})";
  auto call = parse_degradable(body, read);
  ASSERT_TRUE(call.ok()) << call.error().message();
  // In the order that they were sent in.
  EXPECT_EQ(to_json(call->read), R"({"allow_degraded":true,"count":1,"inner":{},"list":[{"kept":1},{"kept":2}]})");
  std::vector<std::string> names = call->generate.degraded;
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"audio", "inner.tools", "list[1].later", "new.field"}));
}

TEST(Degraded, RefusesWithoutThePermission) {
  for (const char* allows : {"", R"("allow_degraded":false,)", R"("allow_degraded":null,)"}) {
    auto call = parse_degradable(std::string("{") + allows + R"("audio":true})", read);
    ASSERT_FALSE(call.ok());
    EXPECT_EQ(call.error().param(), "audio");
  }
  EXPECT_EQ(parse_degradable(R"({"allow_degraded":"yes"})", read).error().param(), "allow_degraded");
}

TEST(Degraded, TheWordCountsInTheObjectThatClientsCanPutItInto) {
  const boost::json::object body{{"inner", {{"allow_degraded", true}}}};
  EXPECT_TRUE(allows_degraded(body, "inner").value());
  EXPECT_FALSE(allows_degraded(body, "").value());
  EXPECT_FALSE(allows_degraded(body, "other").value());
}

TEST(Degraded, WhatIsNoPromiseStaysAnError) {
  auto call = parse_degradable(R"({"allow_degraded":true,"count":10})", read);
  ASSERT_FALSE(call.ok());
  EXPECT_EQ(call.error().param(), "count");
}

TEST(Degraded, TellsTheFirstRefusalWhereTheRequestIsNonsenseWithoutTheField) {
  const auto refuse = [](const json::object& body) -> Result<Call> {
    const bool has_type = body.contains("type");
    return Error(has_type ? Code::kUnimplemented : Code::kInvalidArgument, has_type ? "not built" : "missing")
        .with_param("type");
  };
  EXPECT_EQ(parse_degradable<Call>(R"({"allow_degraded":true,"type":"image"})", refuse).error().message(), "not built");
}

TEST(Degraded, LeavesOutABoundedNumber) {
  json::object body{{"allow_degraded", true}};
  for (size_t i = 0; i < kMaxLeftOut; ++i) body["field" + std::to_string(i)] = 1;
  EXPECT_TRUE(parse_degradable(to_json(body), read).ok());
  body["one_more"] = 1;
  EXPECT_FALSE(parse_degradable(to_json(body), read).ok());
}

TEST(Degraded, AStreamSaysItInItsFirstEvent) {
  const std::pair<std::string, std::string> cases[] = {
      {"event: a\ndata: {\"x\":{\"y\":1}}\n\ndata: {}\n\n",
       "event: a\ndata: {\"x\":{\"y\":1},\"degraded\":{\"unhonoured\":[\"audio\"]}}\n\ndata: {}\n\n"},
      {"id:1\n:HTTP_STATUS/200\ndata:{\"x\":\"}\"}\n\n",
       "id:1\n:HTTP_STATUS/200\ndata:{\"x\":\"}\",\"degraded\":{\"unhonoured\":[\"audio\"]}}\n\n"},
      {"{\"x\":1}\n{\"x\":2}\n", "{\"x\":1,\"degraded\":{\"unhonoured\":[\"audio\"]}}\n{\"x\":2}\n"},
      {"data: [DONE]\n\n", "data: [DONE]\n\n"},
  };
  for (const auto& [events, marked] : cases) {
    std::string told = events;
    mark_first_event({"audio"}, told);
    EXPECT_EQ(told, marked);
    mark_first_event({}, told);
    EXPECT_EQ(told, marked);
  }
}

TEST(Degraded, WhatWasCutIsTold) {
  EXPECT_EQ(to_json(degraded_object({}, {"input[1]"})), R"({"truncated":["input[1]"]})");
  EXPECT_EQ(to_json(degraded_object({"a"}, {"b"})), R"({"unhonoured":["a"],"truncated":["b"]})");
}

TEST(Degraded, AStrangersNameIsNoHeaderOfItsOwn) {
  http::Response response = http::Response::json(200, R"({"a":1})");
  mark_degraded({"x\r\nSet-Cookie: a=b", "audio"}, response);
  EXPECT_EQ(*response.fields.find("X-Studio-Degraded"), "x%0D%0ASet-Cookie:%20a=b, audio");
  EXPECT_EQ(response.body, R"({"a":1,"degraded":{"unhonoured":["x\r\nSet-Cookie: a=b","audio"]}})");
}

}  // namespace
}  // namespace studio::api
