#include "engine/templates/chat_template.h"

#include <exception>

#include "engine/templates/interpreter.h"
#include "engine/templates/parser.h"

namespace studio::engine {
namespace {

constexpr size_t kMaxMessageBytes = 1024;  // of an error: a template may raise with the caller's whole text

std::string shortened(std::string text) {
  if (text.size() <= kMaxMessageBytes) return text;
  size_t end = kMaxMessageBytes;
  while ((text[end] & 0xC0) == 0x80) --end;  // not within a character
  return text.substr(0, end) + "...";
}

Error to_error(jinja::Failure failure) {
  if (failure.is_words_of_template) return Error(failure.code, shortened(std::move(failure.message)));
  std::string where = "chat template";
  if (failure.line > 0) where += ", line " + std::to_string(failure.line);
  bool is_missing = failure.code == Code::kUnimplemented;
  std::string message = where + ": " + failure.message + (is_missing ? " is not supported" : "");
  return Error(failure.code, shortened(std::move(message)));
}

// Runs what may throw inside the folder; the edge that no exception crosses.
template <typename T, typename F>
Result<T> guarded(F&& run) {
  try {
    return run();
  } catch (jinja::Failure& failure) {
    return to_error(std::move(failure));
  } catch (const std::exception& error) {  // no memory
    return Error(Code::kInternal, "the chat template could not be processed").with_detail(error.what());
  }
}

}  // namespace

std::vector<Rendered::Segment> Rendered::segments() const {
  std::vector<Segment> result;
  std::string_view all = text;
  size_t begin = 0;
  auto add = [&](size_t end, bool is_template) {
    if (end > begin) result.push_back({all.substr(begin, end - begin), is_template});
    begin = end;
  };
  for (const Span& span : user_spans) {
    add(span.begin, true);
    add(span.end, false);
  }
  add(all.size(), true);
  return result;
}

Result<ChatTemplate> ChatTemplate::compile(std::string_view source) {
  if (source.size() > kMaxTemplateBytes) {
    return Error(Code::kInvalidArgument,
                 "the chat template is over " + std::to_string(kMaxTemplateBytes) + " bytes long");
  }
  return guarded<ChatTemplate>([&] { return ChatTemplate(std::shared_ptr(jinja::parse(source))); });
}

Result<Rendered> ChatTemplate::render(const boost::json::object& context, const RenderOptions& options) const {
  return guarded<Rendered>([&] {
    jinja::Interpreter interpreter(*program_, options);
    interpreter.define(context, jinja::Origin::kData);
    if (options.trusted) interpreter.define(*options.trusted, jinja::Origin::kTemplate);
    jinja::Text text = interpreter.run();
    Rendered rendered;
    rendered.text = text.view();
    size_t begin = 0;
    text.for_each_run([&](std::string_view run, jinja::Origin origin) {
      if (origin == jinja::Origin::kData) rendered.user_spans.push_back({begin, begin + run.size()});
      begin += run.size();
    });
    return rendered;
  });
}

}  // namespace studio::engine
