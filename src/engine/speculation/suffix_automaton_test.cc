#include "engine/speculation/suffix_automaton.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace studio::engine {
namespace {

using Text = std::vector<TokenId>;

// Texts of every kind of repetition: random ones, periods, copies of pieces with changes.
Text random_text(std::mt19937& random, int length) {
  const auto below = [&](int limit) { return static_cast<int>(random() % static_cast<uint32_t>(limit)); };
  const int alphabet = 1 + below(5), kind = below(3), period = 1 + below(7);
  Text text;
  while (static_cast<int>(text.size()) < length) {
    if (kind == 1 && static_cast<int>(text.size()) >= period && below(20) > 0) {
      text.push_back(text[text.size() - static_cast<size_t>(period)]);
    } else if (kind == 2 && !text.empty() && below(4) == 0) {
      const auto from = static_cast<size_t>(below(static_cast<int>(text.size())));
      for (size_t i = from, n = static_cast<size_t>(below(12)); i < from + n; ++i) text.push_back(text[i]);
    } else {
      text.push_back(below(alphabet));
    }
  }
  text.resize(static_cast<size_t>(length));
  return text;
}

bool ends_with(const Text& text, size_t end, const Text& run) {
  return end >= run.size() &&
         std::equal(run.begin(), run.end(), text.begin() + static_cast<ptrdiff_t>(end - run.size()));
}

bool occurs(const std::vector<Text>& texts, const Text& run) {
  return std::any_of(texts.begin(), texts.end(), [&](const Text& text) {
    return std::search(text.begin(), text.end(), run.begin(), run.end()) != text.end();
  });
}

Text suffix(const Text& text, size_t length) {
  return Text(text.end() - static_cast<ptrdiff_t>(length), text.end());
}

// By trying every length: of `text`'s suffixes, the longest that ends before the text does.
int32_t longest_repeat_of(const Text& text) {
  for (size_t length = text.size() - 1; length > 0; --length) {
    const Text run = suffix(text, length);
    for (size_t end = length; end < text.size(); ++end) {
      if (ends_with(text, end, run)) return static_cast<int32_t>(length);
    }
  }
  return 0;
}

void expect_place(const SuffixAutomaton& automaton, SuffixAutomaton::Match match, const Text& read, size_t before) {
  if (match.length == 0) return;
  const Text all(automaton.text().begin(), automaton.text().end());
  const auto end = static_cast<size_t>(automaton.end_of(match));
  EXPECT_LT(end, before);
  EXPECT_TRUE(ends_with(all, end, suffix(read, static_cast<size_t>(match.length)))) << "not a place of the run";
}

TEST(SuffixAutomaton, FindsTheLongestRepeatOfEveryBeginning) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    const Text text = random_text(random, 1 + round % 80);
    SuffixAutomaton automaton;
    Text read;
    for (const TokenId token : text) {
      automaton.append(token);
      read.push_back(token);
      const SuffixAutomaton::Match match = automaton.longest_repeat();
      ASSERT_EQ(match.length, longest_repeat_of(read)) << "round " << round << " after " << read.size();
      expect_place(automaton, match, read, read.size());
    }
  }
}

TEST(SuffixAutomaton, FindsARepeatInEarlierTextsToo) {
  std::mt19937 random(2);
  for (int round = 0; round < 200; ++round) {
    SuffixAutomaton automaton;
    std::vector<Text> before;
    for (int t = 0; t < 4; ++t) {
      const Text text = random_text(random, 1 + static_cast<int>(random() % 30));
      Text read;
      for (const TokenId token : text) {
        automaton.append(token);
        read.push_back(token);
        int32_t expected = longest_repeat_of(read);
        for (auto length = static_cast<int32_t>(read.size()); length > expected; --length) {
          if (occurs(before, suffix(read, static_cast<size_t>(length)))) expected = length;
        }
        ASSERT_EQ(automaton.longest_repeat().length, expected) << "round " << round;
        expect_place(automaton, automaton.longest_repeat(), read, automaton.text().size());
      }
      automaton.end_text();
      before.push_back(text);
    }
  }
}

// A reader's match stays the longest one while the texts it reads along grow.
TEST(SuffixAutomaton, MatchesAReaderAlongWhileItGrows) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    SuffixAutomaton automaton;
    std::vector<Text> texts(1);
    SuffixAutomaton::Match match;
    Text read;
    const Text source = random_text(random, 120), reader = random_text(random, 60);
    size_t next = 0;
    for (const TokenId token : reader) {
      for (int i = static_cast<int>(random() % 4); i > 0 && next < source.size(); --i) {
        if (random() % 15 == 0) {
          automaton.end_text();
          texts.emplace_back();
        }
        automaton.append(source[next]);
        texts.back().push_back(source[next++]);
      }
      const auto longest = static_cast<size_t>(match.length) + 1;  // what was longer before has not come since
      match = automaton.advance(match, token);
      read.push_back(token);
      size_t expected = longest;
      while (expected > 0 && !occurs(texts, suffix(read, expected))) --expected;
      ASSERT_EQ(static_cast<size_t>(match.length), expected) << "round " << round;
      expect_place(automaton, match, read, automaton.text().size() + 1);
    }
  }
}

TEST(SuffixAutomaton, PrefersALatePlace) {
  SuffixAutomaton automaton;
  for (const TokenId token : {1, 2, 7, 1, 2, 8, 1, 2}) automaton.append(token);
  EXPECT_EQ(automaton.longest_repeat().length, 2);
  EXPECT_EQ(automaton.text()[static_cast<size_t>(automaton.end_of(automaton.longest_repeat()))], 8);
}

TEST(SuffixAutomaton, TakesRoomInProportionToItsText) {
  std::mt19937 random(4);
  for (const uint32_t alphabet : {1u, 2u, 50u, 100'000u}) {
    SuffixAutomaton automaton;
    for (int i = 0; i < 50'000; ++i) automaton.append(static_cast<TokenId>(random() % alphabet));
    EXPECT_LT(automaton.bytes(), 50'000u * 200) << alphabet;  // 100 and what vectors have in reserve
  }
}

}  // namespace
}  // namespace studio::engine
