#include "engine/tokenizer/vocabulary_store.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "engine/formats/gguf.h"
#include "engine/formats/gguf_writer.h"
#include "engine/tokenizer/known_files.h"
#include "engine/tokenizer/plain_tokenizer.h"
#include "engine/tokenizer/tokenizer.h"
#include "engine/tokenizer/vocabulary_builder.h"

namespace studio::engine {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kText =
    "The violin's 42 strings\n\n\t  and \xE4\xBD\xA0\xE5\xA5\xBD, unbelievably <|im_end|> \xF0\x9F\x98\x80";

class VocabularyStore : public testing::Test {
 protected:
  VocabularyStore()
      : folder_(testing::TempDir() + "vocabulary_store_test." + std::to_string(::getpid())),
        model_(std::string(STUDIO_SOURCE_DIR) + "/catalogue/builtin/tiny-qwen3.gguf"),
        file_(GgufFile::open(model_).value()),
        path_(tables_path(folder_, vocabulary_digest(file_).value())),
        plain_(Tokenizer::from_gguf(file_).value()) {}
  ~VocabularyStore() override { fs::remove_all(folder_); }

  Result<std::shared_ptr<const Tokenizer>> open() const { return Tokenizer::open(file_, {folder_, {}}); }
  std::string kept() const { return read_file(path_, VocabularyTables::kMaxBytes).value(); }
  void keep(const std::string& bytes) const { ASSERT_TRUE(write_file_atomically(path_, bytes, 0600).ok()); }
  void expect_right(const Tokenizer& tokenizer) const {
    EXPECT_EQ(tokenizer.encode(kText), plain_->encode(kText));
    EXPECT_EQ(tokenizer.encode_template(kText), plain_->encode_template(kText));
    ASSERT_EQ(tokenizer.vocab_size(), plain_->vocab_size());
    for (TokenId id = -1; id <= tokenizer.vocab_size(); ++id) {
      ASSERT_EQ(tokenizer.token_bytes(id), plain_->token_bytes(id));
      ASSERT_EQ(tokenizer.is_control(id), plain_->is_control(id));
      ASSERT_EQ(tokenizer.is_special(id), plain_->is_special(id));
    }
    EXPECT_EQ(tokenizer.bos(), plain_->bos());
    EXPECT_EQ(tokenizer.eos(), plain_->eos());
  }

  const std::string folder_, model_;
  const GgufFile file_;
  const std::string path_;
  const std::shared_ptr<const Tokenizer> plain_;
};

TEST_F(VocabularyStore, KeepsTablesAndUsesThemAgain) {
  expect_right(*open().value());
  const std::string first = kept();
  const auto written = fs::last_write_time(path_);
  expect_right(*open().value());
  EXPECT_EQ(fs::last_write_time(path_), written);
  EXPECT_EQ(kept(), first);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);

  // Proof that they are used: another text for a token, under a right checksum, is what comes out.
  std::string changed = first;
  const std::string_view word = plain_->token_bytes(plain_->encode("violin").back());
  const size_t at = changed.rfind(word);
  ASSERT_NE(at, std::string::npos);
  changed[at] = '#';
  VocabularyTables::seal({reinterpret_cast<uint8_t*>(changed.data()), changed.size()});
  keep(changed);
  const auto tokenizer = open().value();
  bool differs = false;
  for (TokenId id = 0; id < tokenizer->vocab_size(); ++id)
    differs |= tokenizer->token_bytes(id) != plain_->token_bytes(id);
  EXPECT_TRUE(differs);
  EXPECT_EQ(kept(), changed);
}

TEST_F(VocabularyStore, WritesBrokenTablesAnew) {
  ASSERT_TRUE(open().ok());
  const std::string right = kept();
  const auto expect_anew = [&](std::string broken, const std::string& what) {
    SCOPED_TRACE(what);
    keep(broken);
    expect_right(*open().value());
    EXPECT_EQ(kept(), right);
  };
  for (const size_t size : {size_t{0}, size_t{7}, size_t{127}, size_t{128}, right.size() / 2, right.size() - 1}) {
    expect_anew(right.substr(0, size), "cut to " + std::to_string(size));
  }
  expect_anew(right + "x", "longer");
  const size_t step = right.size() / 24;  // each is a vocabulary built anew
  for (size_t at = 0; at < right.size(); at += at < 128 ? 5 : step) {
    std::string flipped = right;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    expect_anew(flipped, "flipped at " + std::to_string(at));
  }
}

// Numbers that lead out of the block, under a right checksum.
TEST_F(VocabularyStore, ProvesEveryIndex) {
  ASSERT_TRUE(open().ok());
  const std::string right = kept();
  const Sha256Digest digest = vocabulary_digest(file_).value();
  size_t refused = 0, taken = 0;
  for (size_t at = 64; at + 4 <= right.size(); at += at < 256 ? 4 : 1'004) {
    for (const uint32_t value : {0x7FFFFFFFu, 0xFFFFFFFEu, 0x00100000u}) {
      TableMemory block(right.size());
      std::memcpy(block.bytes().data(), right.data(), right.size());
      std::memcpy(block.bytes().data() + at, &value, sizeof value);
      VocabularyTables::seal(block.bytes());
      auto tables = VocabularyTables::parse(std::move(block), digest);
      ++(tables.ok() ? taken : refused);
      if (!tables.ok()) continue;
      // What was taken may give other ids, and none that is not there.
      for (size_t id = 0; id < tables->token_count(); ++id) (void)tables->token_bytes(id);
      std::vector<TokenId> ids;
      tables->merges().encode(kText, ids);
      tables->merges().encode(std::string(200, 'a'), ids);
      for (const std::string_view word : {"the", " a", "violin"})
        ids.push_back(std::max(0, tables->words().find(WordKey::of(word))));
      for (const TokenId id : ids) ASSERT_TRUE(id >= 0 && static_cast<size_t>(id) < tables->token_count());
    }
  }
  EXPECT_GT(refused, 50u);
  EXPECT_GT(taken, 50u);
}

TEST_F(VocabularyStore, KnowsAVocabularyByItsContent) {
  const auto data = TokenizerData::from_gguf(file_).value();
  const auto tables = build_tables(data, vocabulary_digest(file_).value()).value();
  Sha256Digest other = vocabulary_digest(file_).value();
  other[31] ^= 1;
  fs::create_directories(folder_);
  keep_tables({folder_, {}}, tables, other);  // under another vocabulary's name
  EXPECT_FALSE(find_tables({folder_, {}}, other).has_value());
  keep_tables({folder_, {}}, tables, vocabulary_digest(file_).value());
  EXPECT_TRUE(find_tables({folder_, {}}, vocabulary_digest(file_).value()).has_value());
}

// As a panel file carries them: somewhere in the file, and passed over where they are not whole.
TEST_F(VocabularyStore, TakesTablesThatTheModelsFileCarries) {
  ASSERT_TRUE(open().ok());
  const std::string right = kept();
  const std::string path = folder_ + "/model.panels";
  ASSERT_TRUE(write_file_atomically(path, "before" + right + "behind", 0600).ok());
  fs::remove(path_);
  expect_right(*Tokenizer::open(file_, {folder_, FilePart{path, 6, right.size()}}).value());
  EXPECT_FALSE(fs::exists(path_));
  for (const FilePart& broken : {FilePart{path, 5, right.size()}, FilePart{path, 6, right.size() - 64},
                                 FilePart{path, 6, ~uint64_t{0}}, FilePart{path, ~uint64_t{0}, right.size()}}) {
    expect_right(*Tokenizer::open(file_, {folder_, broken}).value());
    EXPECT_TRUE(fs::remove(path_));
  }
}

// A panel file's head is proved, so it may say of which vocabulary its tables are; the tables must agree.
TEST_F(VocabularyStore, BelievesAProvedHead) {
  ASSERT_TRUE(open().ok());
  const std::string right = kept(), path = folder_ + "/model.panels";
  ASSERT_TRUE(write_file_atomically(path, right, 0600).ok());
  const KeptTables carried{"", FilePart{path, 0, right.size()}};
  const auto panels_named = [&](const std::string& digest) {
    const auto head = [&](uint64_t file_bytes) {
      GgufWriter writer;
      for (const MetadataEntry& entry : file_.metadata()) {
        if (entry.key != "general.alignment") writer.add_entry(entry);
      }
      writer.add_string(kPanelLayoutKey, kPanelLayoutName);
      writer.add_string(kPanelVocabularyDigestKey, digest);
      return panel_file_head(std::move(writer), {}, file_bytes).value();
    };
    return head(head(0).size());
  };
  const std::string name = to_hex(vocabulary_digest(file_).value());
  const std::vector<uint8_t> named = panels_named(name);
  auto panels = parse_panel_file(named);
  ASSERT_TRUE(panels.ok()) << panels.error().message();
  EXPECT_TRUE(find_named_tables(carried, *panels));
  expect_right(*Tokenizer::open(*panels, carried).value());
  EXPECT_FALSE(find_named_tables({"", {}}, *panels));

  for (const std::string& other : {std::string(64, '0'), std::string("?")}) {
    const std::vector<uint8_t> misnamed = panels_named(other);
    auto wrong = parse_panel_file(misnamed);
    ASSERT_TRUE(wrong.ok());
    EXPECT_FALSE(find_named_tables(carried, *wrong));
    expect_right(*Tokenizer::open(*wrong, carried).value());
  }
}

// Large enough for the threads of building and of the digest.
TEST_F(VocabularyStore, BuildsALargeVocabularyOnTwoThreads) {
  std::mt19937 random(5);
  std::vector<std::string> tokens, merges;
  std::set<std::string> known;
  for (int byte = 0x21; byte < 0x7F; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  tokens.emplace_back("\xC4\xA0");  // a space
  for (const std::string& token : tokens) known.insert(token);
  while (tokens.size() < 45'000) {
    const std::string left = tokens[random() % tokens.size()], right = tokens[random() % 80];
    if (left.size() > 20 || !known.insert(left + right).second) continue;
    merges.push_back(left + " " + right);
    tokens.push_back(left + right);
  }
  GgufWriter writer;
  writer.add_string("tokenizer.ggml.model", "gpt2");
  writer.add_string("tokenizer.ggml.pre", "qwen2");
  writer.add_string_array(kTokensKey, tokens);
  writer.add_string_array(kMergesKey, merges);
  writer.add_i32_array(kTokenTypesKey, std::vector<int32_t>(tokens.size(), 1));
  const auto bytes = writer.finish().value();
  const GgufFile file = GgufFile::parse(bytes).value();
  const auto data = TokenizerData::from_gguf(file).value();
  const auto built = Tokenizer::open(file, {folder_, {}}).value(), kept = Tokenizer::open(file, {folder_, {}}).value();
  const PlainTokenizer plain(data, *built);
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (int i = 0; i < 20; ++i) text += tokens[random() % tokens.size()] + (i % 3 == 0 ? " " : "");
    text.erase(std::remove_if(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; }), text.end());
    ASSERT_EQ(built->encode(text), plain.encode(text)) << text;
    ASSERT_EQ(kept->encode(text), plain.encode(text)) << text;
  }
}

// A file that is known is not digested: what it is known by is what comes out.
TEST_F(VocabularyStore, BelievesWhatAFileWasFoundToHave) {
  const GgufFile head = GgufFile::read_head(model_).value();
  ASSERT_TRUE(head.identity());
  const auto remember = [&](const Sha256Digest& vocabulary) {
    const std::chrono::nanoseconds changed(std::max(head.identity()->changed_ns, head.identity()->modified_ns));
    remember_file(folder_, *head.identity(), vocabulary,
                  std::chrono::system_clock::time_point(changed) + kRestBeforeKnown);
  };
  const auto open_head = [&] { return Tokenizer::open(head, {folder_, {}}).value(); };
  expect_right(*open_head());
  const Sha256Digest right = vocabulary_digest(file_).value(), other = {1, 2, 3};
  remember(right);
  expect_right(*open_head());

  // Tables of another text for a token, under another digest.
  std::string changed = kept();
  const size_t at = changed.rfind(plain_->token_bytes(plain_->encode("violin").back()));
  ASSERT_NE(at, std::string::npos);
  changed[at] = '#';
  std::memcpy(changed.data() + 32, other.data(), other.size());
  VocabularyTables::seal({reinterpret_cast<uint8_t*>(changed.data()), changed.size()});
  ASSERT_TRUE(write_file_atomically(tables_path(folder_, other), changed, 0600).ok());
  remember(other);
  const auto by_other = open_head();
  size_t differing = 0;
  for (TokenId id = 0; id < plain_->vocab_size(); ++id) {
    differing += by_other->token_bytes(id) != plain_->token_bytes(id);
  }
  EXPECT_EQ(differing, 1u);
  expect_right(*open().value());  // of no file that could be known

  // Of a vocabulary of another size than the head tells of, and gone.
  auto data = TokenizerData::from_gguf(file_).value();
  data.merges.pop_back();
  keep_tables({folder_, {}}, build_tables(data, other).value(), other);
  EXPECT_TRUE(find_tables({folder_, {}}, other));
  EXPECT_FALSE(find_remembered_tables({folder_, {}}, head));
  expect_right(*open_head());
  fs::remove(tables_path(folder_, other));
  remember(other);
  expect_right(*open_head());
}

TEST_F(VocabularyStore, RemembersAFileThatRests) {
  const std::string record = folder_ + "/" + std::string(kKnownFilesName), fresh = folder_ + "/fresh.gguf";
  fs::create_directories(folder_);
  fs::copy_file(model_, fresh);
  for (int i = 0; i < 2; ++i) {  // its tables built, and kept ones found
    expect_right(*Tokenizer::open(GgufFile::read_head(fresh).value(), {folder_, {}}).value());
    EXPECT_FALSE(fs::exists(record));
  }
  // The one of the source tree rests, unless the tree was made a moment ago.
  const GgufFile head = GgufFile::read_head(model_).value();
  const auto rests = [&] {
    const std::chrono::nanoseconds changed(std::max(head.identity()->changed_ns, head.identity()->modified_ns));
    return std::chrono::system_clock::now().time_since_epoch() - changed >= kRestBeforeKnown;
  };
  const bool rested = rests();
  expect_right(*Tokenizer::open(head, {folder_, {}}).value());
  if (rests() == rested) {
    EXPECT_EQ(fs::exists(record), rested);
  }
  if (rested) {
    EXPECT_EQ(find_known_file(folder_, *head.identity()), vocabulary_digest(file_));
  }
}

TEST_F(VocabularyStore, DoesWithoutAFolder) {
  expect_right(*Tokenizer::open(file_, {}).value());
  expect_right(*Tokenizer::open(file_, {"/proc/nowhere", {}}).value());
}

}  // namespace
}  // namespace studio::engine
