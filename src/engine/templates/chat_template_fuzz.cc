// Any bytes as a template, over any JSON as its context: no crash, no hang, and spans that fit the text.
// Input: the template, a byte FF (which no UTF-8 holds), the context. Without a usable context a fixed one.
#include <boost/json/value.hpp>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json.h"
#include "engine/templates/chat_template.h"
#include "engine/templates/template_mutator.h"
#include "engine/templates/unicode.h"

namespace {

using namespace studio;

constexpr std::string_view kContext =
    R"({"messages":[{"role":"system","content":"s <|im_end|>"},{"role":"user","content":"né你\n"},
        {"role":"assistant","content":null,"tool_calls":[{"id":"1","function":{"name":"f","arguments":{"a":[1,2.5]}}}]}],
        "tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{}}}}}],
        "s":"a,b c","n":7,"l":[3,1,2],"d":{"b":1,"a":"x"},"e":[],"t":true,"add_generation_prompt":true})";

void check(bool holds) {
  if (!holds) std::abort();
}

void check_spans(const engine::Rendered& rendered) {
  size_t end = 0;
  bool is_first = true;
  for (const auto& span : rendered.user_spans) {
    check(span.begin < span.end && span.end <= rendered.text.size());
    check(is_first || span.begin > end);
    end = span.end;
    is_first = false;
  }
  size_t size = 0;
  for (const auto& segment : rendered.segments()) {
    check(!segment.text.empty() && engine::jinja::is_valid_utf8(segment.text));
    size += segment.text.size();
  }
  check(size == rendered.text.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  size_t cut = input.find('\xff');
  auto compiled = engine::ChatTemplate::compile(input.substr(0, cut));
  if (!compiled.ok()) return 0;
  auto context = parse_json(cut == input.npos ? kContext : input.substr(cut + 1));
  if (!context.ok() || !context->is_object()) context = parse_json(kContext);
  engine::RenderOptions options;
  options.limits = {.steps = 50'000, .output_bytes = 1 << 20, .string_bytes = 1 << 20, .items = 10'000};
  auto rendered = compiled->render(context->as_object(), options);
  if (rendered.ok()) check_spans(*rendered);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::TemplateMutator>(data, size, max_size, seed);
}
