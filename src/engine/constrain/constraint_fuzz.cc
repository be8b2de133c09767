// Any text as a schema, a pattern or a grammar: refused with a reason, or a constraint whose allowed bytes lead to an
// end. Input: a byte that chooses the kind, then the text.
#include <boost/json/parse.hpp>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>

#include "base/json_mutator.h"
#include "engine/constrain/constraint.h"
#include "engine/constrain/matcher.h"
#include "engine/constrain/spec.h"

namespace {

using namespace studio;
using namespace studio::engine::constrain;

constexpr size_t kDeepest = 1024;

void check(bool holds) {
  if (!holds) std::abort();
}

Constraint::Made compile(uint8_t kind, std::string_view text) {
  switch (kind % 5) {
    case 0:
      return Constraint::from_schema_text(text);
    case 1:
      return Constraint::from_regex(text);
    case 2:
      return Constraint::from_gbnf(text);
    case 3:
      return Constraint::from_lark(text);
    default:
      return compile_spec(text);
  }
}

// Follows allowed bytes, another one each time, towards an end; what is allowed must go on or be allowed to end.
void walk(const Constraint& constraint, bool is_json) {
  Automaton automaton(constraint.program(), {.memory_bytes = 8u << 20, .work = 4'000'000});
  StateId state = automaton.start();
  std::string text;
  for (size_t i = 0; i < 300; ++i) {
    if (automaton.may_end(state) && is_json) {
      std::error_code error;
      boost::json::parse_options deep;  // an enum's values may nest further than the parser takes by itself
      deep.max_depth = kDeepest;
      boost::json::parse(text, error, {}, deep);
      check(!error);
    }
    StateId next = Automaton::kDead;
    uint8_t byte = 0;
    for (size_t tried = 0; tried < 256 && next == Automaton::kDead; ++tried) {
      byte = static_cast<uint8_t>(i * 37 + tried * 101 + i * i);
      next = automaton.step(state, byte);
    }
    if (next == Automaton::kDead) {
      check(automaton.may_end(state) || automaton.is_full() || automaton.met_depth_limit());
      return;
    }
    const int forced = automaton.forced_byte(state);
    check(forced < 0 || forced == byte);
    const int visible = automaton.only_visible_byte(state);
    check(visible < 0 || visible == byte || byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t');
    check(visible < 0 || automaton.step(state, static_cast<uint8_t>(visible)) != Automaton::kDead ||
          automaton.is_full() || automaton.met_depth_limit());
    text += static_cast<char>(byte);
    state = next;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  auto made = compile(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  if (!made.ok()) {
    check(!made.error().message().empty());
    return 0;
  }
  walk(**made, data[0] % 5 == 0);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  if (size > 0 && (data[0] % 5 == 0 || data[0] % 5 == 4))
    return fuzz::mutate_as<fuzz::JsonMutator>(data, size, max_size, seed, 1);
  return LLVMFuzzerMutate(data, size, max_size);
}
