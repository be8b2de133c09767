// Renders chat templates for the scripts beside it: one JSON request a line on stdin, one JSON answer a line on stdout.
//
// Usage: render_tool [FILE.gguf|tokenizer.json]
// Request: {"source": TEXT} compiles and keeps the template, numbered from 0; answers {"template": N} or {"error":
// ...}.
//          {"template": N, "context": {...}, "trusted": {...}, "now": SECONDS} renders;
//          answers {"text": ..., "user_spans": [[begin, end], ...]} (bytes) or {"error": message, "code": name};
//          with a vocabulary also "control_ids": those of the prompt, in order.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <iostream>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "engine/formats/gguf.h"
#include "engine/templates/chat_template.h"
#include "engine/tokenizer/tokenizer.h"

namespace studio {
namespace {

namespace json = boost::json;
using Vocabulary = std::shared_ptr<const engine::Tokenizer>;

Result<Vocabulary> open_vocabulary(const std::string& path) {
  if (path.ends_with(".gguf")) {
    STUDIO_TRY(auto file, engine::GgufFile::open(path));
    return engine::Tokenizer::from_gguf(file);
  }
  STUDIO_TRY(auto text, read_file(path, 64u << 20));
  return engine::Tokenizer::from_json(text);
}

json::array control_ids(const engine::Tokenizer& vocabulary, const engine::Rendered& rendered) {
  std::vector<engine::TextSegment> segments;
  for (const auto& segment : rendered.segments()) segments.push_back({segment.text, segment.is_template});
  json::array ids;
  for (engine::TokenId id : vocabulary.encode(segments)) {
    if (vocabulary.is_control(id)) ids.emplace_back(id);
  }
  return ids;
}

json::object to_answer(const Error& error) {
  return {{"error", error.message()}, {"code", std::string(code_name(error.code()))}};
}

json::object compile(const json::object& request, std::vector<engine::ChatTemplate>& templates) {
  auto compiled = engine::ChatTemplate::compile(std::string(request.at("source").as_string()));
  if (!compiled.ok()) return to_answer(compiled.error());
  templates.push_back(*std::move(compiled));
  return {{"template", templates.size() - 1}};
}

json::object render(const json::object& request, const std::vector<engine::ChatTemplate>& templates,
                    const Vocabulary& vocabulary) {
  engine::RenderOptions options;
  if (const json::value* trusted = request.if_contains("trusted")) options.trusted = &trusted->as_object();
  if (const json::value* now = request.if_contains("now")) {
    options.now = std::chrono::system_clock::from_time_t(now->as_int64());
  }
  auto index = static_cast<size_t>(request.at("template").as_int64());
  auto rendered = templates.at(index).render(request.at("context").as_object(), options);
  if (!rendered.ok()) return to_answer(rendered.error());
  json::array spans;
  for (const auto& span : rendered->user_spans) spans.push_back(json::array{span.begin, span.end});
  json::object answer{{"text", rendered->text}, {"user_spans", std::move(spans)}};
  if (vocabulary) answer["control_ids"] = control_ids(*vocabulary, *rendered);
  return answer;
}

int run(const Vocabulary& vocabulary) {
  std::vector<engine::ChatTemplate> templates;
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) {
    auto request = parse_json(line, {.depth = 80, .bytes = 64u << 20});
    if (!request.ok()) {
      std::cerr << "render_tool: " << request.error().message() << "\n";
      return 2;
    }
    const json::object& object = request->as_object();
    json::object answer =
        object.contains("source") ? compile(object, templates) : render(object, templates, vocabulary);
    std::cout << to_json(answer) << "\n" << std::flush;
  }
  return 0;
}

}  // namespace
}  // namespace studio

int main(int argc, char** argv) {
  try {
    studio::Vocabulary vocabulary;
    if (argc == 2) {
      auto opened = studio::open_vocabulary(argv[1]);
      if (!opened.ok()) return std::cerr << "render_tool: " << opened.error().message() << "\n", 2;
      vocabulary = std::move(*opened);
    }
    return studio::run(vocabulary);
  } catch (const std::exception& error) {  // a request of another form
    std::cerr << "render_tool: " << error.what() << "\n";
    return 2;
  }
}
