#include "api/console/static_files.h"

#include <gtest/gtest.h>

#include "base/digest.h"

namespace studio::api::console {
namespace {

constexpr EmbeddedFile kPage{"index.html", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "<p>",
                             ""};
constexpr EmbeddedFile kScript{"assets/index-Ab1.js",
                               "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210", "let a", "GZIP"};

http::Request asking(const std::string& encoding = "", const std::string& tag = "") {
  http::Request request;
  if (!encoding.empty()) request.fields.add("Accept-Encoding", encoding);
  if (!tag.empty()) request.fields.add("If-None-Match", tag);
  return request;
}

std::string field(const http::Response& response, std::string_view name) {
  const std::string* value = response.fields.find(name);
  return value ? *value : "";
}

TEST(StaticFiles, ThePageIsAskedForAgainAndItsPartsAreKept) {
  http::Response page = file_response(kPage, asking());
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.body, "<p>");
  EXPECT_EQ(field(page, "content-type"), "text/html; charset=utf-8");
  EXPECT_EQ(field(page, "cache-control"), "no-cache");
  http::Response script = file_response(kScript, asking());
  EXPECT_EQ(field(script, "content-type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(field(script, "cache-control"), "public, max-age=31536000, immutable");
}

TEST(StaticFiles, WhoHasItIsNotSentItAgain) {
  std::string tag = field(file_response(kPage, asking()), "etag");
  http::Response again = file_response(kPage, asking("", tag));
  EXPECT_EQ(again.status, 304);
  EXPECT_TRUE(again.body.empty());
  EXPECT_EQ(field(again, "etag"), tag);
  EXPECT_EQ(file_response(kPage, asking("", "W/" + tag)).status, 304);
  EXPECT_EQ(file_response(kPage, asking("", "\"other\"")).status, 200);
}

TEST(StaticFiles, GzipGoesToThoseWhoTakeIt) {
  http::Response compressed = file_response(kScript, asking("br, GZIP"));
  EXPECT_EQ(compressed.body, "GZIP");
  EXPECT_EQ(field(compressed, "content-encoding"), "gzip");
  EXPECT_EQ(field(compressed, "vary"), "Accept-Encoding");
  EXPECT_NE(field(compressed, "etag"), field(file_response(kScript, asking()), "etag"));
  for (const char* encoding : {"", "br", "gzip;q=0", "xgzip"}) {
    EXPECT_EQ(file_response(kScript, asking(encoding)).body, "let a") << encoding;
  }
  EXPECT_EQ(file_response(kPage, asking("gzip")).body, "<p>") << "nothing compressed is there";
}

TEST(StaticFiles, NothingForeignIsLoadedRunOrTold) {
  for (const http::Response& response :
       {file_response(kPage, asking()), file_response(kScript, asking()), file_response(kPage, asking("", "*"))}) {
    std::string policy = field(response, "content-security-policy");
    for (const char* part : {"default-src 'none'", "script-src 'self';", "frame-ancestors 'none'", "base-uri 'none'",
                             "form-action 'none'", "require-trusted-types-for 'script'"}) {
      EXPECT_NE(policy.find(part), std::string::npos) << part;
    }
    EXPECT_EQ(policy.find("unsafe"), std::string::npos);
    EXPECT_EQ(field(response, "referrer-policy"), "no-referrer");
  }
}

TEST(EmbeddedFiles, HoldAPageAndAreWhatTheySay) {
  bool has_page = false;
  for (const EmbeddedFile& file : embedded_files()) {
    has_page |= file.path == "index.html";
    EXPECT_EQ(to_hex(sha256(file.bytes)), file.sha256) << file.path;
    EXPECT_FALSE(file.path.starts_with('/')) << file.path;
  }
  EXPECT_TRUE(has_page);
}

}  // namespace
}  // namespace studio::api::console
