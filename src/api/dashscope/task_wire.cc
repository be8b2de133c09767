#include "api/dashscope/task_wire.h"

#include <boost/json.hpp>

#include "api/files/times.h"
#include "base/json.h"

namespace studio::api::dashscope {
namespace {

namespace json = boost::json;
using store::BatchStatus;
using store::TaskState;

struct Failure {
  std::string code, message;
};

// The store keeps seconds; the form has thousandths.
json::value time_of(int64_t seconds) {
  return json::value(beijing_time(seconds) + ".000");
}

json::value millis_or_null(int64_t seconds) {
  return seconds > 0 ? json::value(seconds * 1000) : json::value(nullptr);
}

std::string text_at(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  return value && value->is_string() ? std::string(value->get_string()) : "";
}

json::object metadata_of(const store::Batch& task) {
  auto parsed = parse_json(task.metadata);
  return parsed.ok() && parsed->is_object() ? parsed->get_object() : json::object();
}

Failure failure_of(const store::Batch& task) {
  if (task.status == BatchStatus::kExpired) return {"InternalError.Timeout", "The task's time ended."};
  if (task.status == BatchStatus::kCompleted) {
    return {"InvalidParameter", "None of the texts could be embedded; the file at url says why of each."};
  }
  const auto errors = parse_json(task.errors);
  const bool has_one = errors.ok() && errors->is_array() && !errors->get_array().empty();
  const json::object* first = has_one ? errors->get_array().front().if_object() : nullptr;
  return first ? Failure{text_at(*first, "code"), text_at(*first, "message")}
               : Failure{"InternalError", "The task failed."};
}

}  // namespace

store::Batch task_of(const EmbeddingTask& call, const std::string& owner, const std::string& request_id, int64_t now) {
  return {.batch_id = request_id,
          .owner = owner,
          .endpoint = kEmbeddingPath,
          .input_file_id = call.url,
          .metadata = to_json(json::object{
              {"request_id", request_id}, {"parameters", call.parameters}, {"allow_degraded", call.may_cut}}),
          .title = call.model,
          .created_at = now,
          .expires_at = now + kTaskSeconds,
          .is_task = true};
}

Result<std::string> body_of_text(const store::Batch& task, std::string_view text) {
  const json::object metadata = metadata_of(task);
  const auto parameters = parse_json(text_at(metadata, "parameters"));
  const json::value* may_cut = metadata.if_contains("allow_degraded");
  if (!parameters.ok() || !may_cut) return Error(Code::kCorruptData, "The task's row cannot be read.");
  return to_json(json::object{{"model", task.title},
                              {"input", json::object{{"texts", json::array{json::string(text)}}}},
                              {"parameters", *parameters},
                              {"allow_degraded", *may_cut}});
}

json::object task_output(const store::Batch& task, const std::string& result_url) {
  const TaskState state = state_of(task);
  json::object output{{"task_id", task.batch_id}, {"task_status", state_name(state)}};
  output["submit_time"] = time_of(task.created_at);
  if (task.in_progress_at > 0) output["scheduled_time"] = time_of(task.in_progress_at);
  if (ended_at(task) > 0) output["end_time"] = time_of(ended_at(task));
  if (!task.output_file_id.empty()) output["url"] = result_url;
  if (state == TaskState::kFailed) {
    const Failure failure = failure_of(task);
    output["code"] = failure.code;
    output["message"] = failure.message;
  }
  output["task_metrics"] =
      json::object{{"TOTAL", task.lines_total}, {"SUCCEEDED", task.lines_completed}, {"FAILED", task.lines_failed}};
  return output;
}

json::object task_usage(const store::Batch& task) {
  return {{"total_tokens", task.tokens}};
}

json::object task_entry(const store::Batch& task) {
  return {{"task_id", task.batch_id},
          {"status", state_name(state_of(task))},
          {"api_key_id", task.owner},
          {"caller_parent_id", task.owner},
          {"caller_uid", task.owner},
          {"gmt_create", task.created_at * 1000},
          {"start_time", millis_or_null(task.in_progress_at)},
          {"end_time", millis_or_null(ended_at(task))},
          {"region", nullptr},
          {"request_id", text_at(metadata_of(task), "request_id")},
          {"model_name", task.title},
          {"user_api_unique_key", "apikey:v1:embeddings:text-embedding:text-embedding:" + task.title}};
}

}  // namespace studio::api::dashscope
