#include "engine/constrain/dfa.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "engine/constrain/automaton.h"
#include "engine/constrain/code_points.h"
#include "engine/constrain/program.h"
#include "engine/constrain/regex.h"

namespace studio::engine::constrain {
namespace {

// Places looked at while states are made: half a second. Patterns of real schemas need a hundredth of it.
constexpr size_t kMaxWork = 2'000'000;
constexpr size_t kAutomatonBytes = 16u << 20;

Error too_many_states() {
  return Error(Code::kPayloadTooLarge,
               "a pattern, length or set of keys needs more than " + std::to_string(Dfa::kMaxStates) + " states");
}

bool begins_character(uint8_t byte) {
  return (byte & 0xC0) != 0x80;
}

// A byte as it stands in a JSON string.
std::string escaped(uint8_t byte) {
  constexpr std::string_view kShort = "btnvfr";  // 8 to 13; JSON has no \v
  if (byte == '"' || byte == '\\') return {'\\', static_cast<char>(byte)};
  if (byte >= 0x20) return {static_cast<char>(byte)};
  if (byte >= 8 && byte <= 13 && byte != 11) return {'\\', kShort[byte - 8u]};
  constexpr std::string_view kHex = "0123456789abcdef";
  return std::string("\\u00") + kHex[byte >> 4] + kHex[byte & 15];
}

// What tells bytes apart on both sides at once, numbered as it is met.
template <typename Left, typename Right>
std::pair<std::array<uint8_t, 256>, std::vector<uint8_t>> common_classes(const Left& left, const Right& right) {
  std::array<uint8_t, 256> class_of{};
  std::vector<uint8_t> one_of_each;
  std::map<std::pair<int, int>, uint8_t> known;
  for (size_t byte = 0; byte < 256; ++byte) {
    const auto [entry, is_new] =
        known.try_emplace(std::pair<int, int>(left(byte), right(byte)), static_cast<uint8_t>(known.size()));
    class_of[byte] = entry->second;
    if (is_new) one_of_each.push_back(static_cast<uint8_t>(byte));
  }
  return {class_of, one_of_each};
}

}  // namespace

std::string json_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) out += escaped(static_cast<uint8_t>(c));
  return out;
}

Dfa Dfa::with_states(size_t count, uint32_t start) {
  Classes each;
  for (size_t byte = 0; byte < 256; ++byte) each[byte] = static_cast<uint8_t>(byte);
  Dfa made = with_classes(each, 256);
  made.next_.resize(count * made.class_count_);
  made.may_end_.resize(count);
  made.start_ = start;
  return made;
}

Dfa Dfa::with_classes(const Classes& class_of, size_t count) {
  Dfa made;
  made.class_of_ = class_of;
  made.class_count_ = count;
  return made;
}

uint32_t Dfa::add_state() {
  next_.resize(next_.size() + class_count_, kDead);
  may_end_.push_back(0);
  return static_cast<uint32_t>(may_end_.size() - 1);
}

std::vector<uint8_t> Dfa::bytes_of_classes() const {
  std::vector<uint8_t> bytes(class_count_);
  for (size_t byte = 256; byte-- > 0;) bytes[class_of_[byte]] = static_cast<uint8_t>(byte);
  return bytes;
}

Result<Dfa> Dfa::of_expr(const Grammar& grammar, ExprId expr, bool stops_at_ends) {
  Grammar rooted = grammar;
  const RuleId root = rooted.add_rule();
  rooted.define(root, expr);
  const auto compiled = Program::compile(rooted, root);
  if (!compiled.ok() && compiled.error().code() == Code::kInvalidArgument) return with_states(1, kDead);  // no text
  STUDIO_TRY(const auto program, compiled);
  Automaton automaton(program, {.memory_bytes = kAutomatonBytes, .work = kMaxWork});
  if (automaton.is_full()) return too_many_states();
  const auto [class_of, bytes] =
      common_classes([&](size_t byte) { return program->class_of[byte]; },
                     [](size_t byte) { return begins_character(static_cast<uint8_t>(byte)) ? 1 : 0; });
  Dfa made = with_classes(class_of, bytes.size());
  made.start_ = automaton.start();
  // The automaton numbers its states from the dead one on in the order they are met.
  made.add_state();
  size_t work = 0;
  for (uint32_t state = 1; state < automaton.state_count(); ++state) {
    made.add_state();
    made.may_end_[state] = automaton.may_end(state) ? 1 : 0;
    for (size_t i = 0; i < bytes.size() && !(stops_at_ends && automaton.may_end(state)); ++i) {
      made.next_at(state, i) = automaton.step(state, bytes[i]);
    }
    work += automaton.ways(state) * bytes.size();
    if (automaton.state_count() > kMaxStates || automaton.is_full() || work > kMaxWork) return too_many_states();
  }
  made.tidy();
  return made;
}

// A pattern without $ is found or not: what comes after it does not matter, and following it further would make states
// for all that it could yet be found in.
Result<Dfa> Dfa::of_pattern(std::string_view pattern) {
  Grammar grammar;
  if (is_open_ended(pattern)) {
    STUDIO_TRY(const ExprId found, parse_regex(grammar, pattern, RegexMatch::kSearchToEnd));
    STUDIO_TRY(Dfa texts, of_expr(grammar, found, true));
    texts.go_on_with_any_text();
    return texts;
  }
  STUDIO_TRY(const ExprId expr, parse_regex(grammar, pattern, RegexMatch::kSearch));
  return of(grammar, expr);
}

Result<Dfa> Dfa::of_texts(std::vector<std::string> texts) {
  if (texts.empty()) return with_states(1, kDead);
  Grammar grammar;
  return of(grammar, grammar.literals(std::move(texts)));
}

const Dfa& Dfa::any_text() {
  static const Dfa texts = [] {
    Grammar grammar;
    return of(grammar, grammar.repeat(utf8_of(grammar, CodePoints::all()), 0, kNoLimit)).value();
  }();
  return texts;
}

void Dfa::go_on_with_any_text() {
  const Dfa& any = any_text();
  const Dfa before = std::move(*this);
  const auto [class_of, bytes] = common_classes([&](size_t byte) { return before.class_of_[byte]; },
                                                [&](size_t byte) { return any.class_of_[byte]; });
  *this = with_classes(class_of, bytes.size());
  const auto offset = static_cast<uint32_t>(before.state_count());
  const auto moved = [&](uint32_t state) { return before.may_end_[state] != 0 ? offset + any.start_ : state; };
  start_ = moved(before.start_);
  for (uint32_t state = 0; state < offset + any.state_count(); ++state) {
    add_state();
    if (state >= offset) may_end_[state] = any.may_end_[state - offset];
    for (size_t i = 0; i < bytes.size(); ++i) {
      if (state < offset) {
        next_at(state, i) = moved(before.next_at(state, before.class_of_[bytes[i]]));
      } else if (const uint32_t next = any.next_at(state - offset, any.class_of_[bytes[i]]); next != kDead) {
        next_at(state, i) = offset + next;
      }
    }
  }
}

Result<Dfa> Dfa::both(const Dfa& a, const Dfa& b) {
  const auto [class_of, bytes] =
      common_classes([&](size_t byte) { return a.class_of_[byte]; }, [&](size_t byte) { return b.class_of_[byte]; });
  std::unordered_map<uint64_t, uint32_t> ids;
  std::vector<std::pair<uint32_t, uint32_t>> pairs = {{kDead, kDead}};
  const auto id_of = [&](uint32_t in_a, uint32_t in_b) -> uint32_t {
    if (in_a == kDead || in_b == kDead) return kDead;
    const auto [entry, is_new] = ids.try_emplace(uint64_t{in_a} << 32 | in_b, static_cast<uint32_t>(pairs.size()));
    if (is_new) pairs.emplace_back(in_a, in_b);
    return entry->second;
  };
  Dfa made = with_classes(class_of, bytes.size());
  made.add_state();
  made.start_ = id_of(a.start_, b.start_);
  for (size_t state = 1; state < pairs.size(); ++state) {
    if (pairs.size() > kMaxStates) return too_many_states();
    const auto [in_a, in_b] = pairs[state];
    made.add_state();
    for (size_t i = 0; i < bytes.size(); ++i) {
      made.next_at(state, i) = id_of(a.next_at(in_a, a.class_of_[bytes[i]]), b.next_at(in_b, b.class_of_[bytes[i]]));
    }
    made.may_end_[state] = a.may_end_[in_a] & b.may_end_[in_b];
  }
  made.tidy();
  return made;
}

Result<Dfa> Dfa::others() const {
  Dfa inverted = *this;
  if (inverted.may_end_.empty()) inverted.add_state();
  const uint32_t elsewhere = inverted.add_state();  // where every text goes that this one does not know
  for (size_t state = 1; state < inverted.state_count(); ++state) {
    for (size_t i = 0; i < class_count_; ++i) {
      uint32_t& next = inverted.next_at(state, i);
      next = next == kDead ? elsewhere : next;
    }
    inverted.may_end_[state] ^= 1;
  }
  if (start_ == kDead) inverted.start_ = elsewhere;
  return both(inverted, any_text());
}

// The count of characters is part of the state: at most to `max`, or to `min` where there is no most.
Result<Dfa> Dfa::with_chars(uint32_t min, uint32_t max) const {
  std::unordered_map<uint64_t, uint32_t> ids;
  std::vector<std::pair<uint32_t, uint32_t>> counted = {{kDead, 0}};
  const auto id_of = [&](uint32_t state, uint32_t chars) -> uint32_t {
    if (state == kDead || chars > max) return kDead;
    if (max == kNoLimit) chars = std::min(chars, min);
    const auto [entry, is_new] = ids.try_emplace(uint64_t{state} << 32 | chars, static_cast<uint32_t>(counted.size()));
    if (is_new) counted.emplace_back(state, chars);
    return entry->second;
  };
  const std::vector<uint8_t> bytes = bytes_of_classes();
  Dfa made = with_classes(class_of_, class_count_);
  made.add_state();
  made.start_ = id_of(start_, 0);
  for (size_t state = 1; state < counted.size(); ++state) {
    if (counted.size() > kMaxStates) return too_many_states();
    const auto [here, chars] = counted[state];
    made.add_state();
    for (size_t i = 0; i < class_count_; ++i) {
      made.next_at(state, i) = id_of(next_at(here, i), chars + (begins_character(bytes[i]) ? 1 : 0));
    }
    made.may_end_[state] = may_end_[here] != 0 && chars >= min ? 1 : 0;
  }
  made.tidy();
  return made;
}

void Dfa::tidy() {
  std::vector<std::vector<uint32_t>> before(state_count());
  std::vector<uint32_t> pending;
  std::vector<uint8_t> ends(state_count(), 0);
  for (uint32_t state = 1; state < state_count(); ++state) {
    uint32_t last = kDead;
    for (size_t i = 0; i < class_count_; ++i) {
      const uint32_t next = next_at(state, i);
      if (next != last && next != kDead) before[next].push_back(state);
      last = next;
    }
    if (may_end_[state] != 0) pending.push_back(state);
  }
  while (!pending.empty()) {
    const uint32_t state = pending.back();
    pending.pop_back();
    if (std::exchange(ends[state], 1) != 0) continue;
    pending.insert(pending.end(), before[state].begin(), before[state].end());
  }
  for (uint32_t& next : next_) next = ends[next] != 0 ? next : kDead;
  if (ends[start_] == 0) start_ = kDead;
}

bool Dfa::matches(std::string_view text) const {
  uint32_t state = start_;
  for (const char c : text) state = next_at(state, class_of_[static_cast<uint8_t>(c)]);
  return state != kDead && may_end_[state] != 0;
}

uint32_t Dfa::min_chars() const {
  const std::vector<uint8_t> bytes = bytes_of_classes();
  std::vector<uint32_t> chars(state_count(), kNoLimit);
  std::vector<uint32_t> level, next_level;
  if (start_ != kDead) level.push_back(start_), chars[start_] = 0;
  for (uint32_t count = 0; !level.empty(); ++count) {
    for (size_t i = 0; i < level.size(); ++i) {  // grows by what is reached within the same count
      if (may_end_[level[i]] != 0) return count;
      for (size_t c = 0; c < class_count_; ++c) {
        const uint32_t next = next_at(level[i], c);
        const bool counts = begins_character(bytes[c]);
        if (next == kDead || chars[next] <= count + (counts ? 1 : 0)) continue;
        chars[next] = count + (counts ? 1 : 0);
        (counts ? next_level : level).push_back(next);
      }
    }
    level = std::exchange(next_level, {});
  }
  return 0;
}

// The longest way, depth first with a stack of its own; a loop on it means that there is none.
std::optional<uint32_t> Dfa::max_chars() const {
  enum : uint8_t { kNew, kOnPath, kDone };
  const std::vector<uint8_t> bytes = bytes_of_classes();
  std::vector<uint8_t> seen(state_count(), kNew);
  std::vector<uint32_t> longest(state_count(), 0);
  std::vector<std::pair<uint32_t, size_t>> path;
  if (start_ != kDead) path.emplace_back(start_, 0);
  while (!path.empty()) {
    auto& [state, c] = path.back();
    seen[state] = kOnPath;
    uint32_t next = kDead;
    for (; c < class_count_; ++c) {
      next = next_at(state, c);
      if (next == kDead) continue;
      if (seen[next] == kOnPath) return std::nullopt;
      if (seen[next] == kNew) break;
      longest[state] = std::max(longest[state], longest[next] + (begins_character(bytes[c]) ? 1 : 0));
    }
    if (c < class_count_) {
      path.emplace_back(next, 0);  // looked at again at the same class once it is done
    } else {
      seen[state] = kDone;
      path.pop_back();
    }
  }
  return state_count() == 0 ? 0 : longest[start_];
}

// Each state is a rule: a choice of bytes, each followed by the next state's rule. Escapes that lead to the same state
// are a rule too, as most states have the same ones.
ExprId Dfa::expr_of(Grammar& grammar, bool as_json) const {
  if (start_ == kDead) return grammar.nothing();
  std::vector<RuleId> rules(state_count());
  for (size_t state = 1; state < state_count(); ++state) rules[state] = grammar.add_rule();
  std::vector<ByteSet> plain(class_count_), as_escapes(class_count_);  // of a class
  for (size_t byte = 0; byte < 256; ++byte) {
    const bool is_plain = !as_json || escaped(static_cast<uint8_t>(byte)).size() == 1;
    (is_plain ? plain : as_escapes)[class_of_[byte]].set(byte);
  }
  std::unordered_map<ByteSet, ExprId> escapes;
  const auto escapes_of = [&](const ByteSet& set) {
    const auto [entry, is_new] = escapes.try_emplace(set, 0);
    if (!is_new) return entry->second;
    std::vector<std::string> texts;
    for (size_t byte = 0; byte < 256; ++byte) {
      if (set[byte]) texts.push_back(escaped(static_cast<uint8_t>(byte)));
    }
    const RuleId rule = grammar.add_rule();
    grammar.define(rule, grammar.literals(std::move(texts)));
    return entry->second = grammar.rule(rule);
  };
  std::map<uint32_t, std::pair<ByteSet, ByteSet>> ways;  // to each state: plain bytes, escaped ones
  for (size_t state = 1; state < state_count(); ++state) {
    ways.clear();
    for (size_t c = 0; c < class_count_; ++c) {
      if (next_at(state, c) == kDead) continue;
      auto& [of_plain, of_escapes] = ways[next_at(state, c)];
      of_plain |= plain[c];
      of_escapes |= as_escapes[c];
    }
    std::vector<ExprId> branches;
    for (const auto& [next, sets] : ways) {
      const ExprId escape = sets.second.any() ? escapes_of(sets.second) : grammar.nothing();
      branches.push_back(
          grammar.sequence({grammar.choice({grammar.bytes(sets.first), escape}), grammar.rule(rules[next])}));
    }
    if (may_end_[state] != 0) branches.push_back(grammar.empty());
    grammar.define(rules[state], grammar.choice(branches));
  }
  return grammar.rule(rules[start_]);
}

}  // namespace studio::engine::constrain
