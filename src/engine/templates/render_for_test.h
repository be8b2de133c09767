// Helpers of the tests: render a template over JSON text, and show whose bytes are whose.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "base/json.h"
#include "engine/templates/chat_template.h"

namespace studio::engine {

// The output, or "error: " and the message.
inline std::string render(std::string_view source, std::string_view context = "{}", const RenderOptions& options = {}) {
  auto compiled = ChatTemplate::compile(source);
  if (!compiled.ok()) return "error: " + compiled.error().message();
  auto variables = parse_json(context);
  if (!variables.ok()) return "error: " + variables.error().message();
  auto rendered = compiled->render(variables->as_object(), options);
  return rendered.ok() ? rendered->text : "error: " + rendered.error().message();
}

// The output with the caller's bytes in «».
inline std::string render_marked(std::string_view source, std::string_view context = "{}",
                                 const RenderOptions& options = {}) {
  auto compiled = ChatTemplate::compile(source);
  if (!compiled.ok()) return "error: " + compiled.error().message();
  auto variables = parse_json(context);
  auto rendered = compiled->render(variables->as_object(), options);
  if (!rendered.ok()) return "error: " + rendered.error().message();
  std::string marked;
  for (const auto& segment : rendered->segments()) {
    marked += segment.is_template ? std::string(segment.text) : "«" + std::string(segment.text) + "»";
  }
  return marked;
}

}  // namespace studio::engine
