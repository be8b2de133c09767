#include "api/dashscope/task_routes.h"

#include <algorithm>
#include <boost/json.hpp>
#include <ctime>

#include "api/dashscope/errors.h"
#include "api/dashscope/kept_wording.h"
#include "api/dashscope/parse.h"
#include "api/dashscope/routes.h"
#include "api/dashscope/task_wire.h"
#include "api/files/file_sender.h"
#include "api/files/list_query.h"
#include "api/serving/degraded.h"
#include "api/serving/serve_kept.h"
#include "base/json.h"

namespace studio::api::dashscope {
namespace {

namespace json = boost::json;
using ExchangePtr = std::shared_ptr<http::Exchange>;

constexpr const char* kPath = "/api/v1/tasks";
constexpr size_t kMaxEmptyBytes = 2;                   // {}: clients send it, or nothing
constexpr int64_t kListedSeconds = 24 * 60 * 60;       // a list's span: the vendor's own
constexpr int64_t kMaxPageSize = 100, kPageSize = 10;  // the vendor's own default; its most is not said
constexpr int64_t kMaxPages = 1'000'000'000;           // a number that can be multiplied
constexpr const char* kTooManyJobs = "Throttling";

void refuse(const ExchangePtr& exchange, const Error& error, const char* code = nullptr) {
  exchange->respond(error_response(error, exchange->request().request_id, code));
}

http::Response answer_of(const ExchangePtr& exchange, json::object members) {
  members["request_id"] = exchange->request().request_id;
  return http::Response::json(200, to_json(members));
}

// ---- making one

Status check_file(store::Files& files, const std::string& owner, const std::string& file_id) {
  auto file = files.find(owner, file_id);
  if (!file.ok()) return Error(file.error().code(), "input.url: " + file.error().message()).with_param("input.url");
  if (file->size_bytes <= kMaxTaskFileBytes) return Ok{};
  return Error(Code::kPayloadTooLarge,
               "input.url may have " + std::to_string(kMaxTaskFileBytes >> 20) + " MiB; this file has more.")
      .with_param("input.url");
}

Status check_call(const Services& services, const TaskDesk& desk, const EmbeddingTask& call, const std::string& owner) {
  STUDIO_TRY(const ServedModelPtr model, services.models->find(call.model, ModelKind::kVectors));
  STUDIO_CHECK_OK(check_dimensions(*model->encoder, call, "parameters.dimension"));
  STUDIO_CHECK_OK(check_instruction(*model->encoder, call.instruct, "parameters.instruct"));
  STUDIO_CHECK_OK(check_file(*desk.files, owner, call.url));
  STUDIO_TRY(const store::BatchCounts counts, desk.tasks->counts(owner));
  if (counts.open >= kMaxOpenTasks) {
    return Error(Code::kQuotaExceeded, "This key has " + std::to_string(counts.open) +
                                           " tasks that are not over, which is the most it may have.");
  }
  if (counts.all < kMaxTasksOfKey) return Ok{};
  return Error(Code::kQuotaExceeded, "This key has " + std::to_string(counts.all) +
                                         " tasks, which is the most it may have; each goes 24 hours after its end.");
}

// As it is told when it is made, whatever has become of it.
Result<store::Batch> find_or_create(const Services& services, const TaskDesk& desk, const EmbeddingTask& call,
                                    const http::Request& request) {
  store::Batch task = task_of(call, request.principal, request.request_id, std::time(nullptr));
  if (is_made_again(services.kept, request)) {
    auto made = desk.tasks->find(request.principal, task.batch_id);
    if (made.ok()) return task;
    if (made.error().code() != Code::kNotFound) return made;
  }
  STUDIO_CHECK_OK(check_call(services, desk, call, request.principal));
  STUDIO_CHECK_OK(admit_object(services.kept, request));
  auto created = desk.tasks->create(task);
  if (!created.ok()) withdraw_object(services.kept, request);
  return created;
}

void make_task(const Services& services, const TaskDesk& desk, const ExchangePtr& exchange) {
  const http::Request& request = exchange->request();
  if (const auto error = check_head(request, /*takes_tasks=*/true)) return refuse(exchange, *error);
  const auto call = parse_embedding_task(request.body);
  if (!call.ok()) return refuse(exchange, call.error());
  const auto task = find_or_create(services, desk, *call, request);
  if (!task.ok()) {
    const bool is_full = task.error().code() == Code::kQuotaExceeded;
    return refuse(exchange, task.error(), is_full ? kTooManyJobs : nullptr);
  }
  desk.wake();
  http::Response response = answer_of(
      exchange, {{"output", json::object{{"task_id", task->batch_id}, {"task_status", state_name(state_of(*task))}}}});
  add_names("X-Studio-Ignored", call->ignored, response);
  mark_degraded(call->degraded, response);
  exchange->respond(std::move(response));
}

// ---- the others

void show_task(const TaskDesk& desk, const ExchangePtr& exchange) {
  const http::Request& request = exchange->request();
  const std::string& id = request.path_parameter("id");
  auto task = desk.tasks->find(request.principal, id);
  if (!task.ok() && task.error().code() != Code::kNotFound) return refuse(exchange, task.error());
  if (!task.ok()) {  // no error, as the vendor has it
    return exchange->respond(
        answer_of(exchange, {{"output", json::object{{"task_id", id}, {"task_status", "UNKNOWN"}}}}));
  }
  const std::string url = desk.links->link(request, task->owner, id, std::time(nullptr));
  json::object answer{{"output", task_output(*task, url)}};
  if (ended_at(*task) > 0) answer["usage"] = task_usage(*task);
  exchange->respond(answer_of(exchange, std::move(answer)));
}

Status read_times(const ListQuery& list, int64_t now, store::TaskQuery& query) {
  STUDIO_TRY(const auto from, list.time("start_time"));
  STUDIO_TRY(const auto until, list.time("end_time"));
  query.created_until = until.value_or(from ? *from + kListedSeconds : now);
  query.created_from = from.value_or(query.created_until - kListedSeconds);
  if (query.created_from <= query.created_until && query.created_until - query.created_from <= kListedSeconds) {
    return Ok{};
  }
  return Error(Code::kOutOfRange, "end_time must be within 24 hours behind start_time.").with_param("end_time");
}

Result<store::TaskQuery> read_query(const ListQuery& list) {
  store::TaskQuery query;
  STUDIO_CHECK_OK(read_times(list, std::time(nullptr), query));
  if (const std::string* id = list.text("task_id")) query.task_id = *id;
  if (const std::string* model = list.text("model_name")) query.model = *model;
  if (const std::string* status = list.text("status")) {
    query.state = store::task_state_of(*status);
    if (!query.state) {
      return Error(Code::kOutOfRange, "status must be PENDING, RUNNING, SUCCEEDED, FAILED or CANCELED.")
          .with_param("status");
    }
  }
  if (list.text("region")) {
    return Error(Code::kUnimplemented, "region: this server's regions have no names; leave it out.")
        .with_param("region");
  }
  return query;
}

Result<json::object> read_page(const TaskDesk& desk, const http::Request& request) {
  STUDIO_TRY(const auto list,
             ListQuery::parse(request.query, {"task_id", "start_time", "end_time", "model_name", "status", "api_key_id",
                                              "region", "page_no", "page_size"}));
  STUDIO_TRY(store::TaskQuery query, read_query(list));
  STUDIO_TRY(const int64_t page, list.number("page_no", 1, kMaxPages, 1));
  STUDIO_TRY(query.limit, list.number("page_size", 1, kMaxPageSize, kPageSize));
  query.offset = (page - 1) * query.limit;
  // Of another key nothing is told.
  const std::string* key = list.text("api_key_id");
  const std::string owner = key && *key != request.principal ? "" : request.principal;
  STUDIO_TRY(const int64_t total, desk.tasks->count(owner, query));
  STUDIO_TRY(const auto found, desk.tasks->list(owner, query));
  json::array data;
  for (const store::Batch& task : found) data.push_back(task_entry(task));
  return json::object{{"data", std::move(data)},
                      {"total", total},
                      {"total_page", (total + query.limit - 1) / query.limit},
                      {"page_no", page},
                      {"page_size", query.limit}};
}

void list_tasks(const TaskDesk& desk, const ExchangePtr& exchange) {
  auto page = read_page(desk, exchange->request());
  if (!page.ok()) return refuse(exchange, page.error());
  exchange->respond(answer_of(exchange, std::move(*page)));
}

void cancel_task(const TaskDesk& desk, const ExchangePtr& exchange) {
  const http::Request& request = exchange->request();
  Status canceled = desk.tasks->cancel(request.principal, request.path_parameter("id"), std::time(nullptr));
  if (!canceled.ok() && canceled.error().code() == Code::kFailedPrecondition) {
    // The vendor's status is 400, not the one that the code has elsewhere.
    return exchange->respond(error_response(400, canceled.error(), request.request_id));
  }
  if (!canceled.ok()) return refuse(exchange, canceled.error());
  desk.wake();
  exchange->respond(answer_of(exchange, {}));
}

Result<UnmappedFile> open_result(const TaskDesk& desk, const http::Request& request) {
  const std::string& id = request.path_parameter("id");
  STUDIO_TRY(const std::string owner, desk.links->owner_of(request.query, id, std::time(nullptr)));
  STUDIO_TRY(const store::Batch task, desk.tasks->find(owner, id));
  STUDIO_TRY(const store::StoredFile file, desk.files->find(owner, task.output_file_id));
  return desk.files->read(file);
}

void send_result(const Services& services, const TaskDesk& desk, const ExchangePtr& exchange) {
  auto file = open_result(desk, exchange->request());
  if (!file.ok()) return refuse(exchange, file.error());
  http::Response head;
  head.fields.add("Content-Type", "application/gzip");
  head.fields.add("Content-Disposition",
                  "attachment; filename=\"" + exchange->request().path_parameter("id") + ".jsonl.gz\"");
  head.fields.add("Cache-Control", "private, no-store");
  send_file(exchange, std::move(*file), std::move(head), services.post);
}

}  // namespace

void create_task(const Services& services, const TaskDesk& desk, const ExchangePtr& exchange) {
  if (!services.kept) return make_task(services, desk, exchange);
  services.kept->serve(exchange, kObjectWording, [&](const ExchangePtr& kept) { make_task(services, desk, kept); });
}

void add_task_routes(const Services& services, const TaskDesk& desk, http::Router& router) {
  using http::AuthClass, http::Method, http::Route;
  using Function = void (*)(const TaskDesk&, const ExchangePtr&);
  const auto add = [&](Method method, const std::string& path, size_t body_bytes, Function function) {
    router.add(Route(method, path, AuthClass::kKey, body_bytes, [desk, function](ExchangePtr exchange) {
      if (const auto error = check_head(exchange->request())) return refuse(exchange, *error);
      function(desk, exchange);
    }));
  };
  add(Method::kGet, kPath, 0, list_tasks);
  add(Method::kGet, std::string(kPath) + "/{id}", 0, show_task);
  add(Method::kPost, std::string(kPath) + "/{id}/cancel", kMaxEmptyBytes, cancel_task);
  // Who has the address has the right.
  router.add(Route(Method::kGet, std::string(kPath) + "/{id}/result", AuthClass::kPublic, 0,
                   [services, desk](ExchangePtr exchange) { send_result(services, desk, exchange); }));
}

}  // namespace studio::api::dashscope
