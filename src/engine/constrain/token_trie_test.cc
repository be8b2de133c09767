// Masks against the plain definition: each token of a real vocabulary tried by itself.
#include "engine/constrain/token_trie.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "engine/constrain/constrain_for_test.h"
#include "engine/formats/gguf.h"
#include "engine/tokenizer/tokenizer.h"

namespace studio::engine::constrain {
namespace {

struct Vocabulary {
  std::shared_ptr<const Tokenizer> tokenizer;
  std::shared_ptr<const TokenTrie> trie;
};

Vocabulary vocabulary_of(const std::string& path) {
  auto file = GgufFile::open(path);
  auto tokenizer = Tokenizer::from_gguf(*file);
  std::vector<std::string_view> tokens;
  for (TokenId id = 0; id < (*tokenizer)->vocab_size(); ++id) {
    tokens.push_back((*tokenizer)->is_control(id) ? std::string_view() : (*tokenizer)->token_bytes(id));
  }
  const TokenId ends[] = {(*tokenizer)->eos()};
  return {*tokenizer, std::make_shared<TokenTrie>(tokens, ends)};
}

std::vector<std::string> model_paths() {
  std::vector<std::string> paths = {STUDIO_SOURCE_DIR "/catalogue/builtin/tiny-qwen3.gguf"};
  if (const char* folder = std::getenv("STUDIO_MODELS")) {
    const std::string path = std::string(folder) + "/qwen2.5-coder-0.5b-instruct.gguf";
    if (std::filesystem::exists(path)) paths.push_back(path);
  }
  return paths;
}

// The states of a text drawn token by token.
void compare_along_a_walk(const Constraint::Made& made, const Vocabulary& vocabulary, int steps) {
  ASSERT_TRUE(made.ok()) << made.error().message();
  std::mt19937 random(3);
  Matcher matcher = MatcherPool(*made, vocabulary.trie).start();
  for (int step = 0; step < steps && !matcher.has_ended(); ++step) {
    const auto mask = matcher.mask();
    std::vector<TokenId> allowed;
    for (TokenId id = 0; id < vocabulary.tokenizer->vocab_size(); ++id) {
      ASSERT_EQ(mask->allows(id), matcher.allows(id)) << "token " << id << " at step " << step;
      if (mask->allows(id)) allowed.push_back(id);
    }
    ASSERT_EQ(mask->count(), allowed.size());
    ASSERT_FALSE(allowed.empty());
    ASSERT_TRUE(matcher.accept(allowed[random() % allowed.size()]));
  }
}

TEST(TokenTrie, GivesTheMaskThatTryingEachTokenGives) {
  for (const std::string& path : model_paths()) {
    SCOPED_TRACE(path);
    const Vocabulary vocabulary = vocabulary_of(path);
    compare_along_a_walk(Constraint::json_object(), vocabulary, 30);
    compare_along_a_walk(Constraint::from_regex("[a-z]+[A-Za-z0-9_]{0,9}( [^aeiou]{1,30})*"), vocabulary, 20);
    compare_along_a_walk(Constraint::from_regex("(ab|[a-z]{3}|[^\\x00-\\x7f]{2,4})*"), vocabulary, 20);
    compare_along_a_walk(Constraint::from_regex("[a-z ]{5,80}\\.(\n[0-9]+)?"), vocabulary, 20);
    compare_along_a_walk(
        Constraint::from_schema_text(R"({"type":"object","properties":{"name":{"type":"string","maxLength":20},
            "text":{"type":"string"},"n":{"type":"number","minimum":0}},"required":["name","text","n"],
            "additionalProperties":false})"),
        vocabulary, 30);
    const std::vector<std::string> choices = {"yes", "yes, please", "no", "n\u00e9ant"};
    compare_along_a_walk(Constraint::from_choices(choices), vocabulary, 10);
  }
}

TEST(TokenTrie, EndsWhereTheTextMayEnd) {
  const std::string_view tokens[] = {"a", "ab", "b", "", "a"};
  const TokenId ends[] = {3};
  const auto trie = std::make_shared<TokenTrie>(tokens, ends);
  Matcher matcher = MatcherPool(*Constraint::from_regex("ab?"), trie).start();
  auto mask = matcher.mask();
  EXPECT_TRUE(mask->allows(0) && mask->allows(1) && mask->allows(4));
  EXPECT_FALSE(mask->allows(2) || mask->allows(3));
  EXPECT_FALSE(matcher.accept(3));
  const Matcher before = matcher;
  ASSERT_TRUE(matcher.accept(4));
  EXPECT_TRUE(matcher.mask()->allows(3) && matcher.mask()->allows(2));
  ASSERT_TRUE(matcher.accept(2));
  EXPECT_TRUE(matcher.is_complete());
  EXPECT_EQ(matcher.mask()->count(), 1u);
  ASSERT_TRUE(matcher.accept(3));
  EXPECT_TRUE(matcher.has_ended());
  EXPECT_EQ(matcher.mask()->count(), 0u);
  EXPECT_FALSE(matcher.accept(0));
  matcher = before;  // undone
  EXPECT_TRUE(matcher.accept(1));
}

TEST(Matcher, KnowsWhatIsForced) {
  Matcher matcher = start_of(Constraint::from_schema_text(
      R"({"type":"object","properties":{"location":{"type":"string"}},"required":["location"],"additionalProperties":false})",
      {.whitespace = Whitespace::kNone}));
  EXPECT_EQ(matcher.likely_text({}, 100), R"({"location":")");
  EXPECT_EQ(matcher.likely_text({}, 4), R"({"lo)");
  ASSERT_TRUE(matcher.accept_text(R"({"location":"x")"));
  EXPECT_EQ(matcher.likely_text({}, 100), "}");
  ASSERT_TRUE(matcher.accept_text("}"));
  EXPECT_EQ(matcher.likely_text({}, 100), "");
  EXPECT_TRUE(matcher.is_complete());
}

TEST(Matcher, GuessesAcrossWhiteSpaceAsTheAnswerIsLaidOut) {
  const Matcher start = start_of(Constraint::from_schema_text(
      R"({"type":"object","properties":{"a":{"type":"string"},"list":{"type":"array","items":{"type":"null"},"minItems":2,"maxItems":2},)"
      R"("n":{"type":"integer"},"o":{"type":"object","properties":{"last":{"type":"string"}},"required":["last"],"additionalProperties":false}},)"
      R"("required":["a","list","n","o"],"additionalProperties":false})",
      {}));
  const auto after = [&](std::string_view text) {
    Matcher matcher = start;
    JsonLayout layout;
    EXPECT_TRUE(matcher.accept_text(text)) << text;
    layout.read(text);
    return matcher.likely_text(layout, 100);
  };
  EXPECT_EQ(after(""), "{\n  \"a\": \"");
  EXPECT_EQ(after("{"), "\n  \"a\": \"");
  EXPECT_EQ(after("{\"a\": \"x"), "");  // any text may go on
  EXPECT_EQ(after("{\"a\": \"x\""), ", \"list\": [null, null], \"n\": ");
  EXPECT_EQ(after("{\n    \"a\": \"x\",\n"), "    \"list\": [null, null],\n    \"n\": ");
  EXPECT_EQ(after("{\"a\":\"x\","), "\"list\":[null,null],\"n\":");
  EXPECT_EQ(after("{\"a\":\"x\",\"list\":[null,"), "null],\"n\":");
  EXPECT_EQ(after("{\n\t\"a\": \"x\",\n\t\"list\": [null, null],\n\t\"n\": 1,"), "\n\t\"o\": {\n\t\t\"last\": \"");
  EXPECT_EQ(after("{\n\t\"a\": \"x\",\n\t\"list\": [null, null],\n\t\"n\": 1,\n\t\"o\": {\n\t\t\"last\": \"y\""),
            "\n\t}\n}");
  Matcher matcher = start;
  EXPECT_EQ(matcher.likely_text({}, 6), "{\n  \"a");
}

TEST(Matcher, WhatIsMadeAheadChangesNothing) {
  const auto made = Constraint::from_schema_text(
      R"({"type":"object","properties":{"a":{"type":"string","maxLength":9},"n":{"type":"integer","maximum":250},)"
      R"("l":{"type":"array","items":{"enum":["x","yy"]}},"o":{"$ref":"#"}},"required":["a"]})",
      {});
  ASSERT_TRUE(made.ok());
  std::vector<std::string> letters;
  for (int byte = 1; byte < 256; ++byte) letters.emplace_back(1, static_cast<char>(byte));
  const std::vector<std::string_view> tokens(letters.begin(), letters.end());
  const auto trie = std::make_shared<const TokenTrie>(tokens, std::span<const TokenId>());
  MatcherPool fresh(*made, trie), ahead(*made, trie);
  ahead.make_ahead();
  EXPECT_GT(ahead.memory_bytes(), fresh.memory_bytes());
  EXPECT_LT(ahead.memory_bytes(), size_t{4} << 20);
  std::mt19937 random(5);
  for (int answer = 0; answer < 50; ++answer) {
    Matcher a = fresh.start(), b = ahead.start();
    for (int i = 0; i < 60; ++i) {
      const auto allowed = a.mask();
      ASSERT_TRUE(std::ranges::equal(allowed->words(), b.mask()->words()));
      ASSERT_EQ(a.may_end(), b.may_end());
      ASSERT_EQ(a.likely_text({}, 20), b.likely_text({}, 20));
      std::vector<TokenId> ids;
      for (TokenId id = 0; id < static_cast<TokenId>(tokens.size()); ++id) {
        if (allowed->allows(id)) ids.push_back(id);
      }
      if (ids.empty()) break;
      const TokenId id = ids[random() % ids.size()];
      ASSERT_TRUE(a.accept(id));
      ASSERT_TRUE(b.accept(id));
    }
  }
}

TEST(TokenTrie, BytesOfLongTokensAreKept) {
  const std::string fifteen(15, 'a'), sixteen(16, 'b'), longer(300, 'c');
  const std::vector<std::string_view> tokens = {fifteen, sixteen, "", longer, "d"};
  const TokenTrie trie(tokens, std::span<const TokenId>());
  for (size_t i = 0; i < tokens.size(); ++i) EXPECT_EQ(trie.bytes(static_cast<TokenId>(i)), tokens[i]);
}

// The last but twentieth letter is an a: 2^20 states, of which only those on the way are made.
constexpr const char* kManyStates = "[ab]*a[ab]{20}";

TEST(Matcher, GoesOnInFreshTables) {
  auto made = Constraint::from_regex(kManyStates);
  ASSERT_TRUE(made.ok());
  MatcherPool pool(*made, no_tokens());
  Matcher matcher = pool.start(), other = matcher;
  std::mt19937 random(1);
  std::string last(21, 'b');
  for (int i = 0; i < 200'000; ++i) {
    const char letter = random() % 2 == 0 ? 'a' : 'b';
    last = last.substr(1) + letter;
    ASSERT_TRUE(matcher.accept_text({&letter, 1})) << i;
    ASSERT_EQ(matcher.may_end(), last.front() == 'a') << i;
    ASSERT_LE(pool.memory_bytes(), kMaxTablesBytes);
  }
  EXPECT_FALSE(matcher.is_exhausted());
  EXPECT_TRUE(accepts(other, "abbbbbbbbbbbbbbbbbbbb"));  // left behind in tables that were full
}

// What others asked of the same tables changes nothing: neither what is allowed nor where it is over.
TEST(Matcher, IsTheSameAloneAndAmongOthers) {
  auto made = Constraint::from_regex("([a-z]+( [a-z]+){0,400}){1,100}");
  ASSERT_TRUE(made.ok());
  const auto over_at = [&](int companions) {
    MatcherPool pool(*made, no_tokens());
    std::vector<Matcher> matchers(static_cast<size_t>(companions) + 1, pool.start());
    std::mt19937 own(1), others(2);
    for (int i = 0; i < 1500; ++i) {
      for (size_t m = 0; m < matchers.size(); ++m) {
        auto& random = m == 0 ? own : others;
        const char letter = random() % 5 == 0 ? ' ' : static_cast<char>('a' + random() % 26);
        const bool is_taken = matchers[m].accept_text({&letter, 1});
        if (m == 0 && !is_taken && matchers[0].is_exhausted()) return i;
      }
    }
    return -1;
  };
  EXPECT_EQ(over_at(0), -1);
  EXPECT_EQ(over_at(12), -1);
}

TEST(Matcher, NestsNoDeeperThanItMay) {
  Matcher matcher = start_of(Constraint::json_object());
  ASSERT_TRUE(matcher.accept_text("{\"a\":"));
  int depth = 0;
  while (depth < 10'000 && matcher.accept_text("[")) ++depth;
  EXPECT_GT(depth, 64);
  EXPECT_LT(depth, 400);
  EXPECT_FALSE(matcher.is_exhausted());
  EXPECT_TRUE(matcher.accept_text(std::string(static_cast<size_t>(depth), ']') + "}"));
  EXPECT_TRUE(matcher.may_end());
}

}  // namespace
}  // namespace studio::engine::constrain
