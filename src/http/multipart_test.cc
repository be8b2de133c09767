#include "http/multipart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace studio::http {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Part {
  std::string name;
  std::optional<std::string> filename;
  std::string bytes;
  bool is_whole = false;
  bool operator==(const Part&) const = default;
};

class Collecting final : public PartSink {
 public:
  Status begin_part(const PartHead& head) override {
    parts.push_back({head.name, head.filename, {}});
    content_type = head.content_type;
    return Ok{};
  }
  Status take_bytes(std::string_view bytes) override {
    parts.back().bytes += bytes;
    return refuses ? Status(Error(Code::kPayloadTooLarge, "too much")) : Status(Ok{});
  }
  Status end_part() override {
    parts.back().is_whole = true;
    return Ok{};
  }
  std::vector<Part> parts;
  std::string content_type;
  bool refuses = false;
};

struct Outcome {
  std::vector<Part> parts;
  std::string error;  // empty: none
};

Outcome read(std::string_view body, size_t step = 1'000'000, const std::string& boundary = "b") {
  Collecting sink;
  MultipartReader reader(boundary, sink);
  Status status = Ok{};
  for (size_t at = 0; at < body.size() && status.ok(); at += step) status = reader.feed(body.substr(at, step));
  if (status.ok()) status = reader.finish();
  return {sink.parts, status.ok() ? "" : status.error().message()};
}

const std::string kForm =
    "preamble\r\n--b  \r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n"
    "--b\r\ncontent-disposition: Form-Data; name=\"file\"; filename=\"a \\\"b\\\" %22c%22 100%.jsonl\"\r\n"
    "Content-Type: application/octet-stream\r\n\r\n{}\r\n--\r\n--B\r\n\r\n--b--\r\nepilogue --b";

TEST(Multipart, ReadsFieldsAndFilesHoweverTheyAreCut) {
  const Outcome whole = read(kForm);
  EXPECT_EQ(whole.error, "");
  EXPECT_THAT(whole.parts, ElementsAre(Part{"purpose", std::nullopt, "batch", true},
                                       Part{"file", "a \"b\" \"c\" 100%.jsonl", "{}\r\n--\r\n--B\r\n", true}));
  for (size_t step = 1; step < 40; ++step) EXPECT_EQ(read(kForm, step).parts, whole.parts) << step;
}

// What a writer of our own makes of any bytes comes back.
TEST(Multipart, AnyBytesComeBack) {
  std::mt19937 random(5);
  const auto bytes = [&](size_t size) {
    std::string text(size, '\0');
    for (char& c : text) c = "\r\n-xb\0"[random() % 6];
    return text;
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<Part> parts;
    std::string body;
    for (unsigned i = 0; i < 1 + random() % 4; ++i) {
      parts.push_back({"n" + std::to_string(i), std::nullopt, bytes(random() % 60), true});
      body += "--boundary\r\nContent-Disposition: form-data; name=n" + std::to_string(i) + "\r\n\r\n" +
              parts.back().bytes + "\r\n";
    }
    body += "--boundary--";
    const Outcome outcome = read(body, 1 + random() % 50, "boundary");
    ASSERT_EQ(outcome.error, "");
    ASSERT_EQ(outcome.parts, parts);
  }
}

TEST(Multipart, ANameMayBeExtended) {
  const Outcome outcome = read(
      "--b\r\nContent-Disposition: form-data; name=f; filename=\"x\"; filename*=utf-8''%E6%B0%B4.txt\r\n\r\n\r\n--b--");
  EXPECT_THAT(outcome.parts, ElementsAre(Part{"f", "水.txt", "", true}));
}

TEST(Multipart, AnEmptyFormIsOne) {
  EXPECT_EQ(read("--b--").error, "");
}

TEST(Multipart, RefusesWhatIsNoForm) {
  const std::pair<std::string, const char*> kCases[] = {
      {"", "ends before"},
      {"--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx", "ends before"},
      {"--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--b", "ends before"},
      {"--bx\r\n\r\n--b--", "goes on"},
      {"--b\r\n\r\nx\r\n--b--", "does not name its field"},
      {"--b\r\nContent-Type: a\r\n\r\nx\r\n--b--", "does not name its field"},
      {"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--", "does not name its field"},
      {"--b\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--b--", "not form-data"},
      {"--b\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\nx\r\n--b--", "twice"},
      {"--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--b--", "malformed parameter"},
      {"--b\r\nContent-Disposition: form-data; name=a b\r\n\r\nx\r\n--b--", "malformed parameter"},
      {"--b\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--b--",
       "two"},
      {"--b\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\nx\r\n--b--",
       "encoded"},
      {"--b\r\nContent-Disposition: form-data; name=a; filename*=latin1''%E6\r\n\r\nx\r\n--b--", "UTF-8"},
      {"--b\r\nno field\r\n\r\nx\r\n--b--", "no field"},
      {"--b\r\nContent-Disposition: form-data; name=a\n\r\n\r\nx\r\n--b--", "control character"},
      {"--b\r\nX: " + std::string(9000, 'x') + "\r\n\r\n--b--", "too long"},
      {"--b\r\nX: " + std::string(9000, 'x'), "too long"},
      {"--b" + std::string(9000, ' ') + "x", "too long"},
  };
  for (const auto& [body, what] : kCases) {
    for (size_t step : {size_t{1}, body.size() + 1})
      EXPECT_THAT(read(body, step).error, HasSubstr(what)) << body.substr(0, 90);
  }
}

TEST(Multipart, HasNoMorePartsThanItsLimit) {
  std::string body;
  for (size_t i = 0; i <= kMaxParts; ++i) body += "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n";
  EXPECT_THAT(read(body + "--b--").error, HasSubstr("too many parts"));
}

TEST(Multipart, WhatTheSinkRefusesEndsIt) {
  Collecting sink;
  sink.refuses = true;
  MultipartReader reader("b", sink);
  EXPECT_EQ(reader.feed(kForm).error().code(), Code::kPayloadTooLarge);
  EXPECT_EQ(reader.feed("more").error().code(), Code::kPayloadTooLarge);
  EXPECT_EQ(reader.finish().error().code(), Code::kPayloadTooLarge);
  EXPECT_EQ(sink.parts.size(), 1u);
}

TEST(Multipart, BoundariesAreThoseOfTheStandard) {
  EXPECT_EQ(form_boundary("multipart/form-data; boundary=abc").value(), "abc");
  EXPECT_EQ(form_boundary("Multipart/Form-Data;charset=utf-8; BOUNDARY=\"a b:c\";").value(), "a b:c");
  for (const char* other :
       {"", "application/json", "multipart/form-data",
        "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"", "multipart/form-data; boundary=\"a \"",
        "multipart/form-data; boundary=\"a\r\n\"", "multipart/form-data; boundary=a; boundary=b",
        "multipart/form-data; boundary=\"a", "multipart/form-datax; boundary=a",
        "multipart/form-data; boundary=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}) {
    EXPECT_FALSE(form_boundary(other).ok()) << other;
  }
}

}  // namespace
}  // namespace studio::http
