#include "engine/encoders/encoder.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/json.h"
#include "engine/encoders/pooling.h"
#include "engine/formats/block_codec.h"
#include "engine/formats/gguf.h"
#include "engine/formats/gguf_writer.h"
#include "engine/formats/hf_encoder_folder.h"
#include "engine/tokenizer/wordpiece.h"

namespace studio::engine {
namespace {

const std::string kGolden = std::string(STUDIO_SOURCE_DIR) + "/tests/golden/encoders/";
const std::string kTiny = kGolden + "tiny-bert";

using Texts = std::vector<std::vector<TokenId>>;

std::string file_text(const std::string& path) {
  auto text = read_file(path, 16 << 20);
  EXPECT_TRUE(text.ok()) << path;
  return text.ok() ? *text : "";
}

const KernelSet& fastest() {
  return *available_kernels().back();
}

std::unique_ptr<Encoder> opened(const std::string& path, const KernelSet& kernels, ThreadPool& pool) {
  auto encoder = Encoder::open(path, kernels, pool);
  EXPECT_TRUE(encoder.ok()) << encoder.error().message();
  return encoder.ok() ? std::move(*encoder) : nullptr;
}

std::vector<float> embedded(Encoder& encoder, const Texts& texts) {
  auto vectors = encoder.embed(texts);
  EXPECT_TRUE(vectors.ok()) << vectors.error().message();
  return vectors.ok() ? *vectors : std::vector<float>{};
}

// The golden texts by a vocabulary, those of at most `longest` ids, of which the vectors file has one vector each.
Texts golden_texts(const std::string& tokenizer_json, size_t longest, size_t count) {
  auto vocabulary = WordPiece::from_json(file_text(tokenizer_json));
  auto cases = parse_json(file_text(kGolden + "wordpiece.json"));
  EXPECT_TRUE(vocabulary.ok() && cases.ok());
  Texts texts;
  for (const boost::json::value& item : cases->as_array()) {
    auto ids = (*vocabulary)->encode_for_model(std::string_view(item.at("text").as_string()));
    if (ids.size() <= longest && texts.size() < count) texts.push_back(std::move(ids));
  }
  return texts;
}

std::vector<float> golden_vectors(const std::string& name) {
  const std::string bytes = file_text(kGolden + name);
  std::vector<float> vectors(bytes.size() / sizeof(float));
  std::memcpy(vectors.data(), bytes.data(), vectors.size() * sizeof(float));
  return vectors;
}

double cosine(const float* a, const float* b, size_t n) {
  double product = 0, of_a = 0, of_b = 0;
  for (size_t i = 0; i < n; ++i) {
    const auto x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    product += x * y;
    of_a += x * x;
    of_b += y * y;
  }
  return product / std::sqrt(of_a * of_b);
}

// The least cosine of a text's two vectors.
double worst_cosine(const std::vector<float>& found, const std::vector<float>& expected, size_t width) {
  EXPECT_EQ(found.size(), expected.size());
  if (found.size() != expected.size()) return 0;
  double worst = 1;
  for (size_t i = 0; i < found.size(); i += width) worst = std::min(worst, cosine(&found[i], &expected[i], width));
  return worst;
}

// A GGUF file of a folder's model, its matrices of another type.
std::vector<uint8_t> as_gguf(const std::string& folder, DType matrices) {
  auto source = read_hf_encoder_folder(folder);
  EXPECT_TRUE(source.ok());
  GgufWriter writer;
  for (const MetadataEntry& entry : source->metadata()) writer.add_entry(entry);
  for (const TensorInfo& tensor : source->tensors()) {
    std::vector<float> values(tensor.data.size() / sizeof(float));
    std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
    const bool is_matrix = tensor.n_dims == 2 && tensor.name.starts_with("blk.");
    writer.add_tensor_f32(tensor.name, is_matrix ? matrices : DType::kF32,
                          std::span(tensor.shape).first(static_cast<size_t>(tensor.n_dims)), values);
  }
  auto bytes = writer.finish();
  EXPECT_TRUE(bytes.ok()) << bytes.error().message();
  return *bytes;
}

std::unique_ptr<Encoder> loaded(std::span<const uint8_t> bytes, const KernelSet& kernels, ThreadPool& pool) {
  auto file = GgufFile::parse(bytes);
  EXPECT_TRUE(file.ok());
  auto encoder = Encoder::load(ModelSource(std::move(*file)), kernels, pool);
  EXPECT_TRUE(encoder.ok()) << encoder.error().message();
  return encoder.ok() ? std::move(*encoder) : nullptr;
}

TEST(Encoder, GivesTheVectorsOfTheReference) {
  ThreadPool pool(2);
  const auto expected = golden_vectors("tiny-bert.vectors");
  for (const KernelSet* kernels : available_kernels()) {
    const auto encoder = opened(kTiny, *kernels, pool);
    ASSERT_NE(encoder, nullptr);
    EXPECT_EQ(encoder->config().hidden, 32);
    EXPECT_EQ(encoder->config().context_tokens, 128);
    const Texts texts = golden_texts(kTiny + "/tokenizer.json", 128, expected.size() / 32);
    const auto found = embedded(*encoder, texts);
    EXPECT_GE(worst_cosine(found, expected, 32), 0.999999) << kernels->name;
    for (size_t i = 0; i < std::min(found.size(), expected.size()); ++i) EXPECT_NEAR(found[i], expected[i], 1e-5);
  }
}

// Run by tests/encoders, which fetches the weights.
TEST(Encoder, DISABLED_GivesTheVectorsOfTheReferenceForRealWeights) {
  const char* models = std::getenv("STUDIO_MODELS");
  const std::string folder = std::string(models != nullptr ? models : "") + "/all-minilm-l6-v2";
  ASSERT_TRUE(std::filesystem::exists(folder + "/model.safetensors")) << "STUDIO_MODELS is a folder of models";
  ThreadPool pool(2);
  const auto encoder = opened(folder, fastest(), pool);
  ASSERT_NE(encoder, nullptr);
  const auto expected = golden_vectors("minilm.vectors");
  const Texts texts = golden_texts(folder + "/tokenizer.json", 256, expected.size() / 384);
  const double worst = worst_cosine(embedded(*encoder, texts), expected, 384);
  EXPECT_GE(worst, 0.9999);
  RecordProperty("worst_distance", std::to_string(1 - worst));
}

TEST(Encoder, GivesTheSameBitsAloneAndTogetherOnAnyThreadsAndKernels) {
  ThreadPool one(1), three(3);
  const Texts texts = golden_texts(kTiny + "/tokenizer.json", 128, 1000);
  ASSERT_GE(texts.size(), 35u);
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16}) {
    const auto bytes = as_gguf(kTiny, type);
    const auto plain = loaded(bytes, *available_kernels().front(), one);
    ASSERT_NE(plain, nullptr);
    const auto together = embedded(*plain, texts);
    for (const KernelSet* kernels : available_kernels()) {
      const auto encoder = loaded(bytes, *kernels, three);
      ASSERT_NE(encoder, nullptr);
      EXPECT_EQ(embedded(*encoder, texts), together) << kernels->name << " " << dtype_name(type);
      std::vector<float> alone;
      for (const auto& text : texts) {
        const auto vector = embedded(*encoder, {text});
        alone.insert(alone.end(), vector.begin(), vector.end());
      }
      EXPECT_EQ(alone, together) << kernels->name << " " << dtype_name(type);
    }
  }
}

std::vector<float> embedded_fast(Encoder& encoder, const Texts& texts) {
  std::vector<EncoderText> alone;
  for (const auto& ids : texts) alone.push_back({.ids = ids});
  auto vectors = encoder.encode_fast(alone);
  EXPECT_TRUE(vectors.ok()) << vectors.error().message();
  return vectors.ok() ? *vectors : std::vector<float>{};
}

TEST(Encoder, TheFastClassHasTheSameBitsAloneAndTogetherOnAnyThreadsAndKernels) {
  ThreadPool one(1), three(3);
  const Texts texts = golden_texts(kTiny + "/tokenizer.json", 128, 1000);
  for (const DType type : {DType::kF32, DType::kBF16, DType::kQ4_0}) {
    const auto bytes = as_gguf(kTiny, type);
    const auto plain = loaded(bytes, *available_kernels().front(), one);
    ASSERT_NE(plain, nullptr);
    const auto together = embedded_fast(*plain, texts);
    EXPECT_GE(worst_cosine(together, embedded(*plain, texts), 32), 0.9999) << dtype_name(type);
    for (const KernelSet* kernels : available_kernels()) {
      const auto encoder = loaded(bytes, *kernels, three);
      ASSERT_NE(encoder, nullptr);
      EXPECT_EQ(embedded_fast(*encoder, texts), together) << kernels->name << " " << dtype_name(type);
      std::vector<float> alone;
      for (const auto& text : texts) {
        const auto vector = embedded_fast(*encoder, {text});
        alone.insert(alone.end(), vector.begin(), vector.end());
      }
      EXPECT_EQ(alone, together) << kernels->name << " " << dtype_name(type);
    }
  }
}

TEST(Encoder, TheDefaultClassHasItsBitsAfterAFastCall) {
  ThreadPool pool(2);
  const auto encoder = opened(kTiny, fastest(), pool);
  ASSERT_NE(encoder, nullptr);
  const Texts texts = golden_texts(kTiny + "/tokenizer.json", 128, 5);
  const auto before = embedded(*encoder, texts), fast = embedded_fast(*encoder, texts);
  EXPECT_NE(fast, before);
  EXPECT_EQ(embedded(*encoder, texts), before);
  EXPECT_EQ(embedded_fast(*encoder, texts), fast);
}

TEST(Encoder, ReversedTextsGiveReversedVectors) {
  ThreadPool pool(2);
  const auto encoder = opened(kTiny, fastest(), pool);
  ASSERT_NE(encoder, nullptr);
  Texts texts = golden_texts(kTiny + "/tokenizer.json", 128, 1000);
  const auto forwards = embedded(*encoder, texts);
  std::reverse(texts.begin(), texts.end());
  const auto backwards = embedded(*encoder, texts);
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_TRUE(std::equal(&forwards[i * 32], &forwards[i * 32] + 32, &backwards[(texts.size() - 1 - i) * 32])) << i;
  }
}

TEST(Encoder, CodedWeightsGiveNearlyTheVectorsOfTheSameWeightsAsFloats) {
  ThreadPool pool(2);
  const Texts texts = golden_texts(kTiny + "/tokenizer.json", 128, 1000);
  const auto bytes = as_gguf(kTiny, DType::kQ8_0);
  const auto coded = loaded(bytes, fastest(), pool), scalar = loaded(bytes, *available_kernels().front(), pool);
  ASSERT_TRUE(coded != nullptr && scalar != nullptr);
  const auto found = embedded(*coded, texts);
  EXPECT_EQ(found, embedded(*scalar, texts));

  // The codes' values, written as floats.
  auto file = GgufFile::parse(bytes);
  ASSERT_TRUE(file.ok());
  GgufWriter writer;
  for (const MetadataEntry& entry : file->metadata()) writer.add_entry(entry);
  for (const TensorInfo& tensor : file->tensors()) {
    std::vector<float> values(tensor.rows() * tensor.row_elements());
    decode_row(tensor.dtype, tensor.data.data(), values.data(), values.size());
    writer.add_tensor_f32(tensor.name, DType::kF32, std::span(tensor.shape).first(static_cast<size_t>(tensor.n_dims)),
                          values);
  }
  auto floats = writer.finish();
  ASSERT_TRUE(floats.ok());
  const auto plain = loaded(*floats, fastest(), pool);
  ASSERT_NE(plain, nullptr);
  EXPECT_GE(worst_cosine(found, embedded(*plain, texts), 32), 0.9999);
}

TEST(Encoder, RefusesTextsItCannotTake) {
  ThreadPool pool(1);
  const auto encoder = opened(kTiny, fastest(), pool);
  ASSERT_NE(encoder, nullptr);
  const TokenId vocab = encoder->config().vocab;
  const struct {
    Texts texts;
    std::string told;
  } cases[] = {
      {{{1, 2}, {}}, "text 1 has no token"},
      {{std::vector<TokenId>(129, 1)}, "text 0 has 129 tokens; the model takes at most 128"},
      {{{-1}}, "token id -1"},
      {{{1}, {vocab}}, "text 1 has the token id " + std::to_string(vocab)},
      {Texts(kMaxEncoderTexts + 1, {1}), "4097 texts at once"},
  };
  for (const auto& c : cases) {
    auto vectors = encoder->embed(c.texts);
    ASSERT_FALSE(vectors.ok());
    EXPECT_EQ(vectors.error().code(), Code::kInvalidArgument);
    EXPECT_NE(vectors.error().message().find(c.told), std::string::npos) << vectors.error().message();
  }
  EXPECT_TRUE(embedded(*encoder, {}).empty());
  EXPECT_EQ(embedded(*encoder, {std::vector<TokenId>(128, 1)}).size(), 32u);
}

TEST(Pooling, TakesWhatItsNameSays) {
  const std::vector<float> rows = {1, 2, 3, 4, 5, 9};  // three tokens, C = 2
  std::vector<float> out(2);
  pool_text(rows.data(), 2, 3, Pooling::kMean, false, out);
  EXPECT_EQ(out, (std::vector<float>{3, 5}));
  pool_text(rows.data(), 2, 3, Pooling::kCls, false, out);
  EXPECT_EQ(out, (std::vector<float>{1, 2}));
  pool_text(rows.data(), 2, 3, Pooling::kLast, false, out);
  EXPECT_EQ(out, (std::vector<float>{5, 9}));
  const std::vector<float> three_four = {3, 4}, zeros = {0, 0};
  pool_text(three_four.data(), 2, 1, Pooling::kMean, true, out);
  EXPECT_EQ(out, (std::vector<float>{0.6f, 0.8f}));
  pool_text(zeros.data(), 2, 1, Pooling::kMean, true, out);
  EXPECT_EQ(out, zeros);
}

// The tiny model's folder with one file changed, in a folder of its own.
class ChangedFolder {
 public:
  ChangedFolder(const std::string& file, const std::string& from, const std::string& to) {
    char name[] = "/tmp/encoder_test.XXXXXX";
    path_ = ::mkdtemp(name);
    std::filesystem::copy(kTiny, path_, std::filesystem::copy_options::recursive);
    std::string text = file_text(path_ + "/" + file);
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    if (at != std::string::npos) text.replace(at, from.size(), to);
    std::ofstream(path_ + "/" + file, std::ios::binary) << text;
  }
  ~ChangedFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(Encoder, RefusesFoldersByFileAndField) {
  ThreadPool pool(1);
  const struct {
    std::string file, from, to, told;
  } cases[] = {
      {"config.json", "\"bert\"", "\"roberta\"", "model_type \"roberta\" is no encoder we have"},
      {"config.json", "\"gelu\"", "\"gelu_new\"", "hidden_act"},
      {"config.json", "\"absolute\"", "\"relative_key\"", "position_embedding_type"},
      {"config.json", "BertModel", "BertForMaskedLM", "BertModel and BertForSequenceClassification are"},
      {"config.json", "\"hidden_size\":32", "\"hidden_size\":33", "no multiple"},
      {"config.json", "\"num_attention_heads\":2", "\"num_attention_heads\":4", "heads of 8 are not supported"},
      {"config.json", "\"num_hidden_layers\":3", "\"num_hidden_layers\":2", "has no place in the encoder"},
      {"config.json", "\"num_hidden_layers\":3", "\"num_hidden_layers\":4", "is missing"},
      {"config.json", "\"intermediate_size\":96", "\"intermediate_size\":81", "has not the shape"},
      {"modules.json", "models.Normalize", "models.Dense", "modules.json lists"},
      {"modules.json", "\"1_Pooling\"", "\"../1_Pooling\"", "the pooling module's folder"},
      {"1_Pooling/config.json", "_mean_tokens\":true", "_mean_tokens\":false", "has not one mode"},
      {"1_Pooling/config.json", "_max_tokens\":false", "_max_tokens\":true", "is not supported; mean, cls"},
      {"1_Pooling/config.json", "\"word_embedding_dimension\":32", "\"word_embedding_dimension\":31",
       "is not the hidden"},
  };
  for (const auto& c : cases) {
    const ChangedFolder folder(c.file, c.from, c.to);
    auto encoder = Encoder::open(folder.path(), fastest(), pool);
    ASSERT_FALSE(encoder.ok()) << c.told;
    EXPECT_NE(encoder.error().message().find(c.told), std::string::npos) << encoder.error().message();
  }
  const ChangedFolder cls("1_Pooling/config.json", "cls_token\":false,\"pooling_mode_mean_tokens\":true",
                          "cls_token\":true,\"pooling_mode_mean_tokens\":false");
  const auto encoder = opened(cls.path(), fastest(), pool);
  ASSERT_NE(encoder, nullptr);
  EXPECT_EQ(encoder->config().pooling, Pooling::kCls);
  EXPECT_FALSE(Encoder::open("/nowhere", fastest(), pool).ok());
}

}  // namespace
}  // namespace studio::engine
