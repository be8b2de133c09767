// A unigram from tokenizer.json: ids against Hugging Face `tokenizers` (tools/golden/make_unigram.py), and what is
// refused.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstring>

#include "base/file.h"
#include "base/json.h"
#include "engine/tokenizer/character_map.h"
#include "engine/tokenizer/unigram.h"

namespace studio::engine {
namespace {

namespace json = boost::json;

json::array golden() {
  const auto text = read_file(std::string(STUDIO_SOURCE_DIR) + "/tests/golden/encoders/unigram.json", 1 << 20);
  EXPECT_TRUE(text.ok());
  auto cases = parse_json(*text);
  EXPECT_TRUE(cases.ok());
  return cases->as_array();
}

TEST(UnigramJson, GivesTheIdsOfTheReference) {
  size_t texts = 0;
  for (const json::value& form : golden()) {
    const std::string json = to_json(form.at("tokenizer"));
    ASSERT_TRUE(is_unigram_json(json));
    const auto unigram = Unigram::from_json(json);
    ASSERT_TRUE(unigram.ok()) << unigram.error().message();
    for (const json::value& item : form.at("texts").as_array()) {
      const std::string_view text = item.at("text").as_string();
      std::vector<TokenId> expected;
      for (const json::value& id : item.at("ids").as_array()) expected.push_back(static_cast<TokenId>(id.as_int64()));
      EXPECT_EQ((*unigram)->encode_for_model(text), expected) << form.at("name") << " " << item.at("text");
      ++texts;
    }
    EXPECT_EQ((*unigram)->between(), (std::vector<TokenId>{2, 2}));
  }
  EXPECT_GT(texts, 150u);
}

TEST(UnigramJson, TakesNoControlTokenFromAText) {
  const json::array forms = golden();
  const auto unigram = Unigram::from_json(to_json(forms[0].at("tokenizer")));
  ASSERT_TRUE(unigram.ok());
  for (const TokenId id : (*unigram)->encode("<s> <pad></s>")) EXPECT_GE(id, 3);
  EXPECT_NO_FATAL_FAILURE((*unigram)->encode("\xff\xe4\x80 a\xc2"));
  EXPECT_TRUE((*unigram)->encode("").empty());
  EXPECT_GT((*unigram)->encode(std::string(1 << 20, 'e')).size(), 100u);
}

TEST(UnigramJson, RefusesWhatItDoesNotDo) {
  const std::string whole = to_json(golden()[0].at("tokenizer"));
  const struct {
    std::string from, to, told;
  } cases[] = {
      {"\"Precompiled\"", "\"NFKC\"", "normalizer.type is \"NFKC\""},
      {"\"precompiled_charsmap\":\"", "\"precompiled_charsmap\":\"!", "is no base64"},
      {"\"precompiled_charsmap\":\"", "\"precompiled_charsmap\":\"////", "is cut off"},
      {"\"WhitespaceSplit\"", "\"Whitespace\"", "a pre_tokenizer other than Metaspace"},
      {"\"replacement\":\"\u2581\"", "\"replacement\":\"_\"", "pre_tokenizer.replacement"},
      {"\"prepend_scheme\":\"always\"", "\"prepend_scheme\":\"first\"", "pre_tokenizer.prepend_scheme"},
      {"\"byte_fallback\":false", "\"byte_fallback\":true", "model.byte_fallback"},
      {"\"unk_id\":3", "\"unk_id\":4000", "model.unk_id"},
      {"\"special\":true", "\"special\":false", "is not special"},
      {"\"Unigram\"", "\"WordLevel\"", "model.type"},
      {"\"TemplateProcessing\"", "\"RobertaProcessing\"", "post_processor.type"},
  };
  for (const auto& c : cases) {
    std::string json = whole;
    const size_t at = json.find(c.from);
    ASSERT_NE(at, std::string::npos) << c.from;
    const auto made = Unigram::from_json(json.replace(at, c.from.size(), c.to));
    ASSERT_FALSE(made.ok()) << c.told;
    EXPECT_NE(made.error().message().find(c.told), std::string::npos) << made.error().message();
  }
}

// One unit: every byte leads outside of it.
TEST(CharacterMap, StaysInsideWhatItIs) {
  const auto made_of = [](std::vector<uint32_t> units, const std::string& texts) {
    const auto bytes = static_cast<uint32_t>(units.size() * sizeof(uint32_t));
    std::string file(sizeof bytes + bytes, '\0');
    std::memcpy(file.data(), &bytes, sizeof bytes);
    std::memcpy(file.data() + sizeof bytes, units.data(), bytes);
    return CharacterMap::read(file + texts);
  };
  const auto lost = made_of({0xFFFF'FFFFu}, "");
  ASSERT_TRUE(lost.ok());
  EXPECT_EQ(lost->find("a"), std::nullopt);
  EXPECT_EQ(lost->find(""), std::nullopt);
  // The root's children lie at 'a' ^ byte; "a" leads to unit 0 by itself, whose value would be the text at 99.
  std::vector<uint32_t> units(128, 0);
  units['a'] = 'a' | 1 << 8 | (static_cast<uint32_t>('a') ^ 1u) << 10;
  units[1] = 0x8000'0000u | 99;
  const auto far = made_of(units, std::string("xy\0", 3));
  ASSERT_TRUE(far.ok());
  EXPECT_EQ(far->find("a"), std::nullopt);
  units[1] = 0x8000'0000u | 1;
  EXPECT_EQ(made_of(units, std::string("xy\0", 3))->find("ab"), "y");
  EXPECT_EQ(made_of(units, "xy")->find("ab"), std::nullopt) << "a text without an end";
  EXPECT_FALSE(CharacterMap::read("").ok());
  EXPECT_FALSE(CharacterMap::read("abc").ok());
  EXPECT_FALSE(CharacterMap::read(std::string("\x03\0\0\0abc", 7)).ok());
}

}  // namespace
}  // namespace studio::engine
