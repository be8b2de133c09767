#include "engine/constrain/number_range.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "engine/constrain/dfa.h"
#include "engine/constrain/json_parts.h"

namespace studio::engine::constrain {
namespace {

constexpr int64_t kMostInteger = 999'999'999'999'999'999;  // of kMaxIntegerDigits digits

// Without a sign: the digits before the point, and those after it.
struct Decimal {
  int64_t whole = 0;
  std::string fraction;
  bool is_exclusive = false;
};

Decimal decimal_of(double magnitude, bool is_exclusive) {
  char text[400];
  const auto end = std::to_chars(text, text + sizeof text, magnitude, std::chars_format::fixed).ptr;
  const std::string_view digits(text, static_cast<size_t>(end - text));
  Decimal made{.whole = 0, .fraction = {}, .is_exclusive = is_exclusive};
  const size_t point = std::min(digits.find('.'), digits.size());
  std::from_chars(text, text + point, made.whole);
  if (point < digits.size()) made.fraction = digits.substr(point + 1);
  return made;
}

class Ranges {
 public:
  explicit Ranges(Grammar& grammar) : grammar_(grammar) {}

  // Whole numbers from 0 up, both ends included.
  ExprId whole(int64_t low, int64_t high) {
    std::vector<ExprId> parts;
    while (low <= high) {
      const std::string from = std::to_string(low);
      const std::string nines(from.size(), '9');
      const int64_t last = std::min(high, static_cast<int64_t>(std::stoll(nines)));
      parts.push_back(same_length(from, std::to_string(last)));
      low = last + 1;
    }
    return grammar_.choice(parts);
  }

  // Numbers from 0 up between the bounds; no high: as many digits as there may be.
  ExprId decimals(const Decimal& low, const std::optional<Decimal>& high) {
    const int64_t last = high ? high->whole : kMostInteger;
    if (low.whole > last) return grammar_.nothing();
    if (low.whole == last) {
      return grammar_.sequence({grammar_.literal(std::to_string(last)), fraction(&low, high ? &*high : nullptr)});
    }
    const ExprId inner_end = high ? whole(low.whole + 1, last - 1) : whole(low.whole + 1, last);
    std::vector<ExprId> parts = {
        grammar_.sequence({grammar_.literal(std::to_string(low.whole)), fraction(&low, nullptr)}),
        grammar_.sequence({inner_end, fraction(nullptr, nullptr)})};
    if (high) parts.push_back(grammar_.sequence({grammar_.literal(std::to_string(last)), fraction(nullptr, &*high)}));
    return grammar_.choice(parts);
  }

 private:
  ExprId digit(char first, char last) {
    if (first > last) return grammar_.nothing();
    return grammar_.bytes(byte_range(static_cast<uint8_t>(first), static_cast<uint8_t>(last)));
  }
  ExprId digits(size_t min, size_t max) {
    return grammar_.repeat(digit('0', '9'), static_cast<uint32_t>(min), static_cast<uint32_t>(max));
  }

  ExprId same_length(std::string_view low, std::string_view high) {
    if (low.find_first_not_of('0') == std::string_view::npos && high.find_first_not_of('9') == std::string_view::npos) {
      return digits(low.size(), low.size());
    }
    const std::string_view low_rest = low.substr(1), high_rest = high.substr(1);
    if (low[0] == high[0]) return grammar_.sequence({digit(low[0], low[0]), same_length(low_rest, high_rest)});
    const std::string zeros(low_rest.size(), '0'), nines(low_rest.size(), '9');
    return grammar_.choice({
        grammar_.sequence({digit(low[0], low[0]), same_length(low_rest, nines)}),
        grammar_.sequence({digit(static_cast<char>(low[0] + 1), static_cast<char>(high[0] - 1)),
                           digits(low_rest.size(), low_rest.size())}),
        grammar_.sequence({digit(high[0], high[0]), same_length(zeros, high_rest)}),
    });
  }

  // The point and what follows it, or nothing, where the digits before the point are those of the bounds given.
  ExprId fraction(const Decimal* low, const Decimal* high) {
    const ExprId after = grammar_.sequence({grammar_.literal("."), digit_and_more(0, low, high)});
    return may_stop(0, low, high) ? grammar_.choice({grammar_.empty(), after}) : after;
  }

  static bool is_zero_from(const std::string& digits, size_t at) {
    return digits.find_first_not_of('0', std::min(at, digits.size())) == std::string::npos;
  }
  // The number as it is after `at` digits, which are those of the bounds.
  static bool may_stop(size_t at, const Decimal* low, const Decimal* high) {
    if (low != nullptr && (!is_zero_from(low->fraction, at) || low->is_exclusive)) return false;
    return high == nullptr || !is_zero_from(high->fraction, at) || !high->is_exclusive;
  }

  // A lower bound whose digits are all there holds whatever follows, unless it is exclusive.
  static bool binds(const Decimal& low, size_t at) { return low.is_exclusive || !is_zero_from(low.fraction, at); }

  ExprId digit_and_more(size_t at, const Decimal* low, const Decimal* high) {
    if (low == nullptr && high == nullptr) return digits(1, kMaxFractionDigits - at);
    // Past the digits of an upper bound only zeros are left, of which one is written.
    if (at >= kMaxFractionDigits || (high != nullptr && at > high->fraction.size())) return grammar_.nothing();
    const auto digit_of = [at](const Decimal& bound) { return at < bound.fraction.size() ? bound.fraction[at] : '0'; };
    const char first = low != nullptr ? digit_of(*low) : '0', last = high != nullptr ? digit_of(*high) : '9';
    std::vector<ExprId> parts;
    for (char d = first; d <= last; ++d) {
      const Decimal* still_low = low != nullptr && d == first && binds(*low, at + 1) ? low : nullptr;
      const Decimal* still_high = high != nullptr && d == last ? high : nullptr;
      parts.push_back(grammar_.sequence({digit(d, d), more(at + 1, still_low, still_high)}));
    }
    return grammar_.choice(parts);
  }

  ExprId more(size_t at, const Decimal* low, const Decimal* high) {
    if (low == nullptr && high == nullptr) return digits(0, kMaxFractionDigits - at);
    const ExprId longer = digit_and_more(at, low, high);
    return may_stop(at, low, high) ? grammar_.choice({grammar_.empty(), longer}) : longer;
  }

  Grammar& grammar_;
};

Result<Dfa> multiples_of(int64_t divisor) {
  // A text's state is what its digits leave: 0 start, 1 after the sign, 2 a zero alone, then the remainders.
  constexpr uint32_t kStart = 1, kSigned = 2, kZero = 3, kFirst = 4;
  Dfa made = Dfa::with_states(kFirst + static_cast<size_t>(divisor), kStart);
  const auto remainder = [&](int64_t value) { return kFirst + static_cast<uint32_t>(value % divisor); };
  made.set_next(kStart, '-', kSigned);
  for (const uint32_t from : {kStart, kSigned}) {
    for (int d = 1; d <= 9; ++d) made.set_next(from, static_cast<uint8_t>('0' + d), remainder(d));
  }
  made.set_next(kStart, '0', kZero);
  made.set_end(kZero);
  made.set_end(kFirst);
  for (int64_t left = 0; left < divisor; ++left) {
    for (int d = 0; d <= 9; ++d) {
      made.set_next(kFirst + static_cast<uint32_t>(left), static_cast<uint8_t>('0' + d), remainder(left * 10 + d));
    }
  }
  made.tidy();
  return made;
}

// Multiples of a power of ten end in zeros, which needs no remainders.
Result<Dfa> multiples_of_power(int64_t power) {
  Grammar grammar;
  const std::string zeros = std::to_string(power).substr(1);
  return Dfa::of(
      grammar,
      grammar.choice({grammar.literal("0"),
                      grammar.sequence({grammar.optional(grammar.literal("-")), grammar.bytes(byte_range('1', '9')),
                                        grammar.repeat(grammar.bytes(byte_range('0', '9')), 0, kNoLimit),
                                        grammar.literal(zeros)})}));
}

bool is_power_of_ten(int64_t value) {
  while (value > 1 && value % 10 == 0) value /= 10;
  return value == 1;
}

Status check_reach(const NumberRange& range) {
  const auto is_far = [](const std::optional<Bound>& bound) { return bound && !(std::fabs(bound->value) < 1e18); };
  if ((range.low && is_far(range.low) && range.low->value > 0) ||
      (range.high && is_far(range.high) && range.high->value < 0)) {
    return Error(Code::kUnimplemented, "numbers of more than 18 digits cannot be enforced");
  }
  return Ok{};
}

}  // namespace

Result<ExprId> integers_in(Grammar& grammar, const NumberRange& range) {
  STUDIO_CHECK_OK(check_reach(range));
  int64_t low = -kMostInteger, high = kMostInteger;
  if (range.low && range.low->value > -1e18) {
    const double least = std::ceil(range.low->value);
    low = static_cast<int64_t>(least) + (range.low->is_exclusive && least == range.low->value ? 1 : 0);
  }
  if (range.high && range.high->value < 1e18) {
    const double most = std::floor(range.high->value);
    high = static_cast<int64_t>(most) - (range.high->is_exclusive && most == range.high->value ? 1 : 0);
  }
  Ranges ranges(grammar);
  const ExprId negative =
      low < 0 ? grammar.sequence({grammar.literal("-"), ranges.whole(std::max<int64_t>(1, -high), -low)})
              : grammar.nothing();
  const ExprId all = grammar.choice({negative, ranges.whole(std::max<int64_t>(0, low), high)});
  const int64_t divisor = range.multiple_of;
  if (divisor <= 1 || all == grammar.nothing()) return all;
  const bool is_power = is_power_of_ten(divisor);
  if (!is_power && divisor > kMaxMultipleOf) {
    return Error(Code::kUnimplemented,
                 "multiples of more than " + std::to_string(kMaxMultipleOf) + " cannot be enforced");
  }
  STUDIO_TRY(const Dfa multiples, is_power ? multiples_of_power(divisor) : multiples_of(divisor));
  STUDIO_TRY(const Dfa in_range, Dfa::of(grammar, all));
  STUDIO_TRY(const Dfa both, Dfa::both(multiples, in_range));
  return both.raw_expr(grammar);
}

Result<ExprId> decimals_in(Grammar& grammar, const NumberRange& range) {
  if (range.multiple_of != 0) return integers_in(grammar, range);
  STUDIO_CHECK_OK(check_reach(range));
  const auto is_near = [](const std::optional<Bound>& bound) { return bound && std::fabs(bound->value) < 1e18; };
  const Decimal zero, above_zero{.whole = 0, .fraction = {}, .is_exclusive = true};
  Ranges ranges(grammar);
  std::vector<ExprId> parts;
  if (!range.low || range.low->value < 0) {
    std::optional<Decimal> furthest;
    if (is_near(range.low)) furthest = decimal_of(-range.low->value, range.low->is_exclusive);
    const bool ends_below_zero = range.high && range.high->value < 0;
    const Decimal nearest = ends_below_zero ? decimal_of(-range.high->value, range.high->is_exclusive) : above_zero;
    parts.push_back(grammar.sequence({grammar.literal("-"), ranges.decimals(nearest, furthest)}));
  }
  if (!range.high || range.high->value >= 0) {
    std::optional<Decimal> furthest;
    if (is_near(range.high)) furthest = decimal_of(range.high->value, range.high->is_exclusive);
    const bool begins_above = range.low && range.low->value >= 0;
    parts.push_back(
        ranges.decimals(begins_above ? decimal_of(range.low->value, range.low->is_exclusive) : zero, furthest));
  }
  return grammar.choice(parts);
}

}  // namespace studio::engine::constrain
