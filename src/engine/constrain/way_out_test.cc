// The ends of texts: how far they are, and that a text that nests on and on comes to one.
#include "engine/constrain/way_out.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "engine/constrain/automaton.h"
#include "engine/constrain/constrain_for_test.h"
#include "engine/constrain/stacks.h"

namespace studio::engine::constrain {
namespace {

constexpr Automaton::Limits kPlenty{.memory_bytes = 64u << 20, .work = 100'000'000};

constexpr const char* kNested[] = {
    R"({"type":"array","items":{"$ref":"#"}})",
    R"({"anyOf":[{"type":"null"},{"type":"array","items":{"$ref":"#"},"minItems":2,"maxItems":3}]})",
    R"({"type":"object","properties":{"value":{"type":"integer"},"left":{"$ref":"#"},"right":{"$ref":"#"}},)"
    R"("required":["value"],"additionalProperties":false})",
    R"({"anyOf":[{"type":"string"},{"type":"array","items":[{"$ref":"#"},{"$ref":"#"}],"additionalItems":false}]})",
    R"({"$ref":"#/$defs/a","$defs":{"a":{"type":"object","properties":{"b":{"$ref":"#/$defs/b"}},"required":["b"]},)"
    R"("b":{"anyOf":[{"$ref":"#/$defs/a"},{"type":"string","minLength":4}]}}})",
    R"({"type":"object","additionalProperties":{"$ref":"#"}})",
    R"({})",
};

// The length of the shortest text, found by trying all.
size_t shortest_text(const Program& program) {
  Automaton automaton(std::make_shared<const Program>(program), kPlenty);
  std::map<StateId, size_t> length = {{automaton.start(), 0}};
  std::deque<StateId> pending = {automaton.start()};
  while (!pending.empty()) {
    const StateId state = pending.front();
    pending.pop_front();
    if (automaton.may_end(state)) return length[state];
    for (int c = 0; c < program.class_count; ++c) {
      const StateId next = automaton.step(state, program.byte_of_class[static_cast<size_t>(c)]);
      if (next != Automaton::kDead && length.try_emplace(next, length[state] + 1).second) pending.push_back(next);
    }
  }
  return SIZE_MAX;
}

TEST(WayOut, IsTheLengthOfTheShortestText) {
  const auto expect_shortest = [](const Constraint::Made& made, const char* what) {
    ASSERT_TRUE(made.ok()) << what;
    const Program& program = *(*made)->program();
    EXPECT_EQ(bytes_to_return(program)[program.start], shortest_text(program)) << what;
  };
  for (const char* schema : kNested) expect_shortest(Constraint::from_schema_text(schema), schema);
  for (const char* schema :
       {R"({"enum":["abc","de",12345]})", R"({"type":"string","minLength":7})", R"({"type":"number","minimum":100})",
        R"({"type":"array","items":{"type":"boolean"},"minItems":40,"maxItems":60})",
        R"({"type":"string","format":"date-time"})"}) {
    expect_shortest(Constraint::from_schema_text(schema), schema);
  }
  for (const char* regex : {"(ab){30,50}c", "((a{3}b){17,40}c){25,60}", "a|bcd{2,}", "", "(x(yz)*){2,3}"}) {
    expect_shortest(Constraint::from_regex(regex), regex);
  }
  expect_shortest(Constraint::from_gbnf("root ::= \"a\" root \"b\" | mid mid\nmid ::= \"(\" root \")\" | \"xyz\""),
                  "gbnf");
}

// The first of them that may follow.
std::optional<char> first_allowed(Automaton& automaton, StateId state, std::string_view bytes) {
  for (const char byte : bytes) {
    if (automaton.step(state, static_cast<uint8_t>(byte)) != Automaton::kDead) return byte;
  }
  return std::nullopt;
}

// What nests deeper as far as it may, for 20,000 bytes; then what closes. Strings stay empty where they may.
TEST(WayOut, WhateverNestsOnAndOnComesToAnEnd) {
  std::string others;
  for (char c = '~'; c > ' '; --c) {
    if (c != '}' && c != ']') others += c;
  }
  for (const char* schema : kNested) {
    const auto made = Constraint::from_schema_text(schema);
    ASSERT_TRUE(made.ok());
    Automaton automaton((*made)->program(), kPlenty);
    StateId state = automaton.start();
    std::string text;
    bool is_in_string = false;
    while (text.size() < 100'000) {
      const bool is_closing = text.size() > 20'000;
      const std::string order = is_in_string ? "\"" + others : is_closing ? "]}\"" + others : "{[\"" + others + "]}";
      const auto byte = first_allowed(automaton, state, order);
      if (!byte) break;
      is_in_string ^= *byte == '"';
      text += *byte;
      state = automaton.step(state, static_cast<uint8_t>(*byte));
    }
    EXPECT_TRUE(automaton.may_end(state)) << schema << ": " << text.substr(0, 100);
    EXPECT_FALSE(automaton.met_depth_limit()) << schema;
    boost::system::error_code error;
    boost::json::parse_options deep;
    deep.max_depth = kMaxStackDepth;
    boost::json::parse(text, error, {}, deep);
    EXPECT_FALSE(error) << schema << ": " << text.substr(0, 100);
    EXPECT_GT(std::ranges::count_if(text, [](char c) { return c == '[' || c == '{'; }), 60) << schema;
  }
}

}  // namespace
}  // namespace studio::engine::constrain
