#include "engine/constrain/call_heads.h"

#include <algorithm>

namespace studio::engine::constrain {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
// What was seen around calls in answers of Qwen2.5-Coder; the closing ones stand between two calls.
constexpr std::string_view kTags[] = {"<tools>", "</tools>", "<function_call>", "</function_call>", kToolCallClose};
constexpr std::string_view kFenceLanguage = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-";

}  // namespace

CallHeads::CallHeads(std::span<const std::string> names, Form form) : nodes_(5) {
  add_last(kTagBegins, kToolCallOpen.substr(1), kTag);
  add_line_start(form);
  if (names.empty()) return;
  if (form == Form::kCoder) {
    add_function_tags(names);
  } else {
    add_names(names);
  }
}

CallHeads::State CallHeads::add_node() {
  nodes_.emplace_back();
  return static_cast<State>(nodes_.size() - 1);
}

// Bytes that have a way already keep it.
void CallHeads::link(State from, std::string_view bytes, State to) {
  auto& next = nodes_[from].next;
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    if (std::ranges::find(next, byte, &std::pair<uint8_t, State>::first) == next.end()) next.emplace_back(byte, to);
  }
}

// Where the byte leads by what was linked; a new node where nothing was.
CallHeads::State CallHeads::follow(State from, uint8_t byte) {
  for (const auto& [linked, to] : nodes_[from].next) {
    if (linked == byte) return to;
  }
  const State made = add_node();
  nodes_[from].next.emplace_back(byte, made);
  return made;
}

CallHeads::State CallHeads::add_text(State from, std::string_view text) {
  for (const char c : text) from = follow(from, static_cast<uint8_t>(c));
  return from;
}

void CallHeads::add_last(State from, std::string_view text, State to) {
  link(add_text(from, text.substr(0, text.size() - 1)), text.substr(text.size() - 1), to);
}

// White space within an object. A line begins in it too, so behind a line end a head may begin anew.
CallHeads::State CallHeads::add_space(State from) {
  const State fresh = add_node();
  link(from, " \t\r", from);
  link(from, "\n", fresh);
  link(fresh, kBlanks, fresh);
  return fresh;
}

void CallHeads::add_line_start(Form form) {
  object_ = add_node();
  fence_ = add_node();
  tags_ = add_node();
  for (const State state : {kLineStart, kBetween}) {
    link(state, kBlanks, state);
    link(state, "`", fence_);
    link(state, "<", tags_);
    if (form == Form::kCoder) continue;
    link(state, state == kBetween ? "[,]" : "[", state);
    link(state, "{", object_);
  }
  add_last(tags_, kToolCallOpen.substr(1), kTag);
  for (const std::string_view tag : kTags) add_last(tags_, tag.substr(1), kLineStart);
  add_fence(form);
}

void CallHeads::add_fence(Form form) {
  const State language = add_text(fence_, "``");
  link(language, kFenceLanguage, language);
  link(language, kBlanks, kLineStart);
  if (form == Form::kJson) link(language, "{", object_);
}

void CallHeads::add_function_tags(std::span<const std::string> names) {
  const State name = add_text(tags_, kFunctionOpen.substr(1));
  for (size_t i = 0; i < names.size(); ++i) {
    nodes_[add_text(add_text(name, names[i]), kFunctionNameEnd)].found = i;
  }
}

void CallHeads::add_names(std::span<const std::string> names) {
  // What may begin anew in white space stands behind what is expected there, so that this comes first.
  std::vector<State> fresh_lines;
  const auto spaced = [&](State from, std::string_view text) {
    const State fresh = add_space(from);
    const State next = add_text(from, text);
    link(fresh, text.substr(0, 1), follow(from, static_cast<uint8_t>(text.front())));
    fresh_lines.push_back(fresh);
    return next;
  };
  const State key = spaced(spaced(object_, "\"name\""), ":");
  const State quote = spaced(key, "\"");
  for (size_t i = 0; i < names.size(); ++i) {
    const State name = add_text(quote, names[i] + "\"");
    const State end = spaced(spaced(spaced(name, ","), "\"arguments\""), ":");
    nodes_[end].found = i;
  }
  for (const State fresh : fresh_lines) {
    link(fresh, "[", kLineStart);
    link(fresh, "{", object_);
    link(fresh, "`", fence_);
    link(fresh, "<", tags_);
  }
}

CallHeads::State CallHeads::other_next(uint8_t byte) const {
  if (byte == '\n') return kLineStart;
  return byte == '<' ? kTagBegins : kInLine;
}

CallHeads::State CallHeads::step(State state, uint8_t byte) const {
  for (const auto& [linked, to] : nodes_[state].next) {
    if (linked == byte) return to;
  }
  return other_next(byte);
}

std::optional<size_t> CallHeads::found(State state) const {
  return nodes_[state].found;
}

std::map<CallHeads::State, ByteSet> CallHeads::ways_from(State state) const {
  std::map<State, ByteSet> ways;
  ByteSet others = ~ByteSet();
  for (const auto& [byte, to] : nodes_[state].next) {
    ways[to].set(byte);
    others.reset(byte);
  }
  for (const char c : {'\n', '<'}) {
    const auto byte = static_cast<uint8_t>(c);
    if (others[byte]) ways[other_next(byte)].set(byte);
    others.reset(byte);
  }
  ways[kInLine] |= others;
  return ways;
}

std::vector<RuleId> CallHeads::add_to(Grammar& grammar, const std::function<ExprId(State)>& after) const {
  std::vector<RuleId> rules(nodes_.size());
  for (RuleId& rule : rules) rule = grammar.add_rule();
  for (State state = 0; state < nodes_.size(); ++state) {
    if (state == kTag || nodes_[state].found) {
      grammar.define(rules[state], after(state));
      continue;
    }
    std::vector<ExprId> branches = {grammar.empty()};
    for (const auto& [to, bytes] : ways_from(state)) {
      branches.push_back(grammar.sequence({grammar.bytes(bytes), grammar.rule(rules[to])}));
    }
    grammar.define(rules[state], grammar.choice(branches));
  }
  return rules;
}

}  // namespace studio::engine::constrain
