#include "api/bearer.h"

#include <gtest/gtest.h>

namespace studio::api {
namespace {

std::string asked_by(const std::string& field) {
  std::vector<FixedKeyVerifier::Entry> keys = {{"one", digest_key("sk-1")}, {"two", digest_key("sk-2")}};
  auto authenticate = bearer_authenticator(std::make_shared<FixedKeyVerifier>(keys));
  http::Request request;
  if (!field.empty()) request.fields.add("Authorization", field);
  auto identity = authenticate(request);
  return identity.ok() ? *identity : std::string(code_name(identity.error().code()));
}

TEST(Bearer, KnowsAKeyByItsDigest) {
  EXPECT_EQ(asked_by("Bearer sk-1"), "one");
  EXPECT_EQ(asked_by("bearer  sk-2 "), "two");
}

TEST(Bearer, EverythingElseIsTheSameRefusal) {
  std::string refused(code_name(Code::kUnauthenticated));
  for (const char* field :
       {"", "Bearer", "Bearer ", "Bearer sk-3", "Bearer sk-1,sk-2", "Basic sk-1", "sk-1", "Bearersk-1"}) {
    EXPECT_EQ(asked_by(field), refused) << field;
  }
}

TEST(Bearer, TwoFieldsAreNoKey) {
  auto authenticate = bearer_authenticator(
      std::make_shared<FixedKeyVerifier>(std::vector<FixedKeyVerifier::Entry>{{"one", digest_key("sk-1")}}));
  http::Request request;
  request.fields.add("Authorization", "Bearer sk-1");
  request.fields.add("authorization", "Bearer sk-1");
  EXPECT_FALSE(authenticate(request).ok());
}

TEST(Bearer, EitherFieldMayHoldTheKey) {
  auto asked = [](const char* bearer, const char* plain) {
    std::vector<FixedKeyVerifier::Entry> keys = {{"one", digest_key("sk-1")}, {"two", digest_key("sk-2")}};
    auto authenticate = bearer_authenticator(std::make_shared<FixedKeyVerifier>(keys));
    http::Request request;
    if (bearer) request.fields.add("Authorization", bearer);
    if (plain) request.fields.add("X-Api-Key", plain);
    auto identity = authenticate(request);
    return identity.ok() ? *identity : "";
  };
  EXPECT_EQ(asked(nullptr, "sk-1"), "one");
  EXPECT_EQ(asked(nullptr, "sk-3"), "");
  EXPECT_EQ(asked("Bearer sk-3", "sk-2"), "two");
  EXPECT_EQ(asked("Bearer sk-1", "sk-3"), "one");
  EXPECT_EQ(asked("Bearer sk-1", "sk-2"), "one");
}

TEST(Bearer, SeesATemporaryKeyInEitherField) {
  const std::string lent = "st-" + std::string(43, 'a');
  const auto sees = [](const char* name, const std::string& field) {
    http::Request request;
    request.fields.add(name, field);
    return has_temporary_key(request);
  };
  EXPECT_TRUE(sees("Authorization", "Bearer " + lent));
  EXPECT_TRUE(sees("x-api-key", lent));
  EXPECT_FALSE(sees("x-api-key", "sk-1"));
  EXPECT_FALSE(sees("Authorization", lent));
}

}  // namespace
}  // namespace studio::api
