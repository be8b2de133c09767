#include "engine/formats/gguf.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "engine/formats/gguf_test_support.h"
#include "engine/formats/gguf_writer.h"

namespace studio::engine {
namespace {

// One tensor [2, 32] F32 of ones and metadata of every kind.
std::vector<uint8_t> small_file() {
  GgufWriter writer;
  writer.add_u32("a.u32", 7);
  writer.add_u64("a.u64", 1ull << 40);
  writer.add_i32("a.negative", -1);
  writer.add_f32("a.f32", 0.5f);
  writer.add_bool("a.bool", true);
  writer.add_string("a.string", "text");
  const std::string strings[] = {"x", "", "yz"};
  writer.add_string_array("a.strings", strings);
  const int32_t integers[] = {-1, 2};
  writer.add_i32_array("a.integers", integers);
  const float floats[] = {0.25f};
  writer.add_f32_array("a.floats", floats);
  const uint64_t shape[] = {32, 2};
  writer.add_tensor_f32("w", DType::kF32, shape, std::vector<float>(64, 1.0f));
  auto bytes = writer.finish();
  EXPECT_TRUE(bytes.ok()) << bytes.error().message();
  return *bytes;
}

TEST(GgufFile, ReadsMetadataOfEveryKind) {
  auto bytes = small_file();
  auto file = GgufFile::parse(bytes);
  ASSERT_TRUE(file.ok()) << file.error().message();
  EXPECT_EQ(file->version(), 3u);
  EXPECT_EQ(file->alignment(), 32u);
  EXPECT_EQ(*file->get_u64("a.u32"), 7u);
  EXPECT_EQ(*file->get_u64("a.u64"), 1ull << 40);
  EXPECT_EQ(*file->get_f32("a.f32"), 0.5f);
  EXPECT_TRUE(*file->get_bool("a.bool"));
  EXPECT_EQ(*file->get_string("a.string"), "text");
  EXPECT_EQ(*file->get_string_array("a.strings"), (std::vector<std::string_view>{"x", "", "yz"}));
  EXPECT_EQ(*file->get_i32_array("a.integers"), (std::vector<int32_t>{-1, 2}));
  EXPECT_EQ(*file->get_f32_array("a.floats"), (std::vector<float>{0.25f}));
}

TEST(GgufFile, TellsMissingFromWrong) {
  auto bytes = small_file();
  auto file = GgufFile::parse(bytes);
  ASSERT_TRUE(file.ok());

  auto absent = file->find_u64("a.absent");
  ASSERT_TRUE(absent.ok());
  EXPECT_FALSE(absent->has_value());
  auto required = file->get_u64("a.absent");
  ASSERT_FALSE(required.ok());
  EXPECT_EQ(required.error().code(), Code::kCorruptData);
  EXPECT_NE(required.error().message().find("a.absent"), std::string::npos);

  // There with another type: an error for both, never "missing".
  EXPECT_FALSE(file->find_u64("a.string").ok());
  EXPECT_FALSE(file->find_u64("a.strings").ok());
  EXPECT_FALSE(file->find_string("a.u32").ok());
  EXPECT_FALSE(file->find_bool("a.u32").ok());
  EXPECT_FALSE(file->find_f32("a.u32").ok());
  EXPECT_FALSE(file->get_f32_array("a.integers").ok());
  EXPECT_FALSE(file->get_i32_array("a.strings").ok());
  EXPECT_FALSE(file->get_i32_array("a.floats").ok());
  EXPECT_EQ(file->get_string_array("a.integers").error().message(),
            "GGUF: \"a.integers\" is of type array of i32, not array of string");
}

TEST(GgufFile, RefusesNegativeCounts) {
  auto bytes = small_file();
  auto file = GgufFile::parse(bytes);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->get_u64("a.negative").error().message(), "GGUF: \"a.negative\" is negative");
}

TEST(GgufFile, RefusesNumbersThatAreNotFinite) {
  auto bytes =
      RawGguf(0, 2).key("a", GgufType::kFloat32).u32(0x7f800000).key("b", GgufType::kFloat64).u64(~0ull).take();
  auto file = GgufFile::parse(bytes);
  ASSERT_TRUE(file.ok()) << file.error().message();
  EXPECT_FALSE(file->get_f32("a").ok());
  EXPECT_FALSE(file->get_f32("b").ok());
}

TEST(GgufFile, ReadsVersion2AndFollowsTheDeclaredAlignment) {
  auto bytes = RawGguf(2, 1, 2)
                   .entry_u32("general.alignment", 64)
                   .tensor("a", {4}, DType::kF32, 0)
                   .tensor("b", {32, 1, 2}, DType::kQ8_0, 64)
                   .pad(64)
                   .zeros(64 + 68)
                   .take();
  auto file = GgufFile::parse(bytes);
  ASSERT_TRUE(file.ok()) << file.error().message();
  EXPECT_EQ(file->alignment(), 64u);
  const TensorInfo* b = file->find_tensor("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->dtype, DType::kQ8_0);
  EXPECT_EQ(b->n_dims, 3);
  EXPECT_EQ(b->rows(), 2u);
  EXPECT_EQ(b->data.size(), 68u);
  EXPECT_EQ(b->data.data() + b->data.size(), bytes.data() + bytes.size());
  EXPECT_EQ(file->find_tensor("c"), nullptr);
  EXPECT_EQ(file->get_tensor("c").error().message(), "GGUF: the tensor \"c\" is missing");
}

TEST(GgufFile, ViewsStayValidWhenItIsMoved) {
  auto path = std::filesystem::temp_directory_path() / ("gguf_test." + std::to_string(::getpid()));
  GgufWriter writer;
  writer.add_string("a", "still here");
  ASSERT_TRUE(writer.write(path).ok());
  auto file = GgufFile::open(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(file.ok());
  std::string_view text = *file->get_string("a");
  GgufFile moved = std::move(*file);
  EXPECT_EQ(text, "still here");
  EXPECT_EQ(moved.get_string("a")->data(), text.data());
}

TEST(GgufFile, QuotesForeignNamesSafely) {
  auto bytes = RawGguf(0, 1).key("k\"\x01\xff" + std::string(200, 'a'), GgufType::kArray).u32(9).u64(0).take();
  auto file = GgufFile::parse(bytes);
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().message(), "GGUF: \"k\\x22\\x01\\xff" + std::string(76, 'a') + "...\" is an array of arrays");
}

TEST(GgufFile, ReportsAFileThatIsNotThere) {
  auto file = GgufFile::open("/nonexistent/model.gguf");
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().code(), Code::kNotFound);
}

TEST(GgufFile, TellsTheLogWhichFileIsBroken) {
  auto path = std::filesystem::temp_directory_path() / ("gguf_test." + std::to_string(::getpid()));
  std::ofstream(path) << "GGUF";
  auto file = GgufFile::open(path);
  std::filesystem::remove(path);
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().code(), Code::kCorruptData);
  EXPECT_EQ(file.error().detail().text, path);
}

// Real files where they are at hand: opening proves 300,000 strings and must not be felt.
// The head of a file of several MiB, whose metadata alone are larger than what is read at first.
TEST(GgufFile, ReadsAHeadWithoutItsTensors) {
  const auto path = std::filesystem::temp_directory_path() / ("studio-head-" + std::to_string(::getpid()));
  GgufWriter writer;
  writer.add_string("a.long", std::string(7u << 20, 'x'));
  const uint64_t shape[] = {4 << 20};
  writer.add_tensor_f32("w", DType::kF32, shape, std::vector<float>(4 << 20, 1.0f));
  ASSERT_TRUE(writer.write(path.string()).ok());
  auto head = GgufFile::read_head(path.string());
  ASSERT_TRUE(head.ok()) << head.error().message();
  EXPECT_EQ(head->get_string("a.long")->size(), 7u << 20);
  EXPECT_EQ(head->find_tensor("w")->row_elements(), 4u << 20);
  EXPECT_TRUE(head->find_tensor("w")->data.empty());
  ASSERT_TRUE(head->identity());
  EXPECT_EQ(*head->identity(), UnmappedFile::open(path.string())->identity());
  EXPECT_FALSE(GgufFile::open(path.string())->identity());
  // Proved against the whole file, though it was not read.
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - (1u << 20));
  EXPECT_EQ(GgufFile::read_head(path.string()).error().message(), "GGUF: tensor \"w\" runs past the end of the file");
  std::filesystem::resize_file(path, 5u << 20);
  EXPECT_FALSE(GgufFile::read_head(path.string()).ok());
  std::filesystem::remove(path);
}

TEST(GgufFile, OpensRealModelsQuickly) {
  const char* folder = std::getenv("STUDIO_MODELS");
  if (folder == nullptr) GTEST_SKIP() << "STUDIO_MODELS names no folder of models";
  for (const auto& item : std::filesystem::directory_iterator(folder)) {
    if (item.path().extension() != ".gguf") continue;
    ASSERT_TRUE(GgufFile::open(item.path()).ok());  // brings the header into the page cache
    auto start = std::chrono::steady_clock::now();
    auto file = GgufFile::open(item.path());
    auto took = std::chrono::steady_clock::now() - start;
    ASSERT_TRUE(file.ok()) << item.path() << ": " << file.error().message();
    EXPECT_LT(took, std::chrono::milliseconds(30)) << item.path();
    EXPECT_GT(file->tensors().size(), 100u);
    EXPECT_GT(file->get_string_array("tokenizer.ggml.tokens")->size(), 10'000u);
  }
}

}  // namespace
}  // namespace studio::engine
