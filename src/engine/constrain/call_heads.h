// Where a call of a function begins in a text, however the model spells it: a machine over bytes, one for the grammar
// that holds an answer and for who reads it, so that both mean the same.
//
// A call begins with <tool_call>, wherever that stands, or, at the start of a line, with the JSON of a call to one of
// the known functions, up to the colon behind "arguments":
//
//   {"name": "f", "arguments":
//
// with white space as JSON has it, and before it on its line or the lines above it a code fence (```json), [, <tools>
// or <function_call>. So write models that know functions but were not taught the tag, as Qwen2.5-Coder. Any other
// JSON is text, an object with a name too: only both keys, in this order, and a function of the request make a call.
// In the coder's form (tool_grammar.h) it is the line of a known function that begins a call there, also in a fence:
//
//   <function=f>
//
// So does Qwen3-Coder write at times, which closes the call with a tag that it did not open. Immutable once made.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/constrain/grammar.h"

namespace studio::engine::constrain {

inline constexpr std::string_view kToolCallOpen = "<tool_call>", kToolCallClose = "</tool_call>";
inline constexpr std::string_view kFunctionOpen = "<function=", kFunctionNameEnd = ">\n",
                                  kFunctionClose = "</function>";

class CallHeads {
 public:
  using State = uint32_t;
  // In a line: no call begins here but by the tag. At the start of one, or behind what may stand before a call there.
  static constexpr State kInLine = 0, kLineStart = 1;
  // Behind a call: as kLineStart, and commas and closing brackets may come.
  static constexpr State kBetween = 2;
  static constexpr State kTag = 3;        // found: <tool_call>
  static constexpr State kTagBegins = 4;  // its first byte, where no other head may begin

  enum class Form : uint8_t { kJson, kCoder };

  // Heads of these functions; none: the tag alone.
  explicit CallHeads(std::span<const std::string> names, Form form = Form::kJson);

  State step(State state, uint8_t byte) const;
  // Which function's head is complete.
  std::optional<size_t> found(State state) const;

  // Texts from a state on that hold no call, or one call's head and what `after` gives for its state, as a rule for
  // each of the states.
  std::vector<RuleId> add_to(Grammar& grammar, const std::function<ExprId(State)>& after) const;

 private:
  struct Node {
    std::vector<std::pair<uint8_t, State>> next;  // other bytes: other_next()
    std::optional<size_t> found;                  // nothing follows
  };

  State add_node();
  void link(State from, std::string_view bytes, State to);
  State follow(State from, uint8_t byte);
  State add_text(State from, std::string_view text);
  void add_last(State from, std::string_view text, State to);
  State add_space(State from);
  void add_line_start(Form form);
  void add_fence(Form form);
  void add_names(std::span<const std::string> names);
  void add_function_tags(std::span<const std::string> names);
  State other_next(uint8_t byte) const;
  std::map<State, ByteSet> ways_from(State state) const;

  std::vector<Node> nodes_;
  State object_ = kInLine, fence_ = kInLine, tags_ = kInLine;  // behind { ` < at the start of a line
};

}  // namespace studio::engine::constrain
