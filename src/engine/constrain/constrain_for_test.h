// What the tests of this folder share: matchers over no vocabulary at all, and texts drawn byte by byte.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine/constrain/constraint.h"
#include "engine/constrain/matcher.h"

namespace studio::engine::constrain {

inline std::shared_ptr<const TokenTrie> no_tokens() {
  return std::make_shared<TokenTrie>(std::span<const std::string_view>(), std::span<const TokenId>());
}

inline Matcher start_of(const Constraint::Made& made) {
  EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message());
  return MatcherPool(*made, no_tokens()).start();
}

inline bool accepts(const Matcher& start, std::string_view text) {
  Matcher matcher = start;
  return matcher.accept_text(text) && matcher.may_end();
}

inline std::vector<uint8_t> bytes_allowed(const Matcher& matcher) {
  std::vector<uint8_t> allowed;
  for (int byte = 0; byte < 256; ++byte) {
    Matcher next = matcher;
    const char c = static_cast<char>(byte);
    if (next.accept_text({&c, 1})) allowed.push_back(static_cast<uint8_t>(byte));
  }
  return allowed;
}

// A text drawn from what is allowed; after `length` bytes it takes the first end that offers itself. Nothing where it
// found none, which is a fault unless the grammar grows faster than it closes.
inline std::optional<std::string> draw(const Matcher& start, std::mt19937& random, size_t length) {
  Matcher matcher = start;
  std::string text;
  while (text.size() < 40 * length + 4000) {
    const std::vector<uint8_t> allowed = bytes_allowed(matcher);
    if (matcher.may_end() && (allowed.empty() || text.size() >= length || random() % 8 == 0)) return text;
    if (allowed.empty()) return std::nullopt;
    uint8_t byte = allowed[random() % allowed.size()];
    const bool closes = text.size() >= length || random() % 4 == 0;
    const auto is_allowed = [&](char c) {
      return std::ranges::find(allowed, static_cast<uint8_t>(c)) != allowed.end();
    };
    const bool is_in_string = is_allowed('q') && is_allowed('}');
    for (const char c : std::string_view(is_in_string ? "\"" : "}]\",:")) {
      if (!closes || !is_allowed(c)) continue;
      byte = static_cast<uint8_t>(c);
      break;
    }
    text += static_cast<char>(byte);
    matcher.accept_text({text.data() + text.size() - 1, 1});
  }
  return std::nullopt;
}

}  // namespace studio::engine::constrain
