// Qwen3-Embedding and Qwen3-Reranker: vectors and logits against the reference in f64 (tools/golden/
// make_qwen3_encoders.py), of the ids that our own tokenizer gives.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/json.h"
#include "engine/encoders/encoder.h"
#include "engine/encoders/qwen3_prompts.h"
#include "engine/formats/block_codec.h"
#include "engine/formats/gguf.h"
#include "engine/formats/gguf_writer.h"
#include "engine/formats/hf_qwen3_encoder.h"
#include "engine/formats/open_encoder.h"
#include "engine/tokenizer/encoder_tokenizer.h"

namespace studio::engine {
namespace {

const std::string kGolden = std::string(STUDIO_SOURCE_DIR) + "/tests/golden/encoders/";
const std::string kEmbedding = kGolden + "tiny-qwen3-embedding", kReranker = kGolden + "tiny-qwen3-reranker";
// Of random weights and f32 products; what is promised is 1e-3 of a score, and a cosine of 0.9999.
constexpr double kTolerance = 1e-4;

boost::json::array golden(const std::string& path) {
  const auto text = read_file(path + ".json", 1 << 20);
  EXPECT_TRUE(text.ok()) << path;
  auto list = parse_json(*text);
  EXPECT_TRUE(list.ok());
  return list->as_array();
}

std::string text_at(const boost::json::value& item, const char* key) {
  return item.at(key).is_string() ? std::string(item.at(key).as_string()) : std::string();
}

std::vector<TokenId> ids_of(const boost::json::value& item) {
  std::vector<TokenId> ids;
  for (const boost::json::value& id : item.at("ids").as_array()) ids.push_back(static_cast<TokenId>(id.as_int64()));
  return ids;
}

std::vector<EncoderText> texts_of(const boost::json::array& cases) {
  std::vector<EncoderText> texts;
  for (const boost::json::value& item : cases) texts.push_back({.ids = ids_of(item)});
  return texts;
}

std::unique_ptr<Encoder> opened(const std::string& path, const KernelSet& kernels, ThreadPool& pool) {
  auto encoder = Encoder::open(path, kernels, pool);
  EXPECT_TRUE(encoder.ok()) << encoder.error().message();
  return encoder.ok() ? std::move(*encoder) : nullptr;
}

std::vector<float> encoded(Encoder& encoder, std::span<const EncoderText> texts) {
  auto values = encoder.encode(texts);
  EXPECT_TRUE(values.ok()) << values.error().message();
  return values.ok() ? *values : std::vector<float>{};
}

std::shared_ptr<const EncoderTokenizer> tokenizer_of(const std::string& path) {
  auto head = read_encoder_head(path);
  EXPECT_TRUE(head.ok()) << head.error().message();
  auto tokenizer = EncoderTokenizer::open(*head, path);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().message();
  return *tokenizer;
}

TEST(Qwen3Embedding, GivesTheVectorsOfTheReference) {
  ThreadPool pool(2);
  const auto cases = golden(kEmbedding);
  for (const KernelSet* kernels : available_kernels()) {
    const auto encoder = opened(kEmbedding, *kernels, pool);
    ASSERT_NE(encoder, nullptr);
    const auto width = static_cast<size_t>(encoder->config().hidden);
    const auto vectors = encoded(*encoder, texts_of(cases));
    ASSERT_EQ(vectors.size(), cases.size() * width);
    for (size_t i = 0; i < cases.size(); ++i) {
      double cosine = 0;
      for (size_t c = 0; c < width; ++c) {
        const auto expected = cases[i].at("vector").as_array()[c].to_number<double>();
        EXPECT_NEAR(static_cast<double>(vectors[i * width + c]), expected, kTolerance) << kernels->name;
        cosine += static_cast<double>(vectors[i * width + c]) * expected;
      }
      EXPECT_GE(cosine, 0.999999) << kernels->name << " " << i;
    }
  }
}

TEST(Qwen3Embedding, IsReadAsItsFolderSays) {
  const auto head = read_encoder_head(kEmbedding);
  ASSERT_TRUE(is_encoder(kEmbedding));
  ASSERT_TRUE(head.ok()) << head.error().message();
  const auto config = EncoderConfig::read(*head);
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_EQ(config->pooling, Pooling::kLast);
  EXPECT_TRUE(config->normalises);
  EXPECT_EQ(config->query_prompt, kQueryInstruction);
  EXPECT_EQ(config->document_prompt, "");
  EXPECT_EQ(config->shorter, (std::vector<int>{16, 32}));
  const auto tokenizer = tokenizer_of(kEmbedding);
  for (const boost::json::value& item : golden(kEmbedding)) {
    auto ids = tokenizer->encode(text_at(item, "prompt") + text_at(item, "text"));
    ids.insert(ids.end(), tokenizer->after().begin(), tokenizer->after().end());
    EXPECT_EQ(ids, ids_of(item)) << text_at(item, "text");
  }
}

TEST(Qwen3Embedding, AnotherInstructionTakesThePlaceOfThePrompts) {
  EXPECT_EQ(with_instruction(kQueryInstruction, "Find code"), "Instruct: Find code\nQuery:");
  EXPECT_EQ(with_instruction("Instruct: a\nQuery: ", "b"), "Instruct: b\nQuery: ");
  EXPECT_EQ(with_instruction("query: ", "b"), std::nullopt);
  EXPECT_EQ(with_instruction("", "b"), std::nullopt);
}

TEST(Qwen3Reranker, GivesTheLogitsOfTheReference) {
  ThreadPool pool(2);
  const auto cases = golden(kReranker);
  for (const KernelSet* kernels : available_kernels()) {
    const auto encoder = opened(kReranker, *kernels, pool);
    ASSERT_NE(encoder, nullptr);
    EXPECT_TRUE(encoder->config().ranks());
    const auto logits = encoded(*encoder, texts_of(cases));
    ASSERT_EQ(logits.size(), cases.size());
    for (size_t i = 0; i < cases.size(); ++i) {
      EXPECT_NEAR(static_cast<double>(logits[i]), cases[i].at("logit").to_number<double>(), kTolerance)
          << kernels->name << " " << i;
    }
  }
}

TEST(Qwen3Reranker, PutsPairsInTheWordsOfItsCard) {
  const auto tokenizer = tokenizer_of(kReranker);
  const auto append = [](std::vector<TokenId>& ids, const std::vector<TokenId>& more) {
    ids.insert(ids.end(), more.begin(), more.end());
  };
  for (const boost::json::value& item : golden(kReranker)) {
    const std::string own = text_at(item, "instruction");
    std::vector<TokenId> ids = tokenizer->encode_template(kRankBefore);
    append(ids, tokenizer->encode(rank_query(own.empty() ? kRankInstruction : own, text_at(item, "query"))));
    append(ids, tokenizer->encode(rank_document(text_at(item, "text"))));
    append(ids, tokenizer->encode_template(kRankAfter));
    EXPECT_EQ(ids, ids_of(item)) << text_at(item, "text");
  }
}

class Qwen3Bits : public ::testing::TestWithParam<std::string> {};

TEST_P(Qwen3Bits, AreTheSameAloneAndTogetherOnAnyThreadsAndKernels) {
  ThreadPool one(1), three(3);
  auto texts = texts_of(golden(GetParam()));
  texts.resize(std::min<size_t>(texts.size(), 10));
  const auto plain = opened(GetParam(), *available_kernels().front(), one);
  ASSERT_NE(plain, nullptr);
  const auto together = encoded(*plain, texts);
  for (const KernelSet* kernels : available_kernels()) {
    const auto encoder = opened(GetParam(), *kernels, three);
    ASSERT_NE(encoder, nullptr);
    EXPECT_EQ(encoded(*encoder, texts), together) << kernels->name;
    std::vector<float> alone;
    for (const EncoderText& text : texts) {
      const auto values = encoded(*encoder, {&text, 1});
      alone.insert(alone.end(), values.begin(), values.end());
    }
    EXPECT_EQ(alone, together) << kernels->name;
  }
}

INSTANTIATE_TEST_SUITE_P(Folders, Qwen3Bits, ::testing::Values(kEmbedding, kReranker));

// A GGUF file of a folder's model, as converters lay it out.
std::vector<uint8_t> as_gguf(const std::string& folder, DType matrices, bool keeps_pooling) {
  auto source = open_encoder(folder);
  EXPECT_TRUE(source.ok());
  GgufWriter writer;
  for (const MetadataEntry& entry : source->metadata()) {
    const bool is_ours = entry.key.starts_with("studio.") || entry.key == "general.name";
    if (!is_ours && (keeps_pooling || entry.key != "qwen3.pooling_type")) writer.add_entry(entry);
  }
  for (const TensorInfo& tensor : source->tensors()) {
    std::vector<float> values(tensor.rows() * tensor.row_elements());
    const size_t row_bytes = tensor.data.size() / tensor.rows();
    for (size_t row = 0; row < tensor.rows(); ++row) {
      decode_row(tensor.dtype, tensor.data.data() + row * row_bytes, values.data() + row * tensor.row_elements(),
                 tensor.row_elements());
    }
    writer.add_tensor_f32(tensor.name, tensor.n_dims == 2 ? matrices : DType::kF32,
                          std::span(tensor.shape).first(static_cast<size_t>(tensor.n_dims)), values);
  }
  auto bytes = writer.finish();
  EXPECT_TRUE(bytes.ok()) << bytes.error().message();
  return *bytes;
}

// A folder or file in a place of its own, under a name of its own.
class Place {
 public:
  Place() {
    char name[] = "/tmp/qwen3_encoder_test.XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~Place() { std::filesystem::remove_all(path_); }
  std::string write(const std::string& name, std::span<const uint8_t> bytes) const {
    std::ofstream(path_ + "/" + name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return path_ + "/" + name;
  }
  std::string copy(const std::string& folder, const std::string& name) const {
    std::filesystem::copy(folder, path_ + "/" + name, std::filesystem::copy_options::recursive);
    return path_ + "/" + name;
  }

 private:
  std::string path_;
};

void change(const std::string& file, const std::string& from, const std::string& to) {
  auto read = read_file(file, 1 << 20);
  ASSERT_TRUE(read.ok()) << file;
  std::string text = std::move(*read);
  const size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  std::ofstream(file, std::ios::binary) << text.replace(at, from.size(), to);
}

TEST(Qwen3Embedding, IsTheSameFromAGgufFile) {
  const Place place;
  ThreadPool pool(2);
  const std::string path = place.write("e.gguf", as_gguf(kEmbedding, DType::kBF16, true));
  ASSERT_TRUE(is_encoder(path));
  const auto encoder = opened(path, *available_kernels().back(), pool),
             folder = opened(kEmbedding, *available_kernels().back(), pool);
  ASSERT_TRUE(encoder != nullptr && folder != nullptr);
  const auto texts = texts_of(golden(kEmbedding));
  EXPECT_EQ(encoded(*encoder, texts), encoded(*folder, texts));
  EXPECT_EQ(encoder->config().query_prompt, kQueryInstruction);
  EXPECT_EQ(encoder->config().shorter, std::vector<int>{32}) << "any from 32 to the whole, as the family has it";
  EXPECT_EQ(tokenizer_of(path)->after(), tokenizer_of(kEmbedding)->after());
  const auto coded = as_gguf(kEmbedding, DType::kQ8_0, true);
  auto file = GgufFile::parse(coded);
  ASSERT_TRUE(file.ok());
  auto from_codes = Encoder::load(ModelSource(std::move(*file)), *available_kernels().back(), pool);
  ASSERT_TRUE(from_codes.ok()) << from_codes.error().message();
  const auto found = encoded(**from_codes, texts), exact = encoded(*folder, texts);
  const auto width = static_cast<size_t>(encoder->config().hidden);
  for (size_t i = 0; i < found.size(); i += width) {
    double cosine = 0;
    for (size_t c = i; c < i + width; ++c) cosine += static_cast<double>(found[c]) * static_cast<double>(exact[c]);
    EXPECT_GE(cosine, 0.995) << "of weights in 8 bits";
  }
}

TEST(Qwen3Reranker, IsToldFromAModelForChatByItsFilesOrItsName) {
  const Place place;
  const auto bytes = as_gguf(kReranker, DType::kF32, false);
  EXPECT_FALSE(is_encoder(place.write("qwen3-0.6b.gguf", bytes)));
  EXPECT_TRUE(is_encoder(place.write("Qwen3-Reranker-0.6B.gguf", bytes)));
  EXPECT_TRUE(is_encoder(kReranker));
  const std::string chat = place.copy(kReranker, "qwen3-0.6b");
  EXPECT_FALSE(is_encoder(chat));
  const std::string told = place.copy(kReranker, "told");
  change(told + "/config.json", "{", "{\"is_original_qwen3_reranker\":true,");
  EXPECT_TRUE(is_encoder(told));
  const std::string listed = place.copy(kReranker, "listed");
  std::filesystem::create_directory(listed + "/1_LogitScore");
  std::ofstream(listed + "/modules.json")
      << R"([{"idx":0,"name":"0","path":"","type":"sentence_transformers.base.modules.transformer.Transformer"},)"
      << R"({"idx":1,"name":"1","path":"1_LogitScore",)"
      << R"("type":"sentence_transformers.cross_encoder.modules.logit_score.LogitScore"}])";
  std::ofstream(listed + "/1_LogitScore/config.json") << R"({"true_token_id":5,"false_token_id":9})";
  std::ofstream(listed + "/config_sentence_transformers.json")
      << R"({"default_prompt_name":"web","prompts":{"web":"Find it"}})";
  ASSERT_TRUE(is_encoder(listed));
  const auto head = read_encoder_head(listed);
  ASSERT_TRUE(head.ok()) << head.error().message();
  EXPECT_EQ(*head->get_u64(kYesKey), 5u);
  EXPECT_EQ(EncoderConfig::read(*head)->query_prompt, "Find it");
}

TEST(Qwen3Reranker, TakesAFileWithAHeadOfItsOwn) {
  ThreadPool pool(2);
  const auto texts = texts_of(golden(kReranker));
  const auto folder = opened(kReranker, *available_kernels().back(), pool);
  ASSERT_NE(folder, nullptr);
  auto source = open_encoder(kReranker);
  ASSERT_TRUE(source.ok());
  const TensorInfo* words = source->find_tensor("token_embd.weight");
  const auto tokens = source->get_string_array("tokenizer.ggml.tokens");
  const auto width = static_cast<size_t>(folder->config().hidden);
  const auto row = [&](std::string_view word) {
    const auto id = static_cast<size_t>(std::ranges::find(*tokens, word) - tokens->begin());
    std::vector<float> values(width);
    std::memcpy(values.data(), words->data.data() + id * width * sizeof(float), width * sizeof(float));
    return values;
  };
  std::vector<float> head = row("no");
  const auto yes = row("yes");
  head.insert(head.end(), yes.begin(), yes.end());
  const uint64_t shape[] = {width, 2};

  GgufWriter writer;
  for (const MetadataEntry& entry : source->metadata()) writer.add_entry(entry);
  const std::string labels[] = {"no", "yes"};
  writer.add_string_array("qwen3.classifier.output_labels", labels);
  writer.add_string("tokenizer.chat_template.rerank", rank_template());
  for (const TensorInfo& tensor : source->tensors()) {
    std::vector<float> values(tensor.data.size() / sizeof(float));
    std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
    writer.add_tensor_f32(tensor.name, DType::kF32, std::span(tensor.shape).first(static_cast<size_t>(tensor.n_dims)),
                          values);
  }
  writer.add_tensor_f32("cls.output.weight", DType::kF32, shape, head);
  const auto bytes = writer.finish();
  ASSERT_TRUE(bytes.ok());
  auto file = GgufFile::parse(*bytes);
  ASSERT_TRUE(file.ok());
  auto encoder = Encoder::load(ModelSource(std::move(*file)), *available_kernels().back(), pool);
  ASSERT_TRUE(encoder.ok()) << encoder.error().message();
  EXPECT_EQ(encoded(**encoder, texts), encoded(*folder, texts));
}

TEST(Qwen3Embedding, RefusesFoldersByFileAndField) {
  const struct {
    std::string file, from, to, told;
  } cases[] = {
      {"config.json", "\"silu\"", "\"gelu\"", "hidden_act"},
      {"config.json", "Qwen3ForCausalLM", "Qwen3ForTokenClassification", "architectures"},
      {"config.json", "\"num_hidden_layers\":2", "\"num_hidden_layers\":3", "is missing"},
      {"config.json", "\"num_hidden_layers\":2", "\"num_hidden_layers\":1", "has no place"},
      {"modules.json", "models.Normalize", "models.Dense", "modules.json lists"},
      {"1_Pooling/config.json", "_lasttoken\":true", "_lasttoken\":false", "has not one mode"},
      {"config_sentence_transformers.json", "\"default_prompt_name\":null", "\"default_prompt_name\":\"query\"",
       "default_prompt_name"},
      {"tokenizer.json", "TemplateProcessing", "RobertaProcessing", "post_processor"},
  };
  for (const auto& c : cases) {
    const Place place;
    const std::string folder = place.copy(kEmbedding, "e");
    change(folder + "/" + c.file, c.from, c.to);
    auto source = open_encoder(folder);
    ASSERT_FALSE(source.ok()) << c.told;
    EXPECT_NE(source.error().message().find(c.told), std::string::npos) << source.error().message();
  }
}

}  // namespace
}  // namespace studio::engine
