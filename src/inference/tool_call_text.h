// Calls out of an answer's text, as it comes: what stands before the first one is text, the rest is calls. Where one
// begins, engine/constrain/call_heads.h says; what may belong to its head is held back until it does or cannot.
//
// Behind a call text that is none ends the answer (is_over()) and is no part of it.
// Arguments are passed on as they are written, so that a stream's pieces together are the whole; the coder's form has
// its own writing and becomes JSON here. What the model could not have been held to, because the answer was cut short,
// stays a call that breaks off. A function of the text alone. One per choice; not thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/constrain/call_heads.h"
#include "engine/constrain/parameter_text.h"
#include "inference/generation.h"
#include "inference/tools.h"

namespace studio::inference {

class ToolCallText {
 public:
  // `answer_id` makes the ids of calls: one answer's are the same whenever it is computed.
  ToolCallText(std::shared_ptr<const ToolSet> tools, ToolFormat format, std::string answer_id);

  // Moves what the delta has of text on: into text again, or calls. `is_end`: nothing follows.
  void push(ChoiceDelta& delta, bool is_end);

  int calls() const { return calls_; }
  // There are as many whole calls as may be, or something else follows them: the answer ends here.
  bool is_over() const { return is_over_; }

 private:
  using Heads = engine::constrain::CallHeads;
  enum class Part { kText, kOpening, kArguments, kParameter, kValue, kTextValue, kJsonValue, kClosing };

  bool step(ChoiceDelta& delta, bool is_end);
  bool read_text(ChoiceDelta& delta, bool is_end);
  void tell_text(size_t bytes, ChoiceDelta& delta);
  bool read_opening(ChoiceDelta& delta);
  bool read_hermes_opening(ChoiceDelta& delta);
  bool read_coder_opening(ChoiceDelta& delta);
  bool read_arguments(ChoiceDelta& delta);
  bool read_parameter(ChoiceDelta& delta);
  bool read_value(ChoiceDelta& delta, bool is_end);
  bool begin_value(std::string_view beginning, bool is_whole, ChoiceDelta& delta);
  bool read_closing();
  void begin_call(std::string name, ChoiceDelta& delta);
  void begin_coder_call(const std::string& name, ChoiceDelta& delta);
  void add_arguments(std::string_view text, ChoiceDelta& delta);
  void end_call(ChoiceDelta& delta);
  const engine::constrain::ParameterTypes& parameter_types();

  const std::shared_ptr<const ToolSet> tools_;
  const ToolFormat format_;
  const std::string answer_id_;
  const Heads heads_;
  Part part_ = Part::kText;
  std::string held_;
  Heads::State head_ = Heads::kLineStart;  // behind the first seen_ bytes that are held
  size_t seen_ = 0;
  bool is_plain_ = false;  // the call under way has no tag
  bool is_over_ = false;
  int calls_ = 0;
  std::string name_;  // of the call under way
  int depth_ = 0;     // of its arguments' braces and brackets
  bool has_arguments_ = false;
  bool is_in_string_ = false, is_escaped_ = false;
  bool has_parameters_ = false;
  std::map<std::string, engine::constrain::ParameterTypes> parameter_types_;  // of functions that were called
  uint8_t value_types_ = 0;                                                   // of the parameter under way
};

}  // namespace studio::inference
