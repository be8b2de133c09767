// The pieces of JSON text as expressions: strings, numbers, any value, and the white space between them.
//
// White space: none, one space, or one line end and up to 20 blanks, after { [ , and : and before } and ]. A model may
// write as it likes within that and can never go on with blanks for ever, which free white space lets it do.
// Numbers have at most 18 digits before the point, 17 after it and two in the exponent: any reader takes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/constrain/grammar.h"

namespace studio::engine::constrain {

enum class Whitespace : uint8_t { kFlexible, kNone };

inline constexpr uint32_t kMaxIntegerDigits = 18, kMaxFractionDigits = 17, kMaxExponentDigits = 2;

class JsonParts {
 public:
  JsonParts(Grammar& grammar, Whitespace whitespace);

  ExprId space() const { return space_; }
  // With its quotes; lengths in characters. Escapes of every kind, surrogates in pairs alone.
  ExprId string(uint32_t min_chars, uint32_t max_chars);
  // A given text with its quotes, written in one way alone (json_escaped).
  ExprId literal_string(std::string_view text);
  ExprId quoted(ExprId inside);
  ExprId number() const { return number_; }
  ExprId integer() const { return integer_; }
  ExprId boolean() const { return boolean_; }
  ExprId null() const { return null_; }
  ExprId any_value();
  ExprId any_object();
  // A key and its value.
  ExprId member(ExprId key, ExprId value);
  // What follows a first part: a comma and another.
  ExprId next(ExprId part);
  // "[" or "{" and what belongs inside.
  ExprId object(ExprId inside);
  ExprId array(ExprId inside);
  // Parts with commas between them, so many in all.
  ExprId list(ExprId part, uint32_t min, uint32_t max);

  // What was spent on schemas that are written with these parts (kMaxSchemaWork of schema.h): of a spec, all of
  // its schemas together.
  size_t& schema_work() { return schema_work_; }

 private:
  ExprId char_of(char c) { return grammar_.bytes(ByteSet().set(static_cast<uint8_t>(c))); }
  ExprId string_character();

  Grammar& grammar_;
  size_t schema_work_ = 0;
  ExprId space_, character_, any_string_, number_, integer_, boolean_, null_;
  std::optional<RuleId> any_value_, any_object_;
};

}  // namespace studio::engine::constrain
