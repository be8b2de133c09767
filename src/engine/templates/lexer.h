// Source of a template to tokens, by the rules of Jinja's lexer with trim_blocks and lstrip_blocks set.
//
// trim_blocks: the line end after a block tag goes. lstrip_blocks: so do spaces between a line's start and a block tag.
// A `-` inside a tag strips all whitespace on that side, a `+` keeps it. One line end at the end of the source goes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/templates/value.h"

namespace studio::engine::jinja {

enum class TokenKind : uint8_t {
  kData,  // text between tags
  kVariableBegin,
  kVariableEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,  // its spelling in text
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  int line = 1;
  std::string text;  // data, name, string with its escapes resolved, operator
  Int integer = 0;
  double number = 0;

  bool is_operator(std::string_view sign) const { return kind == TokenKind::kOperator && text == sign; }
  bool is_name(std::string_view name) const { return kind == TokenKind::kName && text == name; }
};

// The last token is kEnd. Fails (Failure, with the line) on what no rule matches.
std::vector<Token> tokenize(std::string_view source);

}  // namespace studio::engine::jinja
