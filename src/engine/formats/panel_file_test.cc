#include "engine/formats/panel_file.h"

#include <gtest/gtest.h>

#include <cstring>

namespace studio::engine {
namespace {

constexpr const char* kZeros = "0000000000000000000000000000000000000000000000000000000000000000";

GgufWriter metadata(std::string_view layout = kPanelLayoutName) {
  GgufWriter writer;
  writer.add_string("general.architecture", "test");
  writer.add_string(kPanelLayoutKey, layout);
  return writer;
}

// A vector of 4 and a matrix [16, 32] of F32 panels behind each other.
std::vector<PanelEntry> two_entries() {
  return {
      {.name = "v", .dtype = DType::kF32, .shape = {4, 1}, .n_dims = 1, .offset = 4096, .size = 16, .sha256 = kZeros},
      {.name = "m",
       .dtype = DType::kF32,
       .shape = {32, 16},
       .n_dims = 2,
       .offset = 8192,
       .size = 2048,
       .sha256 = kZeros}};
}

std::vector<uint8_t> file_of(std::span<const PanelEntry> entries, uint64_t file_bytes, GgufWriter writer = metadata()) {
  auto head = panel_file_head(std::move(writer), entries, file_bytes);
  EXPECT_TRUE(head.ok());
  head->resize(file_bytes);
  return *head;
}

std::string refusal(const std::vector<uint8_t>& bytes) {
  auto file = parse_panel_file(bytes);
  return file.ok() ? "accepted" : file.error().message();
}

TEST(PanelFile, GivesBackMetadataAndTensorsWhereTheyLie) {
  const auto bytes = file_of(two_entries(), 12288);
  auto file = parse_panel_file(bytes);
  ASSERT_TRUE(file.ok()) << file.error().message();
  EXPECT_EQ(file->format(), "panels");
  EXPECT_EQ(*file->get_string("general.architecture"), "test");
  const TensorInfo* vector = file->find_tensor("v");
  const TensorInfo* matrix = file->find_tensor("m");
  ASSERT_TRUE(vector != nullptr && matrix != nullptr);
  EXPECT_EQ(vector->order, TensorOrder::kRows);
  EXPECT_EQ(vector->data.data(), bytes.data() + 4096);
  EXPECT_EQ(matrix->order, TensorOrder::kPanels);
  EXPECT_EQ(matrix->rows(), 16u);
  EXPECT_EQ(matrix->data.size(), 2048u);
  EXPECT_NE(refusal(bytes), "");
  EXPECT_NE(check_panel_digests(*file).error().message().find("does not match its digest"), std::string::npos);
}

TEST(PanelFile, IsKnownByTheDigestOfItsHead) {
  const auto bytes = file_of(two_entries(), 12288);
  auto file = parse_panel_file(bytes);
  ASSERT_TRUE(file.ok() && file->digest());
  EXPECT_TRUE(std::equal(file->digest()->begin(), file->digest()->end(), bytes.begin() + 32));
  auto other_entries = two_entries();
  other_entries[1].sha256[0] = '1';
  const auto other_bytes = file_of(other_entries, 12288);
  auto other = parse_panel_file(other_bytes);
  ASSERT_TRUE(other.ok());
  EXPECT_NE(other->digest(), file->digest());
}

TEST(PanelFile, RefusesADamagedHeadAtEveryBit) {
  const auto good = file_of(two_entries(), 12288);
  uint64_t head_bytes = 0;
  std::memcpy(&head_bytes, good.data() + 16, sizeof head_bytes);
  for (size_t bit = 0; bit < 8 * (kPanelPreambleBytes + head_bytes); ++bit) {
    auto bytes = good;
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    EXPECT_NE(refusal(bytes), "accepted") << "bit " << bit;
  }
  for (size_t size = 0; size < good.size(); size += 7) {
    EXPECT_FALSE(parse_panel_file(std::span(good).first(size)).ok()) << size;
  }
}

TEST(PanelFile, ProvesEveryExtent) {
  auto with = [](auto&& change) {
    auto entries = two_entries();
    change(entries);
    return refusal(file_of(entries, 12288));
  };
  EXPECT_EQ(with([](auto&) {}), "accepted");
  EXPECT_EQ(with([](auto& e) { e[1].offset = 12288; }), "panel file: tensor \"m\" runs past the end of the file");
  EXPECT_EQ(with([](auto& e) { e[1].offset = 4096; }), "panel file: tensor \"m\" overlaps what is before it");
  EXPECT_EQ(with([](auto& e) { e[0].offset = 0; }), "panel file: tensor \"v\" overlaps what is before it");
  EXPECT_EQ(with([](auto& e) { e[1].size = 1 << 20; }), "panel file: tensor \"m\" runs past the end of the file");
  EXPECT_EQ(with([](auto& e) { e[0].shape[0] = 4000; }), "panel file: tensor \"v\" runs past the end of the file");
  EXPECT_EQ(with([](auto& e) { e[0].dtype = DType::kF16; }),
            "panel file: tensor \"v\" is a vector of another type than F32");
  EXPECT_EQ(with([](auto& e) { e[1].dtype = DType::kQ4_K; }), "panel file: tensor \"m\" has rows of no whole blocks");
  EXPECT_EQ(with([](auto& e) { e[1].name = "v"; }), "GGUF: the tensor \"v\" stands twice in the file");
  EXPECT_EQ(with([](auto& e) { e[1].name = ""; }), "panel file: tensor \"\" has no fit name");
}

TEST(PanelFile, RefusesAnotherLayoutVersionOrLength) {
  EXPECT_NE(refusal(file_of(two_entries(), 12288, metadata("panels32-9"))).find("import the model anew"),
            std::string::npos);
  auto bytes = file_of(two_entries(), 12288);
  bytes.resize(12287);
  EXPECT_EQ(refusal(bytes), "panel file: it is 12287 bytes long where its preamble says 12288");
  bytes = file_of(two_entries(), 12288);
  bytes[8] = 2;
  EXPECT_NE(refusal(bytes).find("version 2 is not read"), std::string::npos);
  EXPECT_FALSE(is_panel_file(std::span(bytes).first(7)));
  EXPECT_TRUE(is_panel_file(bytes));
}

}  // namespace
}  // namespace studio::engine
