#include "api/openai/file_routes.h"

#include <boost/json.hpp>

#include "api/files/file_rules.h"
#include "api/files/file_sender.h"
#include "api/files/list_query.h"
#include "api/files/upload.h"
#include "api/openai/errors.h"
#include "api/serving/call_fields.h"
#include "base/json.h"
#include "http/exchange.h"

namespace studio::api::openai {
namespace {

namespace json = boost::json;
using ExchangePtr = std::shared_ptr<http::Exchange>;

constexpr int64_t kMaxListed = 2000;  // files of one page, and as many where none is named: the vendor's own
constexpr const char* kPurposes = "'batch' or 'file-extract'";

void refuse(const ExchangePtr& exchange, const Error& error) {
  exchange->respond(error_response(error, exchange->request().request_id));
}

void respond(const ExchangePtr& exchange, const json::object& body) {
  exchange->respond(http::Response::json(200, to_json(body)));
}

// ---- POST /files

Result<std::string> purpose_of(const Upload& upload) {
  std::optional<std::string> purpose;
  for (const auto& [name, value] : upload.texts()) {
    if (name != "purpose") {
      return Error(Code::kUnimplemented, excerpt(name) + " is not a field of this form; it may hold file and purpose.")
          .with_param(excerpt(name));
    }
    if (purpose) return Error(Code::kInvalidArgument, "purpose comes twice.").with_param("purpose");
    purpose = value;
  }
  if (!purpose) {
    return Error(Code::kInvalidArgument, "purpose is missing: " + std::string(kPurposes) + ".").with_param("purpose");
  }
  if (*purpose == kPurposeBatch || *purpose == kPurposeExtract) return std::move(*purpose);
  return Error(Code::kOutOfRange, "purpose must be " + std::string(kPurposes) + "; it is " + quoted(*purpose) + ".")
      .with_param("purpose");
}

Result<store::StoredFile> keep_upload(store::Files& files, Upload& upload, const std::string& owner) {
  STUDIO_CHECK_OK(upload.finish());
  STUDIO_TRY(const std::string purpose, purpose_of(upload));
  if (upload.files().empty()) {
    return Error(Code::kInvalidArgument, "file is missing: a part of the form with a file name.").with_param("file");
  }
  Upload::File& file = upload.files().front();
  if (file.field != "file") {
    return Error(Code::kUnimplemented, excerpt(file.field) + " is not a field of this form; the file is 'file'.")
        .with_param(excerpt(file.field));
  }
  const int64_t size = file.is_too_large ? kMaxBatchFileBytes + 1 : file.draft->size_bytes();
  STUDIO_CHECK_OK(check_upload(purpose, file.name, size));
  STUDIO_CHECK_OK(check_room(files, owner, size));
  return files.keep(std::move(*file.draft),
                    {.file_id = new_file_id(purpose), .owner = owner, .name = file.name, .purpose = purpose});
}

void create_file(store::Files& files, const ExchangePtr& exchange) {
  auto& upload = static_cast<Upload&>(*exchange->request().body_sink);
  auto kept = keep_upload(files, upload, exchange->request().principal);
  if (!kept.ok()) return refuse(exchange, kept.error());
  respond(exchange, file_object(*kept));
}

// ---- GET and DELETE

// The file behind `after`; files are told newest first unless `order` says so.
Result<store::FileQuery> read_list_query(store::Files& files, const http::Request& request) {
  STUDIO_TRY(const auto list,
             ListQuery::parse(request.query, {"after", "limit", "order", "purpose", "create_after", "create_before"}));
  store::FileQuery query;
  STUDIO_TRY(query.limit, list.number("limit", 1, kMaxListed, kMaxListed));
  STUDIO_TRY(query.created_from, list.time("create_after"));
  STUDIO_TRY(query.created_until, list.time("create_before"));
  if (const std::string* purpose = list.text("purpose")) query.purpose = *purpose;
  if (const std::string* order = list.text("order")) {
    if (*order != "asc" && *order != "desc") {
      return Error(Code::kOutOfRange, "order must be asc or desc; it is " + quoted(*order) + ".").with_param("order");
    }
    query.oldest_first = *order == "asc";
  }
  if (const std::string* after = list.text("after")) {
    auto file = files.find(request.principal, *after);
    if (!file.ok()) return Error(file.error().code(), file.error().message()).with_param("after");
    (query.oldest_first ? query.after_sequence : query.before_sequence) = file->sequence;
  }
  return query;
}

void list_files(store::Files& files, const ExchangePtr& exchange) {
  auto query = read_list_query(files, exchange->request());
  if (!query.ok()) return refuse(exchange, query.error());
  const auto limit = static_cast<size_t>(query->limit++);  // one more tells whether there are more
  auto found = files.list(exchange->request().principal, *query);
  if (!found.ok()) return refuse(exchange, found.error());
  const bool has_more = found->size() > limit;
  json::array data;
  for (size_t i = 0; i < std::min(limit, found->size()); ++i) data.push_back(file_object((*found)[i]));
  respond(exchange, {{"object", "list"}, {"data", std::move(data)}, {"has_more", has_more}});
}

void show_file(store::Files& files, const ExchangePtr& exchange) {
  auto file = files.find(exchange->request().principal, exchange->request().path_parameter("id"));
  if (!file.ok()) return refuse(exchange, file.error());
  respond(exchange, file_object(*file));
}

void delete_file(store::Files& files, const ExchangePtr& exchange) {
  const std::string& id = exchange->request().path_parameter("id");
  Status removed = files.remove(exchange->request().principal, id);
  if (!removed.ok()) return refuse(exchange, removed.error());
  respond(exchange, {{"id", id}, {"object", "file"}, {"deleted", true}});
}

void send_content(const Services& services, store::Files& files, const ExchangePtr& exchange) {
  auto file = files.find(exchange->request().principal, exchange->request().path_parameter("id"));
  if (!file.ok()) return refuse(exchange, file.error());
  auto bytes = files.read(*file);
  if (!bytes.ok()) return refuse(exchange, bytes.error());
  http::Response head;
  head.fields.add("Content-Type", "application/octet-stream");
  send_file(exchange, std::move(*bytes), std::move(head), services.post);
}

void add_routes_at(const std::string& prefix, const Services& services, store::Files& files, http::Router& router) {
  using http::AuthClass, http::Method, http::Route;
  using Function = void (*)(store::Files&, const ExchangePtr&);
  const auto add = [&](Method method, const std::string& path, Function function) {
    router.add(Route(method, prefix + path, AuthClass::kKey, 0,
                     [&files, function](ExchangePtr exchange) { function(files, exchange); }));
  };
  Route upload(Method::kPost, prefix + "/files", AuthClass::kKey, kMaxBatchFileBytes + kFormOverheadBytes,
               [&files](ExchangePtr exchange) { create_file(files, exchange); });
  upload.open_body = [&files](const http::Request& head) {
    return std::make_shared<Upload>(files, head, UploadLimits{.files = 1, .file_bytes = kMaxBatchFileBytes});
  };
  router.add(std::move(upload));
  add(Method::kGet, "/files", list_files);
  add(Method::kGet, "/files/{id}", show_file);
  add(Method::kDelete, "/files/{id}", delete_file);
  router.add(Route(Method::kGet, prefix + "/files/{id}/content", AuthClass::kKey, 0,
                   [services, &files](ExchangePtr exchange) { send_content(services, files, exchange); }));
}

}  // namespace

json::object file_object(const store::StoredFile& file) {
  return {
      {"id", file.file_id},    {"object", "file"},        {"bytes", file.size_bytes}, {"created_at", file.created_at},
      {"filename", file.name}, {"purpose", file.purpose}, {"status", "processed"},    {"status_details", nullptr}};
}

void add_file_routes(const Services& services, store::Files& files, http::Router& router) {
  for (const char* prefix : {"/v1", "/compatible-mode/v1"}) add_routes_at(prefix, services, files, router);
}

}  // namespace studio::api::openai
