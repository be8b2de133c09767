#include "api/batches/text_check.h"

#include <boost/json.hpp>

#include "engine/templates/unicode.h"

namespace studio::api::batches {
namespace {

constexpr size_t kStepBytes = 4 << 20;  // of lines: a few milliseconds

}  // namespace

Result<bool> TextCheck::step() {
  if (!model_.ok()) fail("ModelNotFound", model_.error().message());
  for (size_t bytes = 0; errors_.empty() && bytes < kStepBytes;) {
    auto line = lines_.next();
    if (!line.ok() && line.error().code() != Code::kPayloadTooLarge) return line.error();
    const std::string place = "line " + std::to_string(lines_.number()) + " of input.url ";
    if (!line.ok()) {
      fail("BadRequest.TooLarge", place + "is longer than " + std::to_string(kMaxLineBytes >> 20) + " MiB.");
    } else if (!*line) {
      if (count_ == 0) fail("BadRequest.EmptyInput", "input.url has no texts: it must be a file of lines.");
      return true;
    } else if (count_ == kMaxTexts) {
      fail("BadRequest.TooLarge", "input.url may have " + std::to_string(kMaxTexts) + " texts; it has more.");
    } else if (!engine::jinja::is_valid_utf8((*line)->text)) {
      fail("BadRequest.UnsupportedFileFormat", place + "is not in UTF-8.");
    } else {
      ++count_;
      bytes += (*line)->text.size();
    }
  }
  return !errors_.empty();
}

void TextCheck::fail(std::string_view code, const std::string& message) {
  errors_.push_back(boost::json::object{{"code", code}, {"message", message}});
}

}  // namespace studio::api::batches
