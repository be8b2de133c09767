#include "engine/layers/panel_import.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <vector>

#include "engine/formats/block_codec.h"
#include "engine/formats/gguf.h"
#include "engine/formats/gguf_writer.h"
#include "engine/formats/open_model.h"
#include "engine/formats/panel_file.h"
#include "engine/formats/quantise.h"
#include "engine/formats/tensor_rows.h"
#include "engine/layers/weights.h"

namespace studio::engine {
namespace {

namespace fs = std::filesystem;

class PanelImport : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("studio-import-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    path_ = folder_ / "m.panels";
  }
  void TearDown() override { fs::remove_all(folder_); }

  // A matrix [rows, 256] and a vector, of a type.
  static std::vector<uint8_t> gguf_of(DType type, uint64_t rows) {
    std::mt19937 random(3);
    std::vector<float> values(rows * 256), norm(256);
    for (float& value : values) value = static_cast<float>(random()) * 0x1p-32f - 0.5f;
    for (float& value : norm) value = static_cast<float>(random()) * 0x1p-32f;
    GgufWriter writer;
    writer.add_string("general.architecture", "test");
    const uint64_t matrix[] = {256, rows}, vector[] = {256};
    writer.add_tensor_f32("w.weight", type, matrix, values);
    writer.add_tensor_f32("norm.weight", DType::kF32, vector, norm);
    return writer.finish().value();
  }

  Status import(const ModelSource& source, const std::string& quantise) {
    ImportOptions options;
    options.quantise = quantise;
    options.source_sha256 = std::string(64, 'a');
    return import_panels(source, path_, options, pool_);
  }

  ThreadPool pool_{2};
  fs::path folder_;
  std::string path_;
};

// 1,100 rows: more than are worked on at once, and no multiple of a panel.
TEST_F(PanelImport, LoadsTheSameMatricesAsTheSource) {
  for (DType type : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ4_K, DType::kQ6_K, DType::kQ5_0}) {
    const auto bytes = gguf_of(type, 1100);
    auto source = GgufFile::parse(bytes);
    ASSERT_TRUE(source.ok());
    ASSERT_TRUE(import(*source, "none").ok());
    auto panels = open_model(path_);
    ASSERT_TRUE(panels.ok()) << panels.error().message();
    WeightLoader theirs(*source, pool_), ours(*panels, pool_);
    auto expected = theirs.matrix("w.weight", 1100, 256), found = ours.matrix("w.weight", 1100, 256);
    ASSERT_TRUE(expected.ok() && found.ok());
    ASSERT_EQ(found->bytes(), expected->bytes());
    EXPECT_TRUE(std::equal(found->data().begin(), found->data().end(), expected->data().begin())) << dtype_name(type);
    EXPECT_EQ(*ours.vector("norm.weight", 256), *theirs.vector("norm.weight", 256));
    EXPECT_EQ(*panels->get_string("general.architecture"), "test");
    EXPECT_FALSE(ours.matrix("w.weight", 1100, 128).ok());
    auto head = read_model_head(path_);
    ASSERT_TRUE(head.ok());
    EXPECT_TRUE(head->find_tensor("w.weight")->data.empty());
  }
}

TEST_F(PanelImport, QuantisesRowByRow) {
  const auto bytes = gguf_of(DType::kF32, 40);
  auto source = GgufFile::parse(bytes);
  ASSERT_TRUE(source.ok());
  for (auto [name, type] :
       {std::pair{"q8_0", DType::kQ8_0}, {"q4_0", DType::kQ4_0}, {"q4_k", DType::kQ4_K}, {"bf16", DType::kBF16}}) {
    ASSERT_TRUE(import(*source, name).ok());
    auto panels = open_model(path_);
    ASSERT_TRUE(panels.ok());
    WeightLoader loader(*panels, pool_);
    auto matrix = loader.matrix("w.weight", 40, 256);
    ASSERT_TRUE(matrix.ok());
    EXPECT_EQ(matrix->type(), type);
    const TensorInfo& tensor = *source->find_tensor("w.weight");
    for (int row : {0, 15, 16, 39}) {
      std::vector<uint8_t> encoded(row_bytes(type, 256));
      const auto* values = reinterpret_cast<const float*>(tensor.data.data()) + 256 * row;
      quantise_row(type, values, encoded.data(), 256);
      std::vector<float> expected(256), found(256);
      decode_row(type, encoded.data(), expected.data(), 256);
      matrix->decode_row(row, found.data());
      EXPECT_EQ(found, expected) << name << " row " << row;
    }
  }
}

TEST_F(PanelImport, RefusesWhatWouldBeQuantisedTwice) {
  const auto bytes = gguf_of(DType::kQ8_0, 16);
  auto source = GgufFile::parse(bytes);
  ASSERT_TRUE(source.ok());
  Status status = import(*source, "q4_k");
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message().find("is quantised already (Q8_0)"), std::string::npos);
  EXPECT_TRUE(fs::is_empty(folder_)) << "nothing half made is left";
  EXPECT_TRUE(import(*source, "q8_0").ok());
  auto panels = open_model(path_);
  ASSERT_TRUE(panels.ok());
  EXPECT_NE(import(*panels, "none").error().message().find("panel file already"), std::string::npos);
  EXPECT_NE(import(*source, "q3_k").error().message().find("q8_0"), std::string::npos);
}

TEST_F(PanelImport, RefusesValuesThatATypeCannotHold) {
  std::vector<float> values(512, 1.0f);
  values[300] = 1e6f;
  GgufWriter writer;
  const uint64_t shape[] = {256, 2};
  writer.add_tensor_f32("w.weight", DType::kF32, shape, values);
  const auto bytes = writer.finish().value();
  auto source = GgufFile::parse(bytes);
  ASSERT_TRUE(source.ok());
  EXPECT_NE(import(*source, "q8_0").error().message().find("too large for Q8_0"), std::string::npos);
  EXPECT_TRUE(import(*source, "bf16").ok());
}

TEST_F(PanelImport, NoticesDamageToTheData) {
  const auto bytes = gguf_of(DType::kF16, 64);
  auto source = GgufFile::parse(bytes);
  ASSERT_TRUE(source.ok() && import(*source, "none").ok());
  auto panels = open_model(path_);
  ASSERT_TRUE(panels.ok() && check_panel_digests(*panels).ok());
  {
    FILE* file = std::fopen(path_.c_str(), "r+b");
    ASSERT_NE(file, nullptr);
    std::fseek(file, -5000, SEEK_END);
    const int byte = std::fgetc(file);
    std::fseek(file, -1, SEEK_CUR);
    std::fputc(byte ^ 1, file);
    std::fclose(file);
  }
  auto damaged = open_model(path_);
  ASSERT_TRUE(damaged.ok());
  EXPECT_FALSE(check_panel_digests(*damaged).ok());
}

TEST_F(PanelImport, CarriesTheVocabularysTables) {
  const auto bytes = gguf_of(DType::kF16, 64);
  auto source = GgufFile::parse(bytes);
  ASSERT_TRUE(source.ok() && import(*source, "none").ok());
  EXPECT_FALSE(panel_vocabulary(*open_model(path_), path_).has_value());
  ImportOptions options;
  options.source_sha256 = std::string(64, '0');
  options.vocabulary.assign(9000, 0xAB);
  ASSERT_TRUE(import_panels(*source, path_, options, pool_).ok());
  for (const auto& panels : {open_model(path_), read_model_head(path_)}) {
    ASSERT_TRUE(panels.ok()) << panels.error().message();
    const auto part = panel_vocabulary(*panels, path_);
    ASSERT_TRUE(part.has_value());
    EXPECT_EQ(part->offset % kPanelPage, 0u);
    EXPECT_EQ(UnmappedFile::open(path_)->read(part->offset, part->bytes).value(), options.vocabulary);
  }
  const auto panels = open_model(path_);
  EXPECT_TRUE(check_panel_digests(*panels).ok());
  EXPECT_TRUE(WeightLoader(*panels, pool_).matrix("w.weight", 64, 256).ok());
}

// Written in pieces of 2 MiB, whose borders fall into tables and tensors.
TEST_F(PanelImport, WritesWhatIsLongerThanAPiece) {
  constexpr uint64_t kRows = 24'000;  // 6.5 MB
  const auto bytes = gguf_of(DType::kQ8_0, kRows);
  auto source = GgufFile::parse(bytes);
  ASSERT_TRUE(source.ok());
  ImportOptions options;
  options.source_sha256 = std::string(64, 'a');
  for (size_t i = 0; i < (5u << 20) + 1; ++i) options.vocabulary.push_back(static_cast<uint8_t>(i * 2654435761u >> 24));
  ASSERT_TRUE(import_panels(*source, path_, options, pool_).ok());
  EXPECT_EQ(fs::file_size(path_) % kPanelPage, 0u);
  auto panels = open_model(path_);
  ASSERT_TRUE(panels.ok()) << panels.error().message();
  EXPECT_TRUE(check_panel_digests(*panels).ok());
  WeightLoader theirs(*source, pool_), ours(*panels, pool_);
  auto expected = theirs.matrix("w.weight", kRows, 256), found = ours.matrix("w.weight", kRows, 256);
  ASSERT_TRUE(expected.ok() && found.ok());
  EXPECT_TRUE(std::equal(found->data().begin(), found->data().end(), expected->data().begin()));
  EXPECT_EQ(*ours.vector("norm.weight", 256), *theirs.vector("norm.weight", 256));
  const auto tables = panel_vocabulary(*panels, path_);
  ASSERT_TRUE(tables);
  auto file = UnmappedFile::open(path_);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(*file->read(tables->offset, tables->bytes), options.vocabulary);
}

// convert_hf_to_gguf.py: reshape(heads, 2, rows / heads / 2, ...).swapaxes(1, 2).
TEST(TensorRows, TakeRotaryHalvesTogether) {
  const std::vector<uint8_t> data = {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7};  // 8 rows of one F16, 2 heads
  TensorInfo tensor{.name = "q", .dtype = DType::kF16, .shape = {1, 8, 1, 1}, .n_dims = 2, .data = data};
  EXPECT_EQ(rows_in_order(tensor, 0, 8), data);
  tensor.order = TensorOrder::kRotaryHalves;
  tensor.rotary_heads = 2;
  EXPECT_EQ(rows_in_order(tensor, 0, 8), (std::vector<uint8_t>{0, 0, 2, 2, 1, 1, 3, 3, 4, 4, 6, 6, 5, 5, 7, 7}));
  EXPECT_EQ(rows_in_order(tensor, 5, 2), (std::vector<uint8_t>{6, 6, 5, 5}));
}

}  // namespace
}  // namespace studio::engine
