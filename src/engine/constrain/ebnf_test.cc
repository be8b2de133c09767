#include <gtest/gtest.h>

#include "engine/constrain/code_points.h"
#include "engine/constrain/constrain_for_test.h"

namespace studio::engine::constrain {
namespace {

TEST(Gbnf, ReadsRecursiveRules) {
  const Matcher start = start_of(Constraint::from_gbnf(R"gbnf(
    # sums
    root  ::= expr "\n"?
    expr  ::= term (ws [+-] ws term)*
    term  ::= [0-9]{1,3} | "(" expr ")"
    ws    ::= " "?
  )gbnf"));
  EXPECT_TRUE(accepts(start, "1"));
  EXPECT_TRUE(accepts(start, "(1 + (22-333))+4\n"));
  EXPECT_FALSE(accepts(start, "(1"));
  EXPECT_FALSE(accepts(start, "1234"));
}

TEST(Gbnf, TurnsLeftRecursionIntoRepeats) {
  const Matcher start = start_of(Constraint::from_gbnf("root ::= root \",\" [a-z] | [a-z]"));
  EXPECT_TRUE(accepts(start, "a,b,c"));
  EXPECT_FALSE(accepts(start, "a,"));
  auto refused = Constraint::from_gbnf("root ::= a\na ::= b \"x\" | \"y\"\nb ::= a | \"z\"");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kUnimplemented);
}

TEST(Gbnf, FollowsAmbiguousNestingWithoutCopies) {
  // Two ways to read each pair: 2^60 readings, one state each.
  const Matcher start =
      start_of(Constraint::from_gbnf("root ::= a | b\na ::= \"(\" root \")\" | \"x\"\nb ::= \"(\" root \")\" | \"y\""));
  std::string text(60, '(');
  EXPECT_TRUE(accepts(start, text + "x" + std::string(60, ')')));
  EXPECT_FALSE(accepts(start, text + "x" + std::string(59, ')')));
}

TEST(Gbnf, SaysWhereItIsWrong) {
  for (const char* text : {"root ::= \"a", "root ::= (\"a\"", "root = a", "root ::= undefined", "x ::= \"a\"",
                           "root ::= [z-a]", "root ::= \"a\"{2,1}", "root ::= \"a\"\nroot ::= \"b\"", "root ::= )"}) {
    auto made = Constraint::from_gbnf(text);
    ASSERT_FALSE(made.ok()) << text;
    EXPECT_EQ(made.error().code(), Code::kInvalidArgument) << made.error().message();
  }
}

TEST(Lark, ReadsRulesTerminalsAndIgnores) {
  const Matcher start = start_of(Constraint::from_lark(R"lark(
    ?start: sum
    sum: product | sum "+" product -> add
    product: atom
           | product "*" atom
    atom: NUMBER | "(" sum ")" | "let"i NAME ["!"]
    NAME: /[a-z]+/
    %import common.NUMBER
    %import common.WS
    %ignore WS  // blanks
  )lark"));
  EXPECT_TRUE(accepts(start, "1 + 2*( 3.5+ LET x !) "));
  EXPECT_FALSE(accepts(start, "1 +"));
  EXPECT_FALSE(accepts(start, "1 2"));
}

TEST(Lark, AnAliasMayFollowAtOnce) {
  const Matcher start = start_of(Constraint::from_lark("start: a->first|\"c\"->second\na: \"b\""));
  EXPECT_TRUE(accepts(start, "b"));
  EXPECT_TRUE(accepts(start, "c"));
  EXPECT_FALSE(accepts(start, "a"));
}

TEST(Lark, RefusesByName) {
  for (const auto& [text, word] :
       std::vector<std::pair<std::string, std::string>>{{"%declare A\nstart: A", "%declare"},
                                                        {"start: /a/i", "flag"},
                                                        {"%import python.NAME\nstart: NAME", "common"},
                                                        {"t{x}: x\nstart: t{\"a\"}", "template"}}) {
    auto made = Constraint::from_lark(text);
    ASSERT_FALSE(made.ok()) << text;
    EXPECT_EQ(made.error().code(), Code::kUnimplemented) << made.error().message();
    EXPECT_NE(made.error().message().find(word), std::string::npos) << made.error().message();
  }
}

// Each was put in order with all before it: 85,000 took two minutes.
TEST(Gbnf, TakesAClassOfEveryOtherCharacter) {
  std::string members;
  for (char32_t c = 0x3400; c < 0x3400 + 2 * 8'000; c += 2) append_code_point(members, c);
  const Matcher start = start_of(Constraint::from_gbnf("root ::= [" + members + "]"));
  std::string even, odd;
  append_code_point(even, 0x3410), append_code_point(odd, 0x3411);
  EXPECT_TRUE(accepts(start, even));
  EXPECT_FALSE(accepts(start, odd));
}

}  // namespace
}  // namespace studio::engine::constrain
