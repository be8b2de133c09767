#include "api/batches/input_check.h"

#include <boost/json.hpp>

#include "api/serving/fields.h"
#include "base/json.h"

namespace studio::api::batches {
namespace {

namespace json = boost::json;

constexpr size_t kStepBytes = 4 << 20;  // of lines: a few milliseconds

constexpr FieldRule kLineRules[] = {{"custom_id"}, {"method"}, {"url"}, {"body"}};

void check_word(FieldReader& reader, std::string_view name, std::string_view wanted) {
  const auto word = reader.text(name);
  if (!word || *word != wanted) reader.fail(name, "must be \"" + std::string(wanted) + "\"");
}

void read_body(FieldReader& reader, LineRequest& request) {
  const json::object* body = reader.object("body");
  if (!body) return reader.fail("body", "is missing");
  const json::value* model = body->if_contains("model");
  if (!model || !model->is_string()) return reader.fail("body.model", "must be a text");
  request.model = model->get_string();
  // A line's answer is a body: nobody listens to a stream.
  const json::value* stream = body->if_contains("stream");
  if (stream && !stream->is_null() && *stream != json::value(false)) {
    return reader.fail("body.stream", "must be false in a batch");
  }
  request.body = to_json(*body);
}

}  // namespace

Result<LineRequest> read_line(const InputLine& line, std::string_view endpoint) {
  STUDIO_TRY(const json::value value, parse_body(line.text, kMaxLineBytes));
  LineRequest request;
  FieldReader reader(value.get_object(), "", kLineRules, nullptr);
  const auto custom_id = reader.text("custom_id");
  if (!custom_id || custom_id->empty() || custom_id->size() > kMaxCustomIdBytes) {
    reader.fail("custom_id", "must be a text of 1 to " + std::to_string(kMaxCustomIdBytes) + " bytes");
  } else {
    request.custom_id = *custom_id;
  }
  check_word(reader, "method", "POST");
  check_word(reader, "url", endpoint);
  read_body(reader, request);
  STUDIO_CHECK_OK(reader.status());
  return request;
}

Result<bool> InputCheck::step() {
  for (size_t bytes = 0; bytes < kStepBytes;) {
    if (errors_.size() >= kMaxErrorsTold) return true;
    auto line = lines_.next();
    if (!line.ok() && line.error().code() != Code::kPayloadTooLarge) return line.error();
    if (!line.ok()) {
      add_error("line_too_large", line.error().message(), "", lines_.number());
    } else if (!*line) {
      finish();
      return true;
    } else if (count_ == most_lines_) {
      add_error("too_many_lines", "The file has more than " + std::to_string(most_lines_) + " requests.", "", 0);
      return true;
    } else {
      bytes += (*line)->text.size();
      look_at(**line);
    }
  }
  return false;
}

void InputCheck::look_at(const InputLine& line) {
  ++count_;
  auto request = read_line(line, endpoint_);
  if (!request.ok()) {
    const Error& error = request.error();
    return add_error(error.param().empty() ? "invalid_json_line" : "invalid_request", error.message(), error.param(),
                     line.number);
  }
  if (!custom_ids_.insert(request->custom_id).second) {
    add_error("duplicate_custom_id", "custom_id was there before.", "custom_id", line.number);
  }
  if (model_.empty()) {
    model_ = request->model;
    if (!is_served_(model_)) {
      add_error("model_not_found", "The model '" + excerpt(model_) + "' is not served here.", "body.model",
                line.number);
    }
  } else if (request->model != model_) {
    add_error("mismatched_model", "body.model must be the one of the lines before.", "body.model", line.number);
  }
}

void InputCheck::finish() {
  if (count_ == 0 && errors_.empty()) add_error("empty_file", "The file has no requests.", "", 0);
}

void InputCheck::add_error(std::string_view code, const std::string& message, const std::string& param, int64_t line) {
  json::object error{{"code", code}, {"message", message}, {"param", nullptr}, {"line", nullptr}};
  if (!param.empty()) error["param"] = param;
  if (line > 0) error["line"] = line;
  errors_.push_back(std::move(error));
}

}  // namespace studio::api::batches
