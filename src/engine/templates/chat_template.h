// Chat templates: a bounded interpreter for the Jinja subset that models ship with.
//
// compile() once per model, render() once per request. Output equals that of jinja2 as transformers sets it up (an
// immutable sandbox, trim_blocks, lstrip_blocks, loop controls, `generation` blocks, its own tojson).
// The template comes from a stranger and the context from a caller, so everything is bounded: source, nesting, steps,
// sizes; nothing is reachable but the context and fixed tables of filters, tests and methods.
//
// Every byte of the output knows its origin. Bytes that the template spells are the template's; whatever derives from a
// string of the context is the caller's, through every filter, slice and method; what is in doubt is the caller's. A
// tokenizer that parses control tokens in template bytes alone cannot be tricked by a text that spells one.
// Threads: a compiled template is immutable; any number of threads may render with it.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace studio::engine {

inline constexpr size_t kMaxTemplateBytes = 256u << 10;  // the longest template in public use is below 100 kB

// Reaching a limit is an invalid_argument that names it.
struct RenderLimits {
  // An operation costs one step, and one more for each 16 to 256 bytes it works through (budget.h): 100 ms in all. A
  // long conversation takes about 100 steps a message.
  size_t steps = 1'000'000;
  size_t output_bytes = 16u << 20;  // four times the text of a context of a million tokens
  size_t string_bytes = 16u << 20;  // one string on the way to the output
  size_t items = 1u << 17;          // of one list; above the sandbox's own limit on range(), 100,000
};

struct RenderOptions {
  // Top-level variables beside the context whose strings the host vouches for (bos_token, eos_token): their bytes count
  // as the template's. Not owned; may be null. A name in both is the trusted one.
  const boost::json::object* trusted = nullptr;
  std::chrono::system_clock::time_point now{};  // what strftime_now() prints, in UTC
  RenderLimits limits{};
};

struct Rendered {
  struct Span {
    size_t begin = 0, end = 0;  // bytes of text, end excluded
    bool operator==(const Span&) const = default;
  };
  struct Segment {
    std::string_view text;  // of Rendered::text, which must outlive it
    bool is_template = false;
  };

  std::string text;
  std::vector<Span> user_spans;  // the caller's bytes: ascending, not empty, not touching

  // The whole text as alternating runs of one origin, none empty.
  std::vector<Segment> segments() const;
};

namespace jinja {
struct Program;
}

class ChatTemplate {
 public:
  // Errors: invalid_argument (syntax, with the line; a limit), unimplemented (a construct outside the subset).
  static Result<ChatTemplate> compile(std::string_view source);

  // The context holds messages, tools, add_generation_prompt and whatever else the model's template reads.
  // A message's "role" counts as the template's if it is one of the roles of the API (system, developer, user,
  // assistant, tool, function): some templates build their control tokens from it.
  // Errors: invalid_argument, with the template's own words if it called raise_exception, else with the line of the
  // template; unimplemented where a filter, test or method outside the subset is reached.
  Result<Rendered> render(const boost::json::object& context, const RenderOptions& options = {}) const;

 private:
  explicit ChatTemplate(std::shared_ptr<const jinja::Program> program) : program_(std::move(program)) {}

  std::shared_ptr<const jinja::Program> program_;
};

}  // namespace studio::engine
