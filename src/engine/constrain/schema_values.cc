// Listed values, numbers and strings.
#include <algorithm>

#include "base/json.h"
#include "engine/constrain/schema.h"
#include "engine/constrain/schema_compiler.h"

namespace studio::engine::constrain {
namespace {

namespace json = boost::json;

// Numbers that may not be are cut out one by one.
constexpr size_t kMaxCutNumbers = 64;

}  // namespace

Result<ExprId> SchemaCompiler::build_values(const SchemaFacts& facts) {
  STUDIO_TRY(const ValueTest test, ValueTest::of(facts, reader_));
  std::vector<std::string> texts;
  for (const json::value* value : *facts.values) {
    if (!test.holds(*value)) continue;
    if (value->is_structured() && (facts.members.size() > 1 || facts.has_inner_keywords)) {
      return schema_error(Code::kUnimplemented, facts.values_at,
                          "listed arrays and objects cannot be joined with other schemas");
    }
    texts.push_back(to_json(*value));
  }
  return grammar_.literals(std::move(texts));
}

Result<ExprId> SchemaCompiler::build_numbers(const SchemaFacts& facts) {
  std::vector<double> cuts;
  for (const json::value* value : facts.no_values) {
    if (value->is_number()) cuts.push_back(value->to_number<double>());
  }
  std::ranges::sort(cuts);
  if (cuts.size() > kMaxCutNumbers)
    return schema_error(Code::kUnimplemented, pointer_of(facts, {"not"}), "too many numbers are excluded");
  // The ranges between the numbers that may not be.
  std::vector<ExprId> ranges;
  NumberRange range = facts.numbers;
  for (const double cut : cuts) {
    const bool is_inside =
        (!range.low || range.low->value <= cut) && (!facts.numbers.high || facts.numbers.high->value >= cut);
    if (!is_inside) continue;
    range.high = Bound{cut, true};
    STUDIO_TRY(const ExprId below, numbers_in(facts, range));
    ranges.push_back(below);
    range.low = range.high;
  }
  range.high = facts.numbers.high;
  STUDIO_TRY(const ExprId above, numbers_in(facts, range));
  ranges.push_back(above);
  return grammar_.choice(ranges);
}

Result<ExprId> SchemaCompiler::numbers_in(const SchemaFacts& facts, const NumberRange& range) {
  const bool has_fraction = (facts.types & kFractionType) != 0, has_whole = (facts.types & kIntegerType) != 0;
  const bool is_free = !range.low && !range.high && range.multiple_of == 0;
  if (is_free && has_whole) return has_fraction ? parts_.number() : parts_.integer();
  auto made = !has_fraction ? integers_in(grammar_, range)
              : has_whole   ? decimals_in(grammar_, range)
                            : fractions_in(grammar_, range);
  if (!made.ok()) {
    return schema_error(made.error(), range.multiple_of != 0
                                          ? pointer_of(facts, {"multipleOf"})
                                          : pointer_of(facts, {"minimum", "exclusiveMinimum", "maximum",
                                                               "exclusiveMaximum", "format", "const", "enum"}));
  }
  return made;
}

Result<ExprId> SchemaCompiler::build_string(const SchemaFacts& facts) {
  const bool has_excluded = std::ranges::any_of(facts.no_values, [](const json::value* no) { return no->is_string(); });
  if (facts.patterns.empty() && facts.no_patterns.empty() && !has_excluded)
    return parts_.string(as_count(facts.chars.min), as_limit(facts.chars.max));
  STUDIO_TRY(const Dfa texts, texts_of(facts));
  return parts_.quoted(texts.json_expr(grammar_));
}

// The strings that facts without a choice allow, of those within a language.
Result<Dfa> SchemaCompiler::texts_of(const SchemaFacts& facts, const Dfa* within) {
  if (facts.values) {
    STUDIO_TRY(const ValueTest test, ValueTest::of(facts, reader_));
    std::vector<std::string> listed;
    for (const json::value* value : *facts.values) {
      if (value->is_string() && test.holds(*value)) listed.emplace_back(value->get_string());
    }
    if (within != nullptr) std::erase_if(listed, [within](const std::string& text) { return !within->matches(text); });
    return Dfa::of_texts(std::move(listed));
  }
  std::optional<Dfa> texts;
  if (within != nullptr) texts = *within;
  Pointer at = pointer_of(facts, {});
  const auto add = [&](Result<Dfa> made) -> Status {
    if (made.ok() && texts) made = Dfa::both(*texts, *made);
    if (!made.ok()) return schema_error(made.error(), at);
    texts = *std::move(made);
    return Ok{};
  };
  for (const TextPattern& pattern : facts.patterns) {
    STUDIO_TRY(const auto matching, reader_.texts_of(pattern.text, at = pattern.at));
    STUDIO_CHECK_OK(add(*matching));
  }
  for (const TextPattern& no : facts.no_patterns) {
    STUDIO_TRY(const auto matching, reader_.texts_of(no.text, at = no.at));
    STUDIO_CHECK_OK(add(matching->others()));
  }
  std::vector<std::string> excluded;
  for (const json::value* value : facts.no_values) {
    if (value->is_string()) excluded.emplace_back(value->get_string());
  }
  if (!excluded.empty()) {
    auto listed = Dfa::of_texts(std::move(excluded));
    STUDIO_CHECK_OK(add(listed.ok() ? listed->others() : std::move(listed)));
  }
  if (!texts) texts = Dfa::any_text();
  return with_length(*texts, as_count(facts.chars.min), as_limit(facts.chars.max), at);
}

// Where a pattern and a length together take too many states, texts are shorter than they may be.
Result<Dfa> SchemaCompiler::with_length(const Dfa& texts, uint32_t min, uint32_t max, const Pointer& at) {
  if (texts.is_empty()) return texts;
  const auto longest = texts.max_chars();
  const uint32_t shortest = texts.min_chars();
  if (max != kNoLimit && longest && *longest <= max) max = kNoLimit;
  if (shortest >= min && max == kNoLimit) return texts;
  const auto fits = static_cast<uint32_t>(Dfa::kMaxStates / texts.state_count());
  while (true) {
    auto made = texts.with_chars(min, max);
    const uint32_t least = std::max(min, shortest);
    if (made.ok() || max == kNoLimit || max <= least) {
      if (!made.ok()) return schema_error(made.error(), at);
      return made;
    }
    max = std::max(least, std::min(max / 2, std::max(max / 8, fits)));
  }
}

}  // namespace studio::engine::constrain
