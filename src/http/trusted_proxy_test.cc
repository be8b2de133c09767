#include "http/trusted_proxy.h"

#include <gtest/gtest.h>

namespace studio::http {
namespace {

std::vector<Network> networks(std::vector<std::string> texts) {
  std::vector<Network> all;
  for (const std::string& text : texts) all.push_back(*Network::parse(text));
  return all;
}

TEST(Network, HoldsTheAddressesOfItsPrefix) {
  EXPECT_TRUE(Network::parse("10.0.0.0/8")->contains("10.255.0.1"));
  EXPECT_FALSE(Network::parse("10.0.0.0/8")->contains("11.0.0.1"));
  EXPECT_TRUE(Network::parse("10.0.0.7")->contains("10.0.0.7"));
  EXPECT_FALSE(Network::parse("10.0.0.7")->contains("10.0.0.8"));
  EXPECT_TRUE(Network::parse("fd00::/8")->contains("fd12::1"));
  EXPECT_FALSE(Network::parse("fd00::/8")->contains("10.0.0.1"));
  EXPECT_TRUE(Network::parse("0.0.0.0/0")->contains("1.2.3.4"));
  EXPECT_FALSE(Network::parse("0.0.0.0/0")->contains("fd00::1"));
  EXPECT_TRUE(Network::parse("192.168.1.128/25")->contains("::ffff:192.168.1.200"));
  EXPECT_FALSE(Network::parse("10.0.0.0/8")->contains("unix"));
}

TEST(Network, RefusesWhatIsNoNetwork) {
  for (const char* text : {"", "10.0.0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8x", "fd00::/129",
                           "proxy", "10.0.0.1/8", "fd00::1/8"}) {
    EXPECT_FALSE(Network::parse(text).ok()) << text;
  }
}

TEST(ForwardedFor, BelievesTheLastAddressThatIsNoProxy) {
  auto proxies = networks({"10.0.0.0/24"});
  auto client = [&](std::vector<std::string> values) {
    Fields fields;
    for (auto& value : values) fields.add("X-Forwarded-For", value);
    return forwarded_for(fields, proxies);
  };
  EXPECT_EQ(client({"203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(client({"1.1.1.1, 203.0.113.9"}), "203.0.113.9");  // what the client wrote itself stands first
  EXPECT_EQ(client({"203.0.113.9, 10.0.0.2"}), "203.0.113.9");
  EXPECT_EQ(client({"1.1.1.1", "203.0.113.9, 10.0.0.2"}), "203.0.113.9");
  EXPECT_EQ(client({"10.0.0.3, 10.0.0.2"}), "10.0.0.3");
  EXPECT_EQ(client({"fd00::9"}), "fd00::9");
  EXPECT_EQ(client({"<script>, 10.0.0.2"}), "10.0.0.2");
  EXPECT_EQ(client({"203.0.113.9, unknown"}), "");
  EXPECT_EQ(client({std::string("203.0.113.9\0evil", 16)}), "");
  EXPECT_EQ(client({"fe80::1%eth0"}), "");
  EXPECT_EQ(client({""}), "");
  EXPECT_EQ(client({}), "");
}

TEST(ForwardedScheme, IsOneOfTwoWords) {
  Fields fields;
  EXPECT_EQ(forwarded_scheme(fields), "");
  fields.set("X-Forwarded-Proto", "https");
  EXPECT_EQ(forwarded_scheme(fields), "https");
  fields.set("X-Forwarded-Proto", "https, http");
  EXPECT_EQ(forwarded_scheme(fields), "");
}

}  // namespace
}  // namespace studio::http
