#include "http/head_check.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "http/head_parser.h"

namespace studio::http {
namespace {

using namespace std::string_literals;

struct Case {
  const char* name;
  std::string head;
  HeadFault fault;
};

std::string with_fields(const std::string& fields) {
  return "POST /v1/x HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}
std::string with_line(const std::string& line) {
  return line + "\r\nHost: a\r\n\r\n";
}

std::string many_fields(size_t count) {
  std::string fields;
  for (size_t i = 0; i < count; ++i) fields += "x-" + std::to_string(i) + ": 1\r\n";
  return fields;
}

// What smugglers, scanners and broken clients send.
std::vector<Case> abuses() {
  using F = HeadFault;
  return {
      {"cl_te", with_fields("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"), F::kBothLengths},
      {"te_cl", with_fields("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"), F::kBothLengths},
      {"cl_twice_equal", with_fields("Content-Length: 4\r\nContent-Length: 4\r\n"), F::kRepeatedContentLength},
      {"cl_twice_differing", with_fields("Content-Length: 4\r\ncontent-length: 5\r\n"), F::kRepeatedContentLength},
      {"cl_list", with_fields("Content-Length: 4, 4\r\n"), F::kContentLength},
      {"cl_plus", with_fields("Content-Length: +4\r\n"), F::kContentLength},
      {"cl_minus", with_fields("Content-Length: -4\r\n"), F::kContentLength},
      {"cl_hex", with_fields("Content-Length: 0x4\r\n"), F::kContentLength},
      {"cl_empty", with_fields("Content-Length:\r\n"), F::kContentLength},
      {"cl_space_inside", with_fields("Content-Length: 4 4\r\n"), F::kContentLength},
      {"cl_exponent", with_fields("Content-Length: 1e3\r\n"), F::kContentLength},
      {"cl_fraction", with_fields("Content-Length: 4.0\r\n"), F::kContentLength},
      {"cl_underscore", with_fields("Content-Length: 4_0\r\n"), F::kContentLength},
      {"cl_overflow", with_fields("Content-Length: 18446744073709551617\r\n"), F::kContentLength},
      {"te_gzip", with_fields("Transfer-Encoding: gzip\r\n"), F::kTransferEncoding},
      {"te_gzip_chunked", with_fields("Transfer-Encoding: gzip, chunked\r\n"), F::kTransferEncoding},
      {"te_chunked_identity", with_fields("Transfer-Encoding: chunked, identity\r\n"), F::kTransferEncoding},
      {"te_identity", with_fields("Transfer-Encoding: identity\r\n"), F::kTransferEncoding},
      {"te_xchunked", with_fields("Transfer-Encoding: xchunked\r\n"), F::kTransferEncoding},
      {"te_quoted", with_fields("Transfer-Encoding: \"chunked\"\r\n"), F::kTransferEncoding},
      {"te_semicolon", with_fields("Transfer-Encoding: chunked;a=b\r\n"), F::kTransferEncoding},
      {"te_empty", with_fields("Transfer-Encoding:\r\n"), F::kTransferEncoding},
      {"te_vertical_tab", with_fields("Transfer-Encoding: \x0b"s + "chunked\r\n"), F::kControl},
      {"te_twice", with_fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
       F::kRepeatedTransferEncoding},
      {"te_space_before_colon", with_fields("Transfer-Encoding : chunked\r\n"), F::kSpaceBeforeColon},
      {"te_tab_before_colon", with_fields("Transfer-Encoding\t: chunked\r\n"), F::kSpaceBeforeColon},
      {"cl_space_before_colon", with_fields("Content-Length : 4\r\n"), F::kSpaceBeforeColon},
      {"folded_space", with_fields("x-a: 1\r\n 2\r\n"), F::kFolded},
      {"folded_tab", with_fields("x-a: 1\r\n\tTransfer-Encoding: chunked\r\n"), F::kFolded},
      {"folded_first", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", F::kFolded},
      {"bare_lf_field", with_fields("x-a: 1\nx-b: 2\r\n"), F::kBareLf},
      {"bare_lf_line", "GET / HTTP/1.1\nHost: a\r\n\r\n", F::kBareLf},
      {"bare_cr_value", with_fields("x-a: 1\rContent-Length: 4\r\n"), F::kBareCr},
      {"bare_cr_name", with_fields("x\r-a: 1\r\n"), F::kBareCr},
      {"cr_cr_lf", with_fields("x-a: 1\r\r\n"), F::kBareCr},
      {"bare_cr_line", "GET / HTTP/1.1\rHost: a\r\n\r\n", F::kBareCr},
      {"nul_value", with_fields("x-a: 1\0"s + "2\r\n"), F::kNul},
      {"nul_name", with_fields("x\0"s + "a: 1\r\n"), F::kNul},
      {"nul_target", with_line("GET /\0"s + "a HTTP/1.1"), F::kNul},
      {"escape_value", with_fields("x-a: \x1b[2J\r\n"), F::kControl},
      {"delete_value", with_fields("x-a: \x7f\r\n"), F::kControl},
      {"form_feed", with_fields("x-a:\x0c"s + "1\r\n"), F::kControl},
      {"no_colon", with_fields("Content-Length\r\n"), F::kNoColon},
      {"empty_name", with_fields(": 1\r\n"), F::kFieldName},
      {"name_with_space", with_fields("x a: 1\r\n"), F::kFieldName},
      {"name_with_bracket", with_fields("x[a]: 1\r\n"), F::kFieldName},
      {"name_with_slash", with_fields("x/a: 1\r\n"), F::kFieldName},
      {"name_with_quote", with_fields("\"x\": 1\r\n"), F::kFieldName},
      {"name_with_high_byte", with_fields("x\xc3\xa9: 1\r\n"), F::kFieldName},
      {"name_with_comma", with_fields("a,b: 1\r\n"), F::kFieldName},
      {"host_missing", "GET / HTTP/1.1\r\n\r\n", F::kHost},
      {"host_twice", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", F::kHost},
      {"host_empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", F::kHost},
      {"host_with_path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", F::kHost},
      {"host_with_user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", F::kHost},
      {"host_with_comma", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", F::kHost},
      {"http_1_0", with_line("GET / HTTP/1.0"), F::kVersion},
      {"http_2_0", with_line("PRI * HTTP/2.0"), F::kVersion},
      {"http_0_9", with_line("GET /"), F::kRequestLine},
      {"version_lower_case", with_line("GET / http/1.1"), F::kRequestLine},
      {"version_1_10", with_line("GET / HTTP/1.10"), F::kRequestLine},
      {"version_blank_end", with_line("GET / HTTP/1.1 "), F::kRequestLine},
      {"line_without_target", with_line("GET HTTP/1.1"), F::kRequestLine},
      {"line_two_spaces", with_line("GET  / HTTP/1.1"), F::kTarget},
      {"line_tab", with_line("GET\t/ HTTP/1.1"), F::kRequestLine},
      {"method_with_colon", with_line("GE:T / HTTP/1.1"), F::kRequestLine},
      {"method_empty", with_line(" / HTTP/1.1"), F::kRequestLine},
      {"target_with_space", with_line("GET /a b HTTP/1.1"), F::kTarget},
      {"target_absolute", with_line("GET http://a/ HTTP/1.1"), F::kTarget},
      {"target_authority", with_line("CONNECT a:1 HTTP/1.1"), F::kTarget},
      {"target_asterisk", with_line("OPTIONS * HTTP/1.1"), F::kTarget},
      {"target_fragment", with_line("GET /#a HTTP/1.1"), F::kTarget},
      {"target_high_byte", with_line("GET /\xc3\xa9 HTTP/1.1"), F::kTarget},
      {"target_long", with_line("GET /" + std::string(kMaxTargetBytes, 'a') + " HTTP/1.1"), F::kTargetTooLong},
      {"fields_65", with_fields(many_fields(kMaxFields)), F::kTooManyFields},
      {"head_large", with_fields("x-a: " + std::string(kMaxHeadBytes, 'a') + "\r\n"), F::kTooLarge},
  };
}

TEST(HeadCheck, RefusesEveryAbuseByItsName) {
  auto cases = abuses();
  EXPECT_GE(cases.size(), 60u);
  for (const Case& abuse : cases) {
    HeadFacts facts = check_request_head(abuse.head);
    EXPECT_EQ(facts.fault, abuse.fault) << abuse.name << ": " << describe(facts.fault);
    EXPECT_GE(status_of(facts.fault), 400) << abuse.name;
  }
}

TEST(HeadCheck, AcceptsWhatClientsSend) {
  for (const std::string& head : {
           "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"s,
           "GET /v1/models?limit=2&a=%20 HTTP/1.1\r\nhost: [::1]:80\r\nAccept: */*\r\n\r\n"s,
           with_fields("Content-Length: 0\r\n"),
           with_fields("Content-Length:   12  \r\n"),
           with_fields("Transfer-Encoding: Chunked\r\n"),
           with_fields("x-empty:\r\nx-utf8: \xe4\xbd\xa0\r\nx-tab: a\tb\r\n"),
           with_fields(many_fields(kMaxFields - 1)),
       }) {
    HeadFacts facts = check_request_head(head);
    EXPECT_EQ(facts.fault, HeadFault::kNone) << head << describe(facts.fault);
    EXPECT_TRUE(parse_request_head(head).ok()) << head;
  }
}

TEST(HeadCheck, ReportsTheLengthOfTheBody) {
  EXPECT_EQ(check_request_head(with_fields("Content-Length: 007\r\n")).content_length, 7u);
  EXPECT_TRUE(check_request_head(with_fields("Transfer-Encoding: chunked\r\n")).chunked);
  EXPECT_EQ(check_request_head(with_fields("")).content_length, 0u);
}

TEST(HeadCheck, FindsTheEndOfAHeadFedByteByByte) {
  std::string head = with_fields("x-a: 1\r\n");
  std::string buffer;
  for (size_t i = 0; i + 1 < head.size(); ++i) {
    size_t before = buffer.size();
    buffer += head[i];
    HeadProgress progress = find_head_end(buffer, before);
    ASSERT_EQ(progress.end, 0u);
    ASSERT_EQ(progress.fault, HeadFault::kNone);
  }
  buffer += head.back();
  EXPECT_EQ(find_head_end(buffer, buffer.size() - 1).end, head.size());
}

TEST(HeadCheck, NoticesEarlyThatAHeadWillNeverEnd) {
  EXPECT_EQ(find_head_end("GET / HTTP/1.1\n", 0).fault, HeadFault::kBareLf);
  EXPECT_EQ(find_head_end("\r\nGET / HTTP/1.1\r\n", 0).fault, HeadFault::kRequestLine);
  EXPECT_EQ(find_head_end(std::string(kMaxHeadBytes, 'a'), 0).fault, HeadFault::kTooLarge);
}

TEST(HeadParser, SplitsTargetAndKeepsFieldsInOrder) {
  auto request = parse_request_head("GET /a/b?c=d HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nx-one: 2\r\n\r\n");
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->method, Method::kGet);
  EXPECT_EQ(request->path, "/a/b");
  EXPECT_EQ(request->query, "c=d");
  EXPECT_EQ(*request->fields.find("X-ONE"), "1");
  EXPECT_EQ(request->fields.size(), 3u);
}

TEST(HeadParser, TakesAnAnswersStatusOnlyWhereItIsOne) {
  EXPECT_EQ(parse_response_head("HTTP/1.1 100 Continue\r\n\r\n")->status, 100);
  EXPECT_EQ(parse_response_head("HTTP/1.1 099 Low\r\n\r\n").error().code(), Code::kCorruptData);
}

}  // namespace
}  // namespace studio::http
