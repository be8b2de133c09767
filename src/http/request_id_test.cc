#include "http/request_id.h"

#include <gtest/gtest.h>

namespace studio::http {
namespace {

std::string taken(const char* name, const std::string& value) {
  Fields fields;
  fields.add(name, value);
  return client_request_id(fields);
}

TEST(ClientRequestId, TakesUuidsAndTraceIds) {
  const char* uuid = "7d1f6a0e-4c8b-4e2a-9b1d-0123456789ab";
  EXPECT_EQ(taken("x-client-request-id", uuid), uuid);
  EXPECT_EQ(taken("X-Request-Id", "4bf92f3577b34da6a3ce929d0e0e4736"), "4bf92f3577b34da6a3ce929d0e0e4736");
  Fields both;
  both.add("X-Request-Id", "11111111");
  both.add("X-Client-Request-Id", "22222222");
  EXPECT_EQ(client_request_id(both), "22222222");
}

TEST(ClientRequestId, TakesNothingThatCouldBeText) {
  for (const std::string& value :
       {std::string("my secret"), std::string("sk-0123456789abcdef"), std::string("req_12345678"), std::string(),
        std::string("1234567"), std::string(65, 'a'), std::string("1234\r\n5678")}) {
    EXPECT_EQ(taken("X-Client-Request-Id", value), "") << value;
  }
}

}  // namespace
}  // namespace studio::http
