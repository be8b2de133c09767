#include "api/openai/batch_wire.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "api/openai/routes.h"
#include "api/serving/call_fields.h"
#include "api/serving/degraded.h"
#include "api/serving/fields.h"
#include "base/json.h"

namespace studio::api::openai {
namespace {

namespace json = boost::json;

constexpr FieldRule kBatchRules[] = {
    {"input_file_id"},
    {"endpoint", FieldUse::kHonoured,
     R"("/v1/chat/completions" "/v1/completions" "/v1/embeddings" "/v1/chat/ds-test")"},
    {"completion_window"},
    {"metadata"},
    {"output_expires_after", FieldUse::kNotBuilt, "", "files are kept until they are deleted"},
    {"allow_degraded"},
};

constexpr const char* kFinishCallback = "ds_batch_finish_callback";

// Code points, as limits of texts are counted.
size_t characters(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string required(FieldReader& reader, std::string_view name, std::string_view hint) {
  auto text = reader.text(name);
  if (text && !text->empty()) return std::move(*text);
  reader.fail(name, "is missing (" + std::string(hint) + ")");
  return "";
}

void read_input(FieldReader& reader, BatchCall& call) {
  call.input_file_id = required(reader, "input_file_id", "the id of a file that was uploaded for batches");
  const std::string_view id = call.input_file_id;
  if (id.find("://") == std::string_view::npos && !id.starts_with("oss:")) return;
  reader.fail("input_file_id", "must be the id of an uploaded file; this server fetches none", Code::kUnimplemented);
}

void read_endpoint(FieldReader& reader, BatchCall& call) {
  call.endpoint = required(reader, "endpoint", "such as /v1/chat/completions");
  if (call.endpoint.empty() || handler_of_line(call.endpoint)) return;
  reader.fail("endpoint", "must be " + std::string(kLineEndpoints) + "; it is " + quoted(call.endpoint),
              Code::kOutOfRange);
}

// "24h", "14d".
void read_window(FieldReader& reader, BatchCall& call) {
  call.completion_window = required(reader, "completion_window", "such as 24h");
  const std::string& text = call.completion_window;
  if (text.empty()) return;
  int64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size() - 1, number);
  const bool is_read = fault == std::errc() && end == text.data() + text.size() - 1 && number <= kMaxWindowHours;
  const int64_t hours = text.back() == 'h' ? number : text.back() == 'd' ? number * 24 : 0;
  if (!is_read || hours < kMinWindowHours || hours > kMaxWindowHours) {
    return reader.fail("completion_window", "must be from 24h to 336h, in hours (h) or days (d); it is " + quoted(text),
                       Code::kOutOfRange);
  }
  call.window_seconds = hours * 3600;
}

void check_pair(FieldReader& reader, std::string_view name, std::string_view value) {
  const std::string place = "metadata." + excerpt(name);
  if (name == kFinishCallback) {
    return reader.fail(place, "is not supported by this version: this server calls no addresses; ask for the batch",
                       Code::kUnimplemented);
  }
  const size_t most = name == "ds_name"          ? kMaxTitleCharacters
                      : name == "ds_description" ? kMaxDescriptionCharacters
                                                 : kMaxMetadataValueCharacters;
  if (name.empty() || characters(name) > kMaxMetadataKeyCharacters) {
    return reader.fail(place, "must have a name of 1 to " + std::to_string(kMaxMetadataKeyCharacters) + " characters");
  }
  if (characters(value) > most) reader.fail(place, "may have " + std::to_string(most) + " characters");
}

void read_metadata(FieldReader& reader, BatchCall& call) {
  const json::object* metadata = reader.object("metadata");
  if (!metadata) return;
  if (metadata->size() > kMaxMetadataPairs) {
    return reader.fail("metadata", "may hold " + std::to_string(kMaxMetadataPairs) + " entries; it holds " +
                                       std::to_string(metadata->size()));
  }
  for (const auto& [name, value] : *metadata) {
    if (!value.is_string()) {
      return reader.fail("metadata." + excerpt(name), "must be a text; it is " + std::string(json_kind(value)));
    }
    check_pair(reader, name, value.get_string());
    if (name == "ds_name") call.title = value.get_string();
  }
  call.metadata = to_json(*metadata);
}

json::value time_or_null(int64_t seconds) {
  return seconds == 0 ? json::value(nullptr) : json::value(seconds);
}

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

// A JSON text of our own store; null where there is none.
json::value parsed_or_null(const std::string& text) {
  if (text.empty()) return nullptr;
  auto value = parse_json(text);
  return value.ok() ? std::move(*value) : json::value(nullptr);
}

json::value errors_of(const store::Batch& batch) {
  if (batch.errors.empty()) return nullptr;
  return json::object{{"object", "list"}, {"data", parsed_or_null(batch.errors)}};
}

Result<BatchCall> read_batch(const json::object& body) {
  BatchCall call;
  FieldReader reader(body, "", kBatchRules, &call.ignored);
  read_input(reader, call);
  read_endpoint(reader, call);
  read_window(reader, call);
  read_metadata(reader, call);
  STUDIO_CHECK_OK(reader.status());
  return call;
}

}  // namespace

Result<BatchCall> parse_batch(std::string_view body) {
  return parse_degradable(body, read_batch);
}

EndpointFields batch_fields() {
  return {"openai", "POST /v1/batches", {{"", "", kBatchRules}}};
}

json::object batch_object(const store::Batch& batch) {
  return {{"id", batch.batch_id},
          {"object", "batch"},
          {"endpoint", batch.endpoint},
          {"errors", errors_of(batch)},
          {"input_file_id", batch.input_file_id},
          {"completion_window", batch.completion_window},
          {"status", store::status_name(batch.status)},
          {"output_file_id", text_or_null(batch.output_file_id)},
          {"error_file_id", text_or_null(batch.error_file_id)},
          {"created_at", batch.created_at},
          {"in_progress_at", time_or_null(batch.in_progress_at)},
          {"expires_at", time_or_null(batch.expires_at)},
          {"finalizing_at", time_or_null(batch.finalizing_at)},
          {"completed_at", time_or_null(batch.completed_at)},
          {"failed_at", time_or_null(batch.failed_at)},
          {"expired_at", time_or_null(batch.expired_at)},
          {"cancelling_at", time_or_null(batch.cancelling_at)},
          {"cancelled_at", time_or_null(batch.cancelled_at)},
          {"request_counts",
           json::object{
               {"total", batch.lines_total}, {"completed", batch.lines_completed}, {"failed", batch.lines_failed}}},
          {"metadata", parsed_or_null(batch.metadata)}};
}

}  // namespace studio::api::openai
