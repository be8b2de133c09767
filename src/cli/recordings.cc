#include "cli/recordings.h"

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "base/json.h"

namespace studio::cli {
namespace {

namespace json = boost::json;

constexpr std::string_view kModel = "{model}";
constexpr std::string_view kRepeat = "$repeat";

std::string text_of(const json::object& line, std::string_view name) {
  const json::value* value = line.if_contains(name);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

bool flag_of(const json::object& line, std::string_view name) {
  const json::value* value = line.if_contains(name);
  return value && value->is_bool() && value->get_bool();
}

// {"$repeat": ["x ", 3000]}
Result<json::value> repeated(const json::value& what) {
  const json::array* pair = what.if_array();
  if (!pair || pair->size() != 2 || !pair->at(0).is_string() || !pair->at(1).is_int64()) {
    return Error(Code::kCorruptData, "$repeat must hold a text and a count");
  }
  const std::string text(pair->at(0).get_string());
  const int64_t count = pair->at(1).get_int64();
  if (count < 0 || static_cast<uint64_t>(count) * text.size() > kMaxRecordedBytes) {
    return Error(Code::kCorruptData, "$repeat makes a text that no server takes");
  }
  std::string all;
  for (int64_t i = 0; i < count; ++i) all += text;
  return json::value(all);
}

// As deep as the file's JSON, whose depth its parser bounds.
Result<json::value> filled(const json::value& value, const std::string& model) {
  if (value.is_string() && value.get_string() == kModel) return json::value(model);
  if (const json::array* items = value.if_array()) {
    json::array all;
    for (const json::value& item : *items) {
      STUDIO_TRY(json::value inner, filled(item, model));
      all.push_back(std::move(inner));
    }
    return json::value(std::move(all));
  }
  const json::object* object = value.if_object();
  if (!object) return value;
  if (const json::value* what = object->if_contains(kRepeat)) return repeated(*what);
  json::object all;
  for (const auto& [name, inner] : *object) {
    STUDIO_TRY(json::value one, filled(inner, model));
    all[name] = std::move(one);
  }
  return json::value(std::move(all));
}

Result<Recording> read_recording(const std::filesystem::path& path) {
  Recording recording{.client = path.stem().string(), .requests = {}};
  std::ifstream file(path);
  std::string line;
  for (size_t number = 1; std::getline(file, line); ++number) {
    auto request = parse_recorded(line);
    if (!request.ok()) {
      return Error(Code::kCorruptData, path.string() + ":" + std::to_string(number) + ": " + request.error().message());
    }
    recording.requests.push_back(std::move(*request));
  }
  return recording;
}

}  // namespace

Result<RecordedRequest> parse_recorded(std::string_view line) {
  STUDIO_TRY(json::value value, parse_json(line));
  const json::object* object = value.if_object();
  if (!object) return Error(Code::kCorruptData, "a request is an object");
  RecordedRequest request{.test = text_of(*object, "test"),
                          .method = text_of(*object, "method"),
                          .path = text_of(*object, "path"),
                          .auth = text_of(*object, "auth"),
                          .fields = {},
                          .body = nullptr,
                          .status = 0,
                          .type = text_of(*object, "type"),
                          .code = text_of(*object, "code"),
                          .has_end = flag_of(*object, "ends"),
                          .is_cut = flag_of(*object, "cut")};
  const json::value* status = object->if_contains("status");
  if (request.test.empty() || request.method.empty() || !request.path.starts_with('/') || !status ||
      !status->is_int64()) {
    return Error(Code::kCorruptData, "a request has a test, a method, a path and a status");
  }
  request.status = static_cast<long>(status->get_int64());
  if (const json::value* fields = object->if_contains("fields"); fields && fields->is_object()) {
    for (const auto& [name, text] : fields->get_object()) {
      if (text.is_string()) request.fields.push_back(std::string(name) + ": " + std::string(text.get_string()));
    }
  }
  if (const json::value* body = object->if_contains("body")) request.body = *body;
  return request;
}

Result<std::vector<Recording>> read_recordings(const std::string& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".jsonl") paths.push_back(entry.path());
  }
  if (paths.empty()) {
    return Error(Code::kNotFound, folder + " holds no recordings; they lie in conformance/recordings of a clone");
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Recording> recordings;
  for (const auto& path : paths) {
    STUDIO_TRY(Recording recording, read_recording(path));
    recordings.push_back(std::move(recording));
  }
  return recordings;
}

Result<std::string> body_of(const RecordedRequest& request, const std::string& model) {
  if (request.body.is_null()) return std::string();
  if (request.body.is_string()) return std::string(request.body.get_string());
  STUDIO_TRY(json::value body, filled(request.body, model));
  return to_json(body);
}

}  // namespace studio::cli
