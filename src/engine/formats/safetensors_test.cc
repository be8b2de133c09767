#include "engine/formats/safetensors.h"

#include <gtest/gtest.h>

#include "engine/formats/safetensors_index.h"
#include "engine/formats/safetensors_test_support.h"

namespace studio::engine {
namespace {

std::string refusal(const std::vector<uint8_t>& bytes) {
  auto file = SafetensorsFile::parse(bytes);
  return file.ok() ? "accepted" : file.error().message();
}

std::string entry(std::string_view name, std::string_view dtype, std::string_view shape, uint64_t begin, uint64_t end) {
  return safetensors_entry(name, dtype, shape, begin, end);
}

// 24 + 8 + 4 bytes of data, in another order than the header's.
const std::string kGood = "{" + entry("b", "F16", "[4]", 24, 32) + "," + entry("a", "F32", "[2,3]", 0, 24) + "," +
                          entry("c", "BF16", "[1,2]", 32, 36) + R"(,"__metadata__":{"format":"pt"}}  )";

TEST(Safetensors, ReadsTensorsInTheOrderOfTheFile) {
  auto bytes = safetensors_bytes(kGood, 36);
  auto file = SafetensorsFile::parse(bytes);
  ASSERT_TRUE(file.ok()) << file.error().message();
  ASSERT_EQ(file->tensors().size(), 3u);
  EXPECT_EQ(file->tensors()[0].name, "a");
  EXPECT_EQ(file->tensors()[0].shape, (std::vector<uint64_t>{2, 3}));
  EXPECT_EQ(file->tensors()[1].dtype, DType::kF16);
  EXPECT_EQ(file->tensors()[2].data.data(), bytes.data() + bytes.size() - 4);
  EXPECT_EQ(file->tensors()[2].data.size(), 4u);
}

TEST(Safetensors, RefusesHeadersThatDoNotFit) {
  EXPECT_EQ(refusal({}), "safetensors: the file ends inside the length of its header");
  EXPECT_EQ(refusal(std::vector<uint8_t>(8)), "safetensors: the header does not begin with '{'");
  auto long_header = safetensors_bytes(kGood, 36);
  long_header[7] = 0x80;
  EXPECT_NE(refusal(long_header).find("over the limit of 16777216"), std::string::npos);
  auto cut = safetensors_bytes(kGood, 0);
  cut.resize(cut.size() - 3);
  EXPECT_NE(refusal(cut).find("the file has"), std::string::npos);
  EXPECT_NE(refusal(safetensors_bytes(R"({"a":1,"a":2})", 0)).find("duplicate key"), std::string::npos);
  EXPECT_NE(refusal(safetensors_bytes("{]", 0)).find("no JSON we accept"), std::string::npos);
  EXPECT_NE(refusal(safetensors_bytes(R"({"__metadata__":{"a":1}})", 0)).find("is no text"), std::string::npos);
}

TEST(Safetensors, ProvesEveryExtent) {
  struct Case {
    std::string header;
    size_t data_bytes;
    const char* told;
  };
  const Case cases[] = {
      {"{" + entry("a", "F32", "[2]", 0, 8) + "}", 7, "runs past the end of the file"},
      {"{" + entry("a", "F32", "[2]", 0, 8) + "}", 9, "1 bytes that belong to no tensor"},
      {"{" + entry("a", "F32", "[2]", 4, 12) + "}", 12, "leaves a hole before it"},
      {"{" + entry("a", "F32", "[2]", 0, 8) + "," + entry("b", "F32", "[2]", 4, 12) + "}", 12,
       "overlaps the one before"},
      {"{" + entry("a", "F32", "[2]", 0, 8) + "," + entry("b", "F32", "[2]", 0, 8) + "}", 8, "overlaps the one before"},
      {"{" + entry("a", "F32", "[3]", 0, 8) + "}", 8, "has 8 bytes, its shape and dtype want 12"},
      {"{" + entry("a", "F32", "[2]", 8, 0) + "}", 8, "no pair of begin and end"},
      {"{" + entry("a", "F32", "[4294967296,4294967296,4]", 0, 8) + "}", 8, "overflows 64 bits"},
      {"{" + entry("a", "F32", "[0]", 0, 0) + "}", 0, "a dimension of 0"},
      {"{" + entry("a", "F32", "[]", 0, 4) + "}", 4, "no list of 1 to 4 whole numbers"},
      {"{" + entry("a", "F32", "[1,1,1,1,2]", 0, 8) + "}", 8, "no list of 1 to 4 whole numbers"},
      {"{" + entry("a", "F32", "[-2]", 0, 8) + "}", 8, "no list of 1 to 4 whole numbers"},
      {"{" + entry("a", "F32", "[2.0]", 0, 8) + "}", 8, "no list of 1 to 4 whole numbers"},
      {"{" + entry("a", "F32", "[2]", 0, 18446744073709551615ull) + "}", 8, "its shape and dtype want 8"},
      {"{" + entry("", "F32", "[2]", 0, 8) + "}", 8, "is empty or too long"},
      {R"({"a":{"dtype":"F32","shape":[2]}})", 8, "needs dtype, shape and data_offsets alone"},
      {R"({"a":7})", 8, "is no object"},
  };
  for (const Case& c : cases) {
    EXPECT_NE(refusal(safetensors_bytes(c.header, c.data_bytes)).find(c.told), std::string::npos)
        << c.header << "\n"
        << refusal(safetensors_bytes(c.header, c.data_bytes));
  }
}

TEST(Safetensors, NamesTypesItDoesNotRead) {
  for (const char* dtype : {"F64", "I64", "I8", "U8", "BOOL", "F8_E4M3", "nonsense"}) {
    auto file = SafetensorsFile::parse(safetensors_bytes("{" + entry("w", dtype, "[1]", 0, 4) + "}", 4));
    ASSERT_FALSE(file.ok());
    EXPECT_EQ(file.error().code(), Code::kUnimplemented);
    EXPECT_NE(file.error().message().find(std::string("\"") + dtype + "\", which is not read"), std::string::npos);
  }
}

TEST(Safetensors, ProvesBuffersOfWholeNumbersAndLeavesThemOut) {
  const std::string_view buffers[] = {"ids"};
  const auto parse = [&](std::string_view shape, uint64_t end) {
    const std::string header =
        "{" + entry("ids", "I64", shape, 0, end) + "," + entry("w", "F32", "[2]", end, end + 8) + "}";
    const auto bytes = safetensors_bytes(header, end + 8);
    auto file = SafetensorsFile::parse(bytes, buffers);
    return file.ok() ? std::to_string(file->tensors().size()) + " " + file->tensors()[0].name : file.error().message();
  };
  EXPECT_EQ(parse("[1,3]", 24), "1 w");
  EXPECT_NE(parse("[1,3]", 20).find("has 20 bytes, its shape and dtype want 24"), std::string::npos);
  EXPECT_NE(parse("[0]", 0).find("a dimension of 0"), std::string::npos);
}

TEST(Safetensors, SurvivesEveryCutAndEveryFlippedBit) {
  const auto good = safetensors_bytes(kGood, 36);
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(SafetensorsFile::parse(std::span(good).first(size)).ok()) << size;
  }
  int accepted = 0;
  for (size_t bit = 0; bit < 8 * (good.size() - 36); ++bit) {
    // A block of exactly the file's size on the heap, so that a sanitizer sees the first byte read past it.
    std::vector<uint8_t> bytes(good.begin(), good.end());
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    auto file = SafetensorsFile::parse(bytes);
    if (!file.ok()) {
      EXPECT_FALSE(file.error().message().empty());
      continue;
    }
    ++accepted;  // another name, another text in the metadata, F16 for BF16's like
    for (const auto& tensor : file->tensors()) EXPECT_LE(tensor.offset + tensor.size, bytes.size());
  }
  EXPECT_GT(accepted, 0);
}

TEST(SafetensorsIndex, ListsShardsOnceAndTensorsWithThem) {
  auto index = SafetensorsIndex::parse(
      R"({"metadata":{"total_size":9},"weight_map":{"x":"b-2.safetensors","y":"a-1.safetensors","z":"b-2.safetensors"}})");
  ASSERT_TRUE(index.ok()) << index.error().message();
  EXPECT_EQ(index->shards, (std::vector<std::string>{"a-1.safetensors", "b-2.safetensors"}));
  ASSERT_EQ(index->entries.size(), 3u);
  EXPECT_EQ(index->entries[0].tensor, "x");
  EXPECT_EQ(index->entries[0].shard, 1u);
}

TEST(SafetensorsIndex, LetsNoNameOutOfTheFolder) {
  for (const char* name :
       {"../m.safetensors", "/m.safetensors", "a/m.safetensors", "..", "", ".m.safetensors", "m.safetensors/", "m.bin",
        "-rf.safetensors", ".safetensors", "m\\\\n.safetensors", "m .safetensors"}) {
    auto index = SafetensorsIndex::parse(std::string(R"({"weight_map":{"x":")") + name + "\"}}");
    ASSERT_FALSE(index.ok()) << name;
    EXPECT_NE(index.error().message().find("no plain name"), std::string::npos) << index.error().message();
  }
  EXPECT_FALSE(SafetensorsIndex::parse(R"({"weight_map":{}})").ok());
  EXPECT_FALSE(SafetensorsIndex::parse(R"({"weight_map":[]})").ok());
  EXPECT_FALSE(SafetensorsIndex::parse("[]").ok());
}

}  // namespace
}  // namespace studio::engine
