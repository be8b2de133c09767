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

}  // namespace

std::string json_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) out += escaped(static_cast<uint8_t>(c));
  return out;
}

Dfa Dfa::with_states(size_t count, uint32_t start) {
  Dfa made;
  made.next_.resize(count);
  made.may_end_.resize(count);
  made.start_ = start;
  return made;
}

Result<Dfa> Dfa::of(const Grammar& grammar, ExprId expr) {
  Grammar rooted = grammar;
  const RuleId root = rooted.add_rule();
  rooted.define(root, expr);
  STUDIO_TRY(const auto program, Program::compile(rooted, root));
  Automaton automaton(program, kAutomatonBytes);
  Dfa made = with_states(2, automaton.start());
  // The automaton numbers its states from the dead one on in the order they are met.
  for (uint32_t state = 1; state < automaton.state_count(); ++state) {
    made.next_.resize(automaton.state_count());
    made.may_end_.resize(automaton.state_count());
    for (size_t byte = 0; byte < 256; ++byte) {
      made.next_[state][byte] = automaton.step(state, static_cast<uint8_t>(byte));
    }
    made.may_end_[state] = automaton.may_end(state) ? 1 : 0;
    if (automaton.state_count() > kMaxStates || automaton.is_full()) return too_many_states();
  }
  made.tidy();
  return made;
}

Result<Dfa> Dfa::of_pattern(std::string_view pattern) {
  Grammar grammar;
  STUDIO_TRY(const ExprId expr, parse_regex(grammar, pattern, RegexMatch::kSearch));
  return of(grammar, expr);
}

Result<Dfa> Dfa::of_texts(std::vector<std::string> texts) {
  if (texts.empty()) return with_states(1, kDead);
  Grammar grammar;
  return of(grammar, grammar.literals(std::move(texts)));
}

Result<Dfa> Dfa::of_length(uint32_t min_chars, uint32_t max_chars) {
  if (min_chars > kMaxStates || (max_chars != kNoLimit && max_chars > kMaxStates)) return too_many_states();
  Grammar grammar;
  return of(grammar, grammar.repeat(utf8_of(grammar, CodePoints::all()), min_chars, max_chars));
}

Result<Dfa> Dfa::both(const Dfa& a, const Dfa& b) {
  std::unordered_map<uint64_t, uint32_t> ids;
  std::vector<std::pair<uint32_t, uint32_t>> pairs = {{kDead, kDead}};
  const auto id_of = [&](uint32_t in_a, uint32_t in_b) -> uint32_t {
    if (in_a == kDead || in_b == kDead) return kDead;
    const auto [entry, is_new] = ids.try_emplace(uint64_t{in_a} << 32 | in_b, static_cast<uint32_t>(pairs.size()));
    if (is_new) pairs.emplace_back(in_a, in_b);
    return entry->second;
  };
  Dfa made = with_states(1, id_of(a.start_, b.start_));
  for (size_t state = 1; state < pairs.size(); ++state) {
    if (pairs.size() > kMaxStates) return too_many_states();
    const auto [in_a, in_b] = pairs[state];
    std::array<uint32_t, 256> next{};
    for (size_t byte = 0; byte < 256; ++byte) next[byte] = id_of(a.next_[in_a][byte], b.next_[in_b][byte]);
    made.next_.push_back(next);
    made.may_end_.push_back(a.may_end_[in_a] & b.may_end_[in_b]);
  }
  made.tidy();
  return made;
}

Result<Dfa> Dfa::others() const {
  Dfa inverted = *this;
  const auto elsewhere = static_cast<uint32_t>(size());  // where every text goes that this one does not know
  inverted.next_.emplace_back();
  inverted.may_end_.push_back(0);
  for (size_t state = 1; state < inverted.size(); ++state) {
    for (uint32_t& next : inverted.next_[state]) next = next == kDead ? elsewhere : next;
    inverted.may_end_[state] ^= 1;
  }
  if (start_ == kDead) inverted.start_ = elsewhere;
  STUDIO_TRY(const Dfa texts, of_length(0, kNoLimit));
  return both(inverted, texts);
}

void Dfa::tidy() {
  std::vector<std::vector<uint32_t>> before(size());
  std::vector<uint32_t> pending;
  std::vector<uint8_t> ends(size(), 0);
  for (uint32_t state = 1; state < size(); ++state) {
    uint32_t last = kDead;
    for (const uint32_t next : next_[state]) {
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
  for (auto& nexts : next_) {
    for (uint32_t& next : nexts) next = ends[next] != 0 ? next : kDead;
  }
  if (ends[start_] == 0) start_ = kDead;
}

bool Dfa::matches(std::string_view text) const {
  uint32_t state = start_;
  for (const char c : text) state = next_[state][static_cast<uint8_t>(c)];
  return state != kDead && may_end_[state] != 0;
}

uint32_t Dfa::min_chars() const {
  std::vector<uint32_t> chars(size(), kNoLimit);
  std::vector<uint32_t> level, next_level;
  if (start_ != kDead) level.push_back(start_), chars[start_] = 0;
  for (uint32_t count = 0; !level.empty(); ++count) {
    for (size_t i = 0; i < level.size(); ++i) {  // grows by what is reached within the same count
      if (may_end_[level[i]] != 0) return count;
      for (size_t byte = 0; byte < 256; ++byte) {
        const uint32_t next = next_[level[i]][byte];
        const bool counts = begins_character(static_cast<uint8_t>(byte));
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
  std::vector<uint8_t> seen(size(), kNew);
  std::vector<uint32_t> longest(size(), 0);
  std::vector<std::pair<uint32_t, size_t>> path;
  if (start_ != kDead) path.emplace_back(start_, 0);
  while (!path.empty()) {
    auto& [state, byte] = path.back();
    seen[state] = kOnPath;
    uint32_t next = kDead;
    for (; byte < 256; ++byte) {
      next = next_[state][byte];
      if (next == kDead) continue;
      if (seen[next] == kOnPath) return std::nullopt;
      if (seen[next] == kNew) break;
      const uint32_t more = begins_character(static_cast<uint8_t>(byte)) ? 1 : 0;
      longest[state] = std::max(longest[state], longest[next] + more);
    }
    if (byte < 256) {
      path.emplace_back(next, 0);  // looked at again at the same byte once it is done
    } else {
      seen[state] = kDone;
      path.pop_back();
    }
  }
  return longest[start_];
}

// Each state is a rule: a choice of bytes, each followed by the next state's rule. Escapes that lead to the same state
// are a rule too, as most states have the same ones.
ExprId Dfa::expr_of(Grammar& grammar, bool as_json) const {
  if (start_ == kDead) return grammar.nothing();
  std::vector<RuleId> rules(size());
  for (size_t state = 1; state < size(); ++state) rules[state] = grammar.add_rule();
  std::map<std::string, ExprId> escapes;
  const auto escapes_of = [&](const ByteSet& set) {
    const auto [entry, is_new] = escapes.try_emplace(set.to_string(), 0);
    if (!is_new) return entry->second;
    std::vector<std::string> texts;
    for (size_t byte = 0; byte < 256; ++byte) {
      if (set[byte]) texts.push_back(escaped(static_cast<uint8_t>(byte)));
    }
    const RuleId rule = grammar.add_rule();
    grammar.define(rule, grammar.literals(std::move(texts)));
    return entry->second = grammar.rule(rule);
  };
  for (size_t state = 1; state < size(); ++state) {
    std::map<uint32_t, ByteSet> plain, as_escapes;
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t next = next_[state][byte];
      if (next == kDead) continue;
      const bool is_plain = !as_json || escaped(static_cast<uint8_t>(byte)).size() == 1;
      (is_plain ? plain : as_escapes)[next].set(byte);
    }
    std::vector<ExprId> branches;
    for (const auto& [next, set] : plain) {
      branches.push_back(grammar.sequence({grammar.bytes(set), grammar.rule(rules[next])}));
    }
    for (const auto& [next, set] : as_escapes) {
      branches.push_back(grammar.sequence({escapes_of(set), grammar.rule(rules[next])}));
    }
    if (may_end_[state] != 0) branches.push_back(grammar.empty());
    grammar.define(rules[state], grammar.choice(branches));
  }
  return grammar.rule(rules[start_]);
}

}  // namespace studio::engine::constrain
