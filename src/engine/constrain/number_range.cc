#include "engine/constrain/number_range.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "engine/constrain/dfa.h"
#include "engine/constrain/json_parts.h"

namespace studio::engine::constrain {
namespace {

// So many digits of a number are told apart by a double, whatever they are.
constexpr size_t kExactDigits = 15;
constexpr double kMostExact = 999'999'999'999'999;
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
    // No more digits than readers tell apart, or what is below a bound would be read as the bound.
    const size_t whole_digits = std::to_string(std::max(low.whole, high ? high->whole : 0)).size();
    most_digits_ = std::max<size_t>(1, kExactDigits - std::min(whole_digits, kExactDigits));
    most_digits_ = std::max({most_digits_, low.fraction.size(), high ? high->fraction.size() : 0});
    most_digits_ = std::min<size_t>(most_digits_, kMaxFractionDigits);
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
    if (low == nullptr && high == nullptr) return digits(1, most_digits_ - at);
    // Past the digits of an upper bound only zeros are left, of which one is written.
    if (at >= most_digits_ || (high != nullptr && at > high->fraction.size())) return grammar_.nothing();
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
    if (low == nullptr && high == nullptr) return digits(0, most_digits_ - at);
    const ExprId longer = digit_and_more(at, low, high);
    return may_stop(at, low, high) ? grammar_.choice({grammar_.empty(), longer}) : longer;
  }

  Grammar& grammar_;
  size_t most_digits_ = kMaxFractionDigits;
};

// As decimals: what the digits leave, how many stand after the point. The number ends where zeros to the full count of
// decimals would leave nothing.
Result<Dfa> decimal_multiples_of(int64_t divisor, int decimals) {
  constexpr uint32_t kStart = 1, kSigned = 2, kFirst = 3;
  const auto state_of = [&](int64_t left, int after, bool is_zero) {  // a zero before the point stands alone
    const int64_t place = is_zero ? 0 : 1 + after;
    return kFirst + static_cast<uint32_t>(place * divisor + left);
  };
  const auto count = static_cast<size_t>(kFirst + divisor * (decimals + 3));
  Dfa made = Dfa::with_states(count, kStart);
  const auto at_point = [&](int64_t left) { return kFirst + static_cast<uint32_t>((decimals + 2) * divisor + left); };
  made.set_next(kStart, '-', kSigned);
  for (int64_t digit = 0; digit <= 9; ++digit) {
    const auto byte = static_cast<uint8_t>('0' + digit);
    for (const uint32_t from : {kStart, kSigned}) made.set_next(from, byte, state_of(digit % divisor, 0, digit == 0));
    for (int64_t left = 0; left < divisor; ++left) {
      const int64_t then = (left * 10 + digit) % divisor;
      made.set_next(state_of(left, 0, false), byte, state_of(then, 0, false));
      if (decimals > 0) made.set_next(at_point(left), byte, state_of(then, 1, false));
      for (int after = 1; after < decimals; ++after)
        made.set_next(state_of(left, after, false), byte, state_of(then, after + 1, false));
    }
  }
  for (int64_t left = 0; left < divisor; ++left) {
    for (int after = 0; after <= decimals; ++after) {
      int64_t in_the_end = left;
      for (int i = after; i < decimals; ++i) in_the_end = in_the_end * 10 % divisor;
      if (in_the_end == 0) made.set_end(state_of(left, after, false));
    }
    made.set_next(state_of(left, 0, false), '.', at_point(left));
    made.set_next(state_of(left, 0, true), '.', at_point(left));
  }
  made.set_end(state_of(0, 0, true));
  made.tidy();
  return made;
}

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

// Those of the range that are in the other language, too. What is joined is built apart: all of a grammar is looked at.
Result<ExprId> joined(Grammar& grammar, Result<ExprId> (*build)(Grammar&, const NumberRange&), const NumberRange& range,
                      const Result<Dfa>& other) {
  if (!other.ok()) return other.error();
  Grammar apart;
  STUDIO_TRY(const ExprId all, build(apart, range));
  if (all == apart.nothing()) return grammar.nothing();
  STUDIO_TRY(const Dfa in_range, Dfa::of(apart, all));
  STUDIO_TRY(const Dfa both, Dfa::both(*other, in_range));
  return both.raw_expr(grammar);
}

// Whatever range.multiple_of says.
Result<ExprId> whole_between(Grammar& grammar, const NumberRange& range) {
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
  return grammar.choice({negative, ranges.whole(std::max<int64_t>(0, low), high)});
}

Result<ExprId> decimals_between(Grammar& grammar, const NumberRange& range) {
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

Result<Dfa> decimals_with_fraction() {
  Grammar grammar;
  const ExprId digit = grammar.bytes(byte_range('0', '9'));
  constexpr uint32_t kBefore = 9, kAfter = kExactDigits - kBefore;
  return Dfa::of(grammar, grammar.sequence({grammar.optional(grammar.literal("-")), grammar.repeat(digit, 1, kBefore),
                                            grammar.literal("."), grammar.repeat(digit, 0, kAfter - 1),
                                            grammar.bytes(byte_range('1', '9'))}));
}

Error too_large_divisor() {
  return Error(Code::kUnimplemented,
               "multiples of more than " + std::to_string(kMaxMultipleOf) + " units cannot be enforced");
}

}  // namespace

Result<ExprId> integers_in(Grammar& grammar, const NumberRange& range) {
  // A whole number is a multiple of 0.75 where it is one of 3.
  int64_t divisor = range.multiple_of;
  for (int i = 0; i < range.multiple_decimals; ++i) divisor /= std::gcd<int64_t>(divisor, 10);
  if (divisor <= 1) return whole_between(grammar, range);
  // Readers that make doubles of them still see the multiple.
  NumberRange exact = range;
  if (!exact.low || exact.low->value < -kMostExact) exact.low = Bound{-kMostExact, false};
  if (!exact.high || exact.high->value > kMostExact) exact.high = Bound{kMostExact, false};
  if (is_power_of_ten(divisor)) return joined(grammar, whole_between, exact, multiples_of_power(divisor));
  if (divisor > kMaxMultipleOf) return too_large_divisor();
  return joined(grammar, whole_between, exact, multiples_of(divisor));
}

Result<ExprId> decimals_in(Grammar& grammar, const NumberRange& range) {
  if (range.multiple_of == 0) return decimals_between(grammar, range);
  if (range.multiple_decimals == 0) return integers_in(grammar, range);
  if (range.multiple_of > kMaxMultipleOf) return too_large_divisor();
  return joined(grammar, decimals_between, range, decimal_multiples_of(range.multiple_of, range.multiple_decimals));
}

Result<ExprId> fractions_in(Grammar& grammar, const NumberRange& range) {
  return joined(grammar, decimals_in, range, decimals_with_fraction());
}

}  // namespace studio::engine::constrain
