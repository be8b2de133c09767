#include "inference/tool_call_text.h"

#include <algorithm>

#include "base/digest.h"
#include "base/json.h"
#include "engine/constrain/parameter_text.h"
#include "engine/constrain/tool_grammar.h"

namespace studio::inference {
namespace {

namespace json = boost::json;
using engine::constrain::kFunctionClose;
using engine::constrain::kFunctionNameEnd;
using engine::constrain::kFunctionOpen;
using engine::constrain::kParameterNameEnd;
using engine::constrain::kParameterOpen;
using engine::constrain::kToolCallClose;
using engine::constrain::WrittenAs;

constexpr std::string_view kHermesName = "{\"name\": ", kHermesArguments = ", \"arguments\": ";
constexpr std::string_view kEndOfValue = "\n</parameter>\n";
constexpr std::string_view kSpace = " \t\r\n";
constexpr size_t kIdDigits = 24;  // as long as others make them

// How many bytes at the end of the text begin the tag.
size_t possible_tag_bytes(std::string_view text, std::string_view tag) {
  for (size_t bytes = std::min(text.size(), tag.size() - 1); bytes > 0; --bytes) {
    if (text.ends_with(tag.substr(0, bytes))) return bytes;
  }
  return 0;
}

std::vector<std::string> plain_names(const ToolSet& set) {
  std::vector<std::string> names;
  if (!set.has_plain_calls) return names;
  for (const ToolDefinition& tool : set.tools) names.push_back(tool.name);
  return names;
}

// Without its quotes.
std::string escaped(std::string_view text) {
  std::string quoted;
  append_json_string(quoted, text);
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace

ToolCallText::ToolCallText(std::shared_ptr<const ToolSet> tools, ToolFormat format, std::string answer_id)
    : tools_(std::move(tools)),
      format_(format),
      answer_id_(std::move(answer_id)),
      heads_(plain_names(*tools_), format == ToolFormat::kCoder ? Heads::Form::kCoder : Heads::Form::kJson) {}

void ToolCallText::push(ChoiceDelta& delta, bool is_end) {
  held_ += delta.text;
  delta.text.clear();
  while (!is_over_ && step(delta, is_end)) {
  }
}

// Whether there may be more to read in what is held.
bool ToolCallText::step(ChoiceDelta& delta, bool is_end) {
  switch (part_) {
    case Part::kText:
      return read_text(delta, is_end);
    case Part::kOpening:
      return read_opening(delta);
    case Part::kArguments:
      return read_arguments(delta);
    case Part::kParameter:
      return read_parameter(delta);
    case Part::kValue:
    case Part::kTextValue:
    case Part::kJsonValue:
      return read_value(delta, is_end);
    case Part::kClosing:
      return read_closing();
  }
  return false;
}

// What was seen since the last byte that no head of a call could hold is part of the call that is found.
bool ToolCallText::read_text(ChoiceDelta& delta, bool is_end) {
  size_t text = 0;
  while (seen_ < held_.size() && head_ != Heads::kTag && !heads_.found(head_)) {
    head_ = heads_.step(head_, static_cast<uint8_t>(held_[seen_]));
    if (head_ == Heads::kTagBegins) text = seen_;
    ++seen_;
    if (head_ == Heads::kInLine) text = seen_;
  }
  const std::optional<size_t> function = heads_.found(head_);
  const bool is_found = head_ == Heads::kTag || function;
  tell_text(is_end && !is_found ? held_.size() : text, delta);
  if (!is_found || is_over_) return false;
  held_.erase(0, seen_);
  is_plain_ = function.has_value();
  part_ = Part::kOpening;
  if (!function) return true;
  const std::string& name = tools_->tools[*function].name;
  if (format_ == ToolFormat::kCoder) {
    begin_coder_call(name, delta);
  } else {
    begin_call(name, delta);
    part_ = Part::kArguments;
  }
  return true;
}

// The first bytes of what is held are text.
void ToolCallText::tell_text(size_t bytes, ChoiceDelta& delta) {
  if (calls_ == 0) delta.text.append(held_, 0, bytes);
  is_over_ = calls_ > 0 && bytes > 0;
  held_.erase(0, bytes);
  seen_ -= bytes;
}

bool ToolCallText::read_opening(ChoiceDelta& delta) {
  held_.erase(0, std::min(held_.find_first_not_of('\n'), held_.size()));
  return format_ == ToolFormat::kCoder ? read_coder_opening(delta) : read_hermes_opening(delta);
}

bool ToolCallText::read_hermes_opening(ChoiceDelta& delta) {
  const size_t arguments = held_.find(kHermesArguments);
  if (!held_.starts_with(kHermesName) || arguments == std::string::npos) return false;
  auto name = parse_json(std::string_view(held_).substr(kHermesName.size(), arguments - kHermesName.size()));
  if (!name.ok() || !name->is_string()) return false;
  held_.erase(0, arguments + kHermesArguments.size());
  begin_call(std::string(name->get_string()), delta);
  part_ = Part::kArguments;
  return true;
}

bool ToolCallText::read_coder_opening(ChoiceDelta& delta) {
  const size_t end = held_.find(kFunctionNameEnd);
  if (!held_.starts_with(kFunctionOpen) || end == std::string::npos) return false;
  const std::string name = held_.substr(kFunctionOpen.size(), end - kFunctionOpen.size());
  held_.erase(0, end + kFunctionNameEnd.size());
  begin_coder_call(name, delta);
  return true;
}

void ToolCallText::begin_coder_call(const std::string& name, ChoiceDelta& delta) {
  begin_call(name, delta);
  add_arguments("{", delta);
  has_parameters_ = false;
  part_ = Part::kParameter;
}

// Up to the brace that closes the first one.
bool ToolCallText::read_arguments(ChoiceDelta& delta) {
  if (!has_arguments_) held_.erase(0, std::min(held_.find_first_not_of(kSpace), held_.size()));
  has_arguments_ = has_arguments_ || !held_.empty();
  size_t end = 0;
  bool is_over = false;
  for (; end < held_.size() && !is_over; ++end) {
    const char c = held_[end];
    if (is_in_string_) {
      if (is_escaped_) {
        is_escaped_ = false;
      } else if (c == '\\') {
        is_escaped_ = true;
      } else if (c == '"') {
        is_in_string_ = false;
      }
    } else if (c == '"') {
      is_in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (c == '}' || c == ']') {
      is_over = --depth_ == 0;
    }
  }
  add_arguments(std::string_view(held_).substr(0, end), delta);
  held_.erase(0, end);
  if (!is_over) return false;
  end_call(delta);
  return true;
}

bool ToolCallText::read_parameter(ChoiceDelta& delta) {
  if (held_.starts_with(kFunctionClose)) {
    held_.erase(0, kFunctionClose.size());
    add_arguments("}", delta);
    end_call(delta);
    return true;
  }
  const size_t end = held_.find(kParameterNameEnd);
  if (!held_.starts_with(kParameterOpen) || end == std::string::npos) return false;
  const std::string name = held_.substr(kParameterOpen.size(), end - kParameterOpen.size());
  held_.erase(0, end + kParameterNameEnd.size());
  std::string key = has_parameters_ ? ", " : "";
  append_json_string(key, name);
  key += ": ";
  has_parameters_ = true;
  add_arguments(key, delta);
  value_types_ = parameter_types().of(name);
  part_ = Part::kValue;
  return true;
}

// Whether it is known by now how the value is written.
bool ToolCallText::begin_value(std::string_view beginning, bool is_whole, ChoiceDelta& delta) {
  const WrittenAs as = engine::constrain::written_as(beginning, is_whole, value_types_);
  if (as == WrittenAs::kUnknown) return false;
  if (as == WrittenAs::kText) add_arguments("\"", delta);
  part_ = as == WrittenAs::kText ? Part::kTextValue : Part::kJsonValue;
  return true;
}

bool ToolCallText::read_value(ChoiceDelta& delta, bool is_end) {
  const size_t close = held_.find(kEndOfValue);
  size_t end = close != std::string::npos ? close : held_.size() - possible_tag_bytes(held_, kEndOfValue);
  if (is_end && close == std::string::npos) end = held_.size();
  const std::string_view value = std::string_view(held_).substr(0, end);
  const bool is_whole = is_end || close != std::string::npos;
  if (part_ == Part::kValue && !begin_value(value, is_whole, delta)) return false;
  const bool is_text = part_ == Part::kTextValue;
  add_arguments(is_text ? escaped(value) : std::string(value), delta);
  if (close == std::string::npos) {
    held_.erase(0, end);
    return false;
  }
  held_.erase(0, close + kEndOfValue.size());
  if (is_text) add_arguments("\"", delta);
  part_ = Part::kParameter;
  return true;
}

bool ToolCallText::read_closing() {
  // A tag that closes what none opened is of what lies between calls.
  const std::string_view close = !is_plain_ ? kToolCallClose : format_ == ToolFormat::kCoder ? "" : "}";
  const size_t at = held_.find(close);
  if (at == std::string::npos) return false;
  held_.erase(0, at + close.size());
  part_ = Part::kText;
  head_ = Heads::kBetween;
  seen_ = 0;
  is_over_ = calls_ >= tools_->choice.most_calls();
  return true;
}

void ToolCallText::begin_call(std::string name, ChoiceDelta& delta) {
  name_ = std::move(name);
  const std::string digest = to_hex(sha256(answer_id_ + "/" + std::to_string(calls_)));
  delta.tool_calls.push_back(
      {.index = calls_, .id = "call_" + digest.substr(0, kIdDigits), .name = name_, .arguments = {}});
  ++calls_;
  depth_ = 0;
  has_arguments_ = is_in_string_ = is_escaped_ = false;
}

void ToolCallText::add_arguments(std::string_view text, ChoiceDelta& delta) {
  if (text.empty()) return;
  const int index = calls_ - 1;
  if (delta.tool_calls.empty() || delta.tool_calls.back().index != index) {
    delta.tool_calls.push_back({.index = index, .id = {}, .name = {}, .arguments = {}});
  }
  delta.tool_calls.back().arguments += text;
}

void ToolCallText::end_call(ChoiceDelta& delta) {
  if (delta.tool_calls.empty() || delta.tool_calls.back().index != calls_ - 1) {
    delta.tool_calls.push_back({.index = calls_ - 1, .id = {}, .name = {}, .arguments = {}});
  }
  delta.tool_calls.back().is_last = true;
  part_ = Part::kClosing;
}

// Of the function that is called. What the schema does not say, because it is none, is read as it looks.
const engine::constrain::ParameterTypes& ToolCallText::parameter_types() {
  const auto [known, is_new] = parameter_types_.try_emplace(name_);
  const auto tool = std::ranges::find(tools_->tools, name_, &ToolDefinition::name);
  if (!is_new || tool == tools_->tools.end()) return known->second;
  auto types = engine::constrain::parameter_types(tool->parameters);
  if (types.ok()) known->second = *std::move(types);
  return known->second;
}

}  // namespace studio::inference
