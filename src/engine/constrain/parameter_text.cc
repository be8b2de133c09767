#include "engine/constrain/parameter_text.h"

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "engine/constrain/code_points.h"
#include "engine/constrain/tool_grammar.h"

namespace studio::engine::constrain {
namespace {

constexpr uint8_t kNumberTypes = kIntegerType | kFractionType;

struct Scalar {
  uint8_t types;
  std::string_view pattern;
  std::string_view bytes;  // of all that match
};
constexpr Scalar kScalars[] = {
    {kNullType, "null", ""},
    {kBooleanType, "true", ""},
    {kBooleanType, "false", ""},
    {kNumberTypes, R"(-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+\-]?[0-9]+)?)", "0123456789-+.eE"},
};

struct Opening {
  uint8_t type;
  char byte;
};
constexpr Opening kOpenings[] = {{kArrayType, '['}, {kObjectType, '{'}};

std::string whole(std::string_view pattern) {
  return "^(" + std::string(pattern) + ")$";
}

bool is_number(std::string_view text) {
  static const Result<Dfa> kNumbers = Dfa::of_pattern(whole(kScalars[3].pattern));
  return kNumbers.ok() && kNumbers->matches(text);
}

bool may_become(const Scalar& scalar, std::string_view beginning) {
  if (scalar.bytes.empty()) return scalar.pattern.starts_with(beginning);
  return beginning.find_first_not_of(scalar.bytes) == std::string_view::npos;
}

bool is_one(const Scalar& scalar, std::string_view text) {
  return scalar.bytes.empty() ? text == scalar.pattern : is_number(text);
}

// The texts that are read as JSON where strings may be too.
std::string pattern_of_json(uint8_t types) {
  std::string pattern;
  const auto add = [&pattern](const std::string& one) { pattern += (pattern.empty() ? "" : "|") + one; };
  for (const Scalar& scalar : kScalars) {
    if ((types & scalar.types) != 0) add(std::string(scalar.pattern));
  }
  for (const auto& [type, byte] : kOpenings) {
    if ((types & type) != 0) add(std::string("\\") + byte + R"([\s\S]*)");
  }
  return pattern;
}

Result<Dfa> texts_but_json(uint8_t types) {
  Grammar grammar;
  STUDIO_TRY(const Dfa without, Dfa::of(grammar, text_without(grammar, kParameterClose)));
  STUDIO_TRY(Dfa texts, Dfa::both(without, Dfa::any_text()));
  if (types == kStringType) return texts;
  STUDIO_TRY(const Dfa json, Dfa::of_pattern(whole(pattern_of_json(types))));
  STUDIO_TRY(const Dfa no_json, json.others());
  return Dfa::both(texts, no_json);
}

ExprId character_but(Grammar& grammar, std::string_view taken) {
  CodePoints characters;
  for (const char c : taken) characters.add(static_cast<uint8_t>(c), static_cast<uint8_t>(c));
  return utf8_of(grammar, characters.inverted());
}

// A piece of a text without the tag that closes a parameter: a character that is not taken, or `<` and what follows it,
// up to four characters.
constexpr uint32_t kMaxPieceChars = 4;
ExprId piece_of_text(Grammar& grammar, const std::string& taken) {
  struct Piece {
    std::string_view begins, ends_but;
  };
  static constexpr Piece kPieces[] = {{"<", "</"},  {"<<", "</"},  {"<<<", "</"},
                                      {"</", "<p"}, {"<</", "<p"}, {"</p", "<a"}};
  std::vector<ExprId> pieces = {character_but(grammar, taken + "<")};
  for (const auto& [begins, ends_but] : kPieces) {
    pieces.push_back(grammar.sequence({grammar.literal(begins), character_but(grammar, ends_but)}));
  }
  return grammar.choice(pieces);
}

// With what a text begins that would be read as one of these types, however long it is.
std::string openings_of(uint8_t types) {
  std::string openings = (types & kNumberTypes) != 0 ? "-0123456789" : "";
  for (const auto& [type, byte] : kOpenings) {
    if ((types & type) != 0) openings += byte;
  }
  return openings;
}

// Texts that are too long for states to count them. Their first character tells that they are no JSON.
ExprId long_texts(Grammar& grammar, uint32_t min, uint32_t max, uint8_t types) {
  if (min == 0) return grammar.optional(long_texts(grammar, 1, max, types));
  const std::string openings = openings_of(types);
  const uint32_t more = max == kNoLimit ? max : max - 1;
  const ExprId simple = grammar.sequence(
      {character_but(grammar, openings + "<"), grammar.repeat(character_but(grammar, "<"), min - 1, more)});
  const uint32_t pieces = max == kNoLimit ? max : max / kMaxPieceChars - 1;
  if (pieces < min - 1) return simple;
  const ExprId with_tags =
      grammar.sequence({piece_of_text(grammar, openings), grammar.repeat(piece_of_text(grammar, ""), min - 1, pieces)});
  return grammar.choice({simple, with_tags});
}

}  // namespace

WrittenAs written_as(std::string_view beginning, bool is_whole, uint8_t types) {
  if (types == kStringType || types == 0) return WrittenAs::kText;
  if ((types & kStringType) == 0) return WrittenAs::kJson;
  if (beginning.empty()) return is_whole ? WrittenAs::kText : WrittenAs::kUnknown;
  for (const auto& [type, byte] : kOpenings) {
    if ((types & type) != 0 && beginning.front() == byte) return WrittenAs::kJson;
  }
  const auto fits = [&](const Scalar& scalar) {
    return (types & scalar.types) != 0 && (is_whole ? is_one(scalar, beginning) : may_become(scalar, beginning));
  };
  if (std::ranges::none_of(kScalars, fits)) return WrittenAs::kText;
  return is_whole ? WrittenAs::kJson : WrittenAs::kUnknown;
}

// Made once: each function of a request asks for the same few.
Result<std::shared_ptr<const Dfa>> writable_texts(uint8_t types) {
  static std::mutex mutex;
  static std::map<uint8_t, std::shared_ptr<const Dfa>> made;
  const std::scoped_lock lock(mutex);
  std::shared_ptr<const Dfa>& known = made[types];
  if (known == nullptr) {
    STUDIO_TRY(Dfa texts, texts_but_json(types));
    known = std::make_shared<const Dfa>(std::move(texts));
  }
  return known;
}

Result<ExprId> texts_of_length(Grammar& grammar, uint32_t min, uint32_t max, uint8_t types) {
  if (max < min) return grammar.nothing();
  STUDIO_TRY(const auto writable, writable_texts(types));
  if (min == 0 && max == kNoLimit) return writable->raw_expr(grammar);
  const auto counted = [&](uint32_t most) -> Result<ExprId> {
    STUDIO_TRY(const Dfa texts, writable->with_chars(min, most));
    return texts.raw_expr(grammar);
  };
  if (max <= kCharsByState || (max == kNoLimit && min <= kCharsByState)) return counted(max);
  if (types == kStringType) return long_texts(grammar, min, max, types);
  constexpr uint32_t kLongerThanWords = 6;  // than null, true and false
  const ExprId longer = long_texts(grammar, std::max(min, kLongerThanWords), max, types);
  if (min > kCharsByState) return longer;
  STUDIO_TRY(const ExprId shorter, counted(kCharsByState));
  return grammar.choice({shorter, longer});
}

}  // namespace studio::engine::constrain
