// What a batch reads and writes, line by line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "api/batches/input_check.h"
#include "api/batches/input_lines.h"
#include "api/batches/output_lines.h"
#include "base/json.h"
#include "store/test_folder.h"

namespace studio::api::batches {
namespace {

constexpr const char* kUrl = "/v1/chat/completions";

class LinesTest : public testing::Test {
 protected:
  InputLines lines_of(const std::string& text) {
    const std::string path = folder_.path() + "/in";
    std::ofstream(path, std::ios::binary) << text;
    return InputLines(UnmappedFile::open(path).value());
  }
  // "code@line" of each error, in order.
  std::string check(const std::string& text) {
    InputCheck check(lines_of(text), kUrl, [](const std::string& model) { return model == "tiny"; });
    while (!check.step().value()) {
    }
    count_ = check.lines();
    std::string told;
    for (const auto& error : check.errors()) {
      told += std::string(error.at("code").as_string()) + "@" + to_json(error.at("line")) + " ";
    }
    return told;
  }
  static std::string line(const std::string& id, const std::string& model = "tiny", const std::string& more = "") {
    return R"({"custom_id":")" + id + R"(","method":"POST","url":"/v1/chat/completions","body":{"model":")" + model +
           "\"" + more + "}}\n";
  }
  int64_t count_ = 0;
  store::TestFolder folder_;
};

TEST_F(LinesTest, AreThoseThatAreNotBlank) {
  InputLines lines = lines_of("a\n\n \t\r\nb\r\n\nlast");
  std::string told;
  while (auto line = lines.next().value()) told += std::to_string(line->number) + line->text + " ";
  EXPECT_EQ(told, "1a 4b 6last ");
  EXPECT_FALSE(lines.next().value());
}

// Against std::getline over the same bytes, at sizes around a read's border.
TEST_F(LinesTest, AreTheSameWhereverTheReadsEnd) {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    std::string text;
    while (text.size() < 700'000) text += std::string(random() % 90'000, static_cast<char>('a' + random() % 26)) + "\n";
    InputLines lines = lines_of(text);
    std::istringstream plain(text);
    int64_t number = 0;
    for (std::string expected; std::getline(plain, expected);) {
      ++number;
      if (expected.empty()) continue;
      const auto line = lines.next().value();
      ASSERT_TRUE(line && line->text == expected && line->number == number);
    }
    EXPECT_FALSE(lines.next().value());
  }
}

TEST_F(LinesTest, ALineThatIsTooLongIsToldAndPassed) {
  const std::string most(kMaxLineBytes, 'x');
  InputLines lines = lines_of(most + "\n" + most + "yz\nnext\n");
  EXPECT_EQ(lines.next().value()->text.size(), kMaxLineBytes);
  EXPECT_EQ(lines.next().error().code(), Code::kPayloadTooLarge);
  EXPECT_EQ(lines.number(), 2);
  EXPECT_EQ(lines.next().value()->text, "next");
}

TEST_F(LinesTest, AFileOfRequestsIsABatch) {
  EXPECT_EQ(check(line("a") + "\n" + line("b", "tiny", R"(,"stream":false)") + line("c", "tiny", R"(,"stream":null)")),
            "");
  EXPECT_EQ(count_, 3);
}

TEST_F(LinesTest, EachFaultIsToldWithItsLine) {
  EXPECT_EQ(check(line("a") + line("a")), "duplicate_custom_id@2 ");
  EXPECT_EQ(check(line("a") + line("b", "other")), "mismatched_model@2 ");
  EXPECT_EQ(check(line("a", "other")), "model_not_found@1 ");
  EXPECT_EQ(check(line("a", "tiny", R"(,"stream":true)")), "invalid_request@1 ");
  EXPECT_EQ(check("[]\n{\n" + line("a")), "invalid_json_line@1 invalid_json_line@2 ");
  EXPECT_EQ(check("\n"), "empty_file@null ");
  EXPECT_EQ(check(line("")), "invalid_request@1 ");
  EXPECT_EQ(check(line(std::string(kMaxCustomIdBytes + 1, 'x'))), "invalid_request@1 ");
  EXPECT_EQ(check(R"({"custom_id":"a","method":"GET","url":"/v1/chat/completions","body":{"model":"tiny"}})"),
            "invalid_request@1 ");
  EXPECT_EQ(check(R"({"custom_id":"a","method":"POST","url":"/v1/x","body":{"model":"tiny"}})"), "invalid_request@1 ");
  EXPECT_EQ(check(R"({"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{}})"), "invalid_request@1 ");
  EXPECT_EQ(check(R"({"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"tiny"},"x":1})"),
            "invalid_request@1 ");
}

TEST_F(LinesTest, AFileHasNoMoreLinesThanItsLimitAndTellsNoMoreErrors) {
  std::string text;
  for (int64_t i = 0; i <= kMaxLines; ++i) text += line(std::to_string(i));
  EXPECT_EQ(check(text), "too_many_lines@null ");
  std::string bad;
  for (size_t i = 0; i < 2 * kMaxErrorsTold; ++i) bad += "x\n";
  EXPECT_EQ(static_cast<size_t>(std::ranges::count(check(bad), '@')), kMaxErrorsTold);
}

TEST(LineRequestId, IsAUuidOfBatchAndLine) {
  std::set<std::string> ids;
  for (int64_t i = 1; i <= 1000; ++i) {
    const std::string id = line_request_id("batch_1", i);
    EXPECT_THAT(id, testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
    EXPECT_EQ(id, line_request_id("batch_1", i));
    ids.insert(id);
    ids.insert(line_request_id("batch_2", i));
  }
  EXPECT_EQ(ids.size(), 2000u);
}

TEST(OutputLines, HaveTheFormOfTheDialect) {
  EXPECT_EQ(
      answered_line("r", "c\"1", 200, R"({"a":1})"),
      R"({"id":"r","custom_id":"c\"1","response":{"status_code":200,"request_id":"r","body":{"a":1}},"error":null})");
  EXPECT_EQ(
      answered_line("r", "c", 400, R"({"error":{"message":"m","code":"k"}})"),
      R"({"id":"r","custom_id":"c","response":{"status_code":400,"request_id":"r","body":{"error":{"message":"m",)"
      R"("code":"k"}}},"error":{"code":"k","message":"m"}})");
  EXPECT_EQ(unanswered_line("r", "c", "batch_expired", "m"),
            R"({"id":"r","custom_id":"c","response":null,"error":{"code":"batch_expired","message":"m"}})");
}

}  // namespace
}  // namespace studio::api::batches
