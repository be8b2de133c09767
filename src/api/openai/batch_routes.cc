#include "api/openai/batch_routes.h"

#include <boost/json.hpp>
#include <ctime>

#include "api/files/file_rules.h"
#include "api/files/list_query.h"
#include "api/openai/batch_wire.h"
#include "api/openai/errors.h"
#include "api/openai/kept_wording.h"
#include "api/serving/degraded.h"
#include "api/serving/serve_kept.h"
#include "base/json.h"
#include "http/exchange.h"

namespace studio::api::openai {
namespace {

namespace json = boost::json;
using ExchangePtr = std::shared_ptr<http::Exchange>;

constexpr size_t kMaxBodyBytes = 64 << 10;         // of what makes a batch: batch_wire.cc
constexpr int64_t kMaxListed = 100, kListed = 20;  // batches of one page, as the vendor has it
constexpr size_t kMaxListedInputs = 20;
constexpr size_t kMaxListedStates = 8;  // there are no more

void refuse(const ExchangePtr& exchange, const Error& error) {
  exchange->respond(error_response(error, exchange->request().request_id));
}

void respond(const ExchangePtr& exchange, const json::object& body) {
  exchange->respond(http::Response::json(200, to_json(body)));
}

// ---- POST /batches

Status check_input(const BatchDesk& desk, const std::string& owner, const std::string& file_id) {
  auto file = desk.files->find(owner, file_id);
  if (!file.ok()) return Error(file.error().code(), file.error().message()).with_param("input_file_id");
  if (file->purpose == kPurposeBatch) return Ok{};
  return Error(Code::kInvalidArgument,
               "input_file_id must be a file of purpose 'batch'; this one's is '" + file->purpose + "'.")
      .with_param("input_file_id");
}

Status check_room(store::Batches& batches, const std::string& owner) {
  STUDIO_TRY(const store::BatchCounts counts, batches.counts(owner));
  if (counts.open >= kMaxOpenBatches) {
    return Error(Code::kQuotaExceeded, "This key has " + std::to_string(counts.open) +
                                           " batches that are not over, which is the most it may have.");
  }
  if (counts.all < kMaxBatchesOfKey) return Ok{};
  return Error(Code::kQuotaExceeded, "This key has " + std::to_string(counts.all) +
                                         " batches, which is the most it may have; each goes 30 days after its end.");
}

// A batch as it is told when it is made, whatever becomes of it.
store::Batch as_made(const BatchCall& call, const std::string& batch_id, const std::string& owner, int64_t now) {
  return {.batch_id = batch_id,
          .owner = owner,
          .endpoint = call.endpoint,
          .input_file_id = call.input_file_id,
          .completion_window = call.completion_window,
          .metadata = call.metadata,
          .title = call.title,
          .created_at = now,
          .expires_at = now + call.window_seconds};
}

Result<store::Batch> create(const BatchDesk& desk, const BatchCall& call, const std::string& batch_id,
                            const http::Request& request) {
  STUDIO_CHECK_OK(check_input(desk, request.principal, call.input_file_id));
  STUDIO_CHECK_OK(check_room(*desk.batches, request.principal));
  STUDIO_CHECK_OK(admit_object(desk.kept, request));
  auto created = desk.batches->create(as_made(call, batch_id, request.principal, std::time(nullptr)));
  if (!created.ok()) withdraw_object(desk.kept, request);
  return created;
}

Result<store::Batch> find_or_create(const BatchDesk& desk, const BatchCall& call, const http::Request& request) {
  const std::string id = "batch_" + request.request_id;
  if (is_made_again(desk.kept, request)) {
    auto made = desk.batches->find(request.principal, id);
    if (made.ok()) return as_made(call, id, request.principal, made->created_at);
    if (made.error().code() != Code::kNotFound) return made;
  }
  return create(desk, call, id, request);
}

void make_batch(const BatchDesk& desk, const ExchangePtr& exchange) {
  const auto call = parse_batch(exchange->request().body);
  if (!call.ok()) return refuse(exchange, call.error());
  const auto batch = find_or_create(desk, *call, exchange->request());
  if (!batch.ok()) return refuse(exchange, batch.error());
  desk.wake();
  http::Response response = http::Response::json(200, to_json(batch_object(*batch)));
  add_names("X-Studio-Ignored", call->ignored, response);
  mark_degraded(call->degraded, response);
  exchange->respond(std::move(response));
}

void create_batch(const BatchDesk& desk, const ExchangePtr& exchange) {
  if (!desk.kept) return make_batch(desk, exchange);
  desk.kept->serve(exchange, kKeptWording, [&](const ExchangePtr& kept) { make_batch(desk, kept); });
}

// ---- the others

Result<store::BatchQuery> read_list_query(const BatchDesk& desk, const http::Request& request) {
  STUDIO_TRY(const auto list, ListQuery::parse(request.query, {"after", "limit", "ds_name", "input_file_ids", "status",
                                                               "create_after", "create_before"}));
  store::BatchQuery query;
  STUDIO_TRY(query.limit, list.number("limit", 1, kMaxListed, kListed));
  STUDIO_TRY(query.created_from, list.time("create_after"));
  STUDIO_TRY(query.created_until, list.time("create_before"));
  STUDIO_TRY(query.input_file_ids, list.words("input_file_ids", kMaxListedInputs));
  STUDIO_TRY(query.statuses, list.words("status", kMaxListedStates));
  for (const std::string& status : query.statuses) {
    if (store::batch_status_of(status)) continue;
    return Error(Code::kOutOfRange, "status must be states of batches, such as in_progress,completed.")
        .with_param("status");
  }
  if (const std::string* title = list.text("ds_name")) query.title_part = *title;
  if (const std::string* after = list.text("after")) {
    auto batch = desk.batches->find(request.principal, *after);
    if (!batch.ok()) return Error(batch.error().code(), batch.error().message()).with_param("after");
    query.before_sequence = batch->sequence;
  }
  return query;
}

void list_batches(const BatchDesk& desk, const ExchangePtr& exchange) {
  auto query = read_list_query(desk, exchange->request());
  if (!query.ok()) return refuse(exchange, query.error());
  const auto limit = static_cast<size_t>(query->limit++);  // one more tells whether there are more
  auto found = desk.batches->list(exchange->request().principal, *query);
  if (!found.ok()) return refuse(exchange, found.error());
  const bool has_more = found->size() > limit;
  if (has_more) found->resize(limit);
  json::array data;
  for (const store::Batch& batch : *found) data.push_back(batch_object(batch));
  const auto id_or_null = [&](bool is_there, size_t i) {
    return is_there ? json::value((*found)[i].batch_id) : json::value(nullptr);
  };
  respond(exchange, {{"object", "list"},
                     {"data", std::move(data)},
                     {"first_id", id_or_null(!found->empty(), 0)},
                     {"last_id", id_or_null(!found->empty(), found->size() - 1)},
                     {"has_more", has_more}});
}

void show_batch(const BatchDesk& desk, const ExchangePtr& exchange) {
  auto batch = desk.batches->find(exchange->request().principal, exchange->request().path_parameter("id"));
  if (!batch.ok()) return refuse(exchange, batch.error());
  respond(exchange, batch_object(*batch));
}

void cancel_batch(const BatchDesk& desk, const ExchangePtr& exchange) {
  auto batch = desk.batches->request_cancel(exchange->request().principal, exchange->request().path_parameter("id"),
                                            std::time(nullptr));
  if (!batch.ok()) return refuse(exchange, batch.error());
  desk.wake();
  respond(exchange, batch_object(*batch));
}

}  // namespace

void add_batch_routes(const BatchDesk& desk, http::Router& router) {
  using http::AuthClass, http::Method;
  using Function = void (*)(const BatchDesk&, const ExchangePtr&);
  const auto add = [&](Method method, const std::string& path, size_t body_bytes, Function function) {
    router.add(http::Route(method, path, AuthClass::kKey, body_bytes,
                           [desk, function](ExchangePtr exchange) { function(desk, exchange); }));
  };
  for (const std::string prefix : {"/v1", "/compatible-mode/v1"}) {
    add(Method::kPost, prefix + "/batches", kMaxBodyBytes, create_batch);
    add(Method::kGet, prefix + "/batches", 0, list_batches);
    add(Method::kGet, prefix + "/batches/{id}", 0, show_batch);
    // SDKs send an empty object, or nothing.
    add(Method::kPost, prefix + "/batches/{id}/cancel", kMaxBodyBytes, cancel_batch);
  }
}

}  // namespace studio::api::openai
