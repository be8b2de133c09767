#include "engine/constrain/parameter_text.h"

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

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
}  // namespace studio::engine::constrain
