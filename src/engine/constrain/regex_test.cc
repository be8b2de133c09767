#include <gtest/gtest.h>

#include "engine/constrain/constrain_for_test.h"
#include "engine/constrain/dfa.h"

namespace studio::engine::constrain {
namespace {

bool whole(std::string_view pattern, std::string_view text) {
  return accepts(start_of(Constraint::from_regex(pattern)), text);
}

bool found(std::string_view pattern, std::string_view text) {
  auto dfa = Dfa::of_pattern(pattern);
  EXPECT_TRUE(dfa.ok()) << pattern << ": " << (dfa.ok() ? "" : dfa.error().message());
  return dfa.ok() && dfa->matches(text);
}

TEST(Regex, MatchesTheWholeTextAsAConstraint) {
  EXPECT_TRUE(whole("a|bc", "bc"));
  EXPECT_FALSE(whole("a|bc", "abc"));
  EXPECT_TRUE(whole("(ab)*c", "ababc"));
  EXPECT_FALSE(whole("(ab)*c", "abac"));
  EXPECT_TRUE(whole("[^x-z]+?", "abc"));
  EXPECT_FALSE(whole("[^x-z]+", "aby"));
  EXPECT_TRUE(whole("\\d{2,3}", "123"));
  EXPECT_FALSE(whole("\\d{2,3}", "1234"));
  EXPECT_TRUE(whole("(?<year>\\d{4})-(?:\\d\\d)", "2024-01"));
  EXPECT_TRUE(whole("\\u00e9\\x41\\u{1F600}", "\u00e9A\U0001F600"));
  EXPECT_TRUE(whole("\\ud83d\\ude00", "\U0001F600"));
  EXPECT_TRUE(whole("a{", "a{"));
  EXPECT_TRUE(whole("[\\w.-]+@x", "a.b-c@x"));
}

TEST(Regex, SearchesAsAPatternOfASchema) {
  EXPECT_TRUE(found("b", "abc"));
  EXPECT_FALSE(found("^b", "abc"));
  EXPECT_TRUE(found("c$", "abc"));
  EXPECT_TRUE(found("^(a|b)$", "b"));
  EXPECT_FALSE(found("^(a|b)$", "ab"));
  EXPECT_TRUE(found("^a|b$", "xb"));
  EXPECT_TRUE(found("^a|b$", "ax"));
  EXPECT_FALSE(found("^a|b$", "xbx"));
  EXPECT_TRUE(found("(^|,)x", "a,x"));
  EXPECT_FALSE(found("(^|,)x", "ax"));
  EXPECT_TRUE(found("", "anything"));
  EXPECT_TRUE(found("^$", ""));
  EXPECT_FALSE(found("^$", "a"));
}

TEST(Regex, CountsLongRepeatsWithoutWritingThemOut) {
  EXPECT_TRUE(whole("[a-z]{1000,2000}", std::string(1500, 'q')));
  EXPECT_FALSE(whole("[a-z]{1000,2000}", std::string(999, 'q')));
  EXPECT_FALSE(whole("[a-z]{1000,2000}", std::string(2001, 'q')));
  EXPECT_TRUE(whole("(ab){100,}", [] {
    std::string text;
    for (int i = 0; i < 150; ++i) text += "ab";
    return text;
  }()));
}

TEST(Regex, AllowsOnlyValidUtf8) {
  const Matcher start = start_of(Constraint::from_regex(".*"));
  for (const std::string_view bad : {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\x80", "\xF8"}) {
    EXPECT_FALSE(accepts(start, bad));
  }
  EXPECT_TRUE(accepts(start, "\u00e9\u4f60\U0001F600\uFFFF\U0010FFFF"));
}

TEST(Regex, RefusesByNameWhatItCannotHoldTo) {
  for (const auto& [pattern, word] : std::vector<std::pair<std::string, std::string>>{{"a(?=b)", "look-ahead"},
                                                                                      {"(?<!a)b", "look-behind"},
                                                                                      {"(a)\\1", "back-reference"},
                                                                                      {"\\bword", "word boundary"},
                                                                                      {"\\p{L}", "Unicode property"},
                                                                                      {"(?i)a", "flags"},
                                                                                      {"a^b", "anchor"}}) {
    auto made = Constraint::from_regex(pattern);
    ASSERT_FALSE(made.ok()) << pattern;
    EXPECT_EQ(made.error().code(), Code::kUnimplemented) << pattern;
    EXPECT_NE(made.error().message().find(word), std::string::npos) << made.error().message();
  }
  for (const std::string_view pattern : {"(", ")", "[a", "a{3,2}", "*", "\\", "[z-a]", "a**", "\\q"}) {
    auto made = Constraint::from_regex(pattern);
    ASSERT_FALSE(made.ok()) << pattern;
    EXPECT_EQ(made.error().code(), Code::kInvalidArgument) << pattern;
  }
  EXPECT_FALSE(Constraint::from_regex(std::string(100'000, '(')).ok());
  EXPECT_FALSE(Constraint::from_regex("((a{1000}){1000}){1000}b{99999}").ok());
  EXPECT_FALSE(Constraint::from_regex("(a?){1000}").ok());
}

TEST(Regex, KnowsTheLengthsOfItsTexts) {
  auto dfa = Dfa::of_pattern("^(ab|\u00e9{3,5})$");
  ASSERT_TRUE(dfa.ok());
  EXPECT_EQ(dfa->min_chars(), 2u);
  EXPECT_EQ(dfa->max_chars(), 5u);
  EXPECT_EQ(Dfa::of_pattern("^a+$")->max_chars(), std::nullopt);
}

TEST(Dfa, JoinsAndInverts) {
  auto words = Dfa::of_pattern("^[a-c]+$"), lengths = Dfa::any_text().with_chars(2, 3);
  ASSERT_TRUE(words.ok() && lengths.ok());
  auto both = Dfa::both(*words, *lengths);
  ASSERT_TRUE(both.ok());
  EXPECT_TRUE(both->matches("abc"));
  EXPECT_FALSE(both->matches("a"));
  EXPECT_FALSE(both->matches("xy"));
  auto others = words->others();
  ASSERT_TRUE(others.ok());
  EXPECT_TRUE(others->matches(""));
  EXPECT_TRUE(others->matches("abd\u4f60"));
  EXPECT_FALSE(others->matches("abc"));
  EXPECT_FALSE(others->matches("\xFF"));
}

}  // namespace
}  // namespace studio::engine::constrain
