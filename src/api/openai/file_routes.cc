#include "api/openai/file_routes.h"

#include <boost/json.hpp>

#include "api/files/file_rules.h"
#include "api/files/file_sender.h"
#include "api/files/list_query.h"
#include "api/files/removal.h"
#include "api/files/upload.h"
#include "api/openai/errors.h"
#include "api/openai/kept_wording.h"
#include "api/serving/call_fields.h"
#include "api/serving/degraded.h"
#include "api/serving/serve_kept.h"
#include "base/json.h"
#include "http/exchange.h"

namespace studio::api::openai {
namespace {

namespace json = boost::json;
using ExchangePtr = std::shared_ptr<http::Exchange>;

constexpr int64_t kMaxListed = 2000;  // files of one page, and as many where none is named: the vendor's own
constexpr const char* kPurposes = "'batch' or 'file-extract'";
constexpr const char* kFile = "file";

constexpr FieldRule kFormRules[] = {
    {kFile},
    {"purpose", FieldUse::kHonoured, R"("batch" "file-extract")"},
    {"allow_degraded"},
    {"expires_after", FieldUse::kNotBuilt, "", "files are kept until they are deleted"},
};

struct FileCall {
  std::string purpose;
  std::vector<std::string> ignored, degraded;
};

void refuse(const ExchangePtr& exchange, const Error& error) {
  exchange->respond(error_response(error, exchange->request().request_id));
}

void respond(const ExchangePtr& exchange, const json::object& body) {
  exchange->respond(http::Response::json(200, to_json(body)));
}

// ---- POST /files

// A field of the form into the body that it stands for: "expires_after[seconds]" is a member of an object.
Status add_field(const std::string& name, std::string_view text, json::object& body) {
  const size_t bracket = name.find('[');
  if (body.contains(name)) return Error(Code::kInvalidArgument, name + " comes twice.").with_param(name);
  if (name == "allow_degraded" && (text == "true" || text == "false")) {
    body[name] = text == "true";
  } else if (bracket == 0 || bracket == std::string::npos) {
    body[name] = excerpt(text);
  } else {
    body[name.substr(0, bracket)] = json::object{};  // what stands in it is nobody's: it is refused
  }
  return Ok{};
}

// The form as one body, so that it is read as any other.
Result<json::object> body_of(Upload& upload) {
  STUDIO_CHECK_OK(upload.finish());
  json::object body;
  for (const auto& [name, text] : upload.texts()) STUDIO_CHECK_OK(add_field(excerpt(name), text, body));
  for (const Upload::File& file : upload.files()) STUDIO_CHECK_OK(add_field(excerpt(file.field), file.name, body));
  return body;
}

Result<FileCall> read_form(const json::object& body) {
  FileCall call;
  FieldReader reader(body, "", kFormRules, &call.ignored);
  call.purpose = reader.text("purpose").value_or("");
  if (call.purpose.empty()) reader.fail("purpose", "is missing: " + std::string(kPurposes));
  if (call.purpose != kPurposeBatch && call.purpose != kPurposeExtract) {
    reader.fail("purpose", "must be " + std::string(kPurposes) + "; it is " + quoted(call.purpose), Code::kOutOfRange);
  }
  STUDIO_CHECK_OK(reader.status());
  return call;
}

Result<FileCall> read_upload(Upload& upload) {
  STUDIO_TRY(const json::object body, body_of(upload));
  STUDIO_TRY(FileCall call, parse_degradable(to_json(body), read_form));
  if (!upload.files().empty() && upload.files().front().field == kFile) return call;
  return Error(Code::kInvalidArgument, "file is missing: a part of the form with a file name.").with_param(kFile);
}

// What two uploads have in common that are the same one, sent twice.
std::string asked_for(Upload& upload, const FileCall& call) {
  Upload::File& file = upload.files().front();
  const std::string digest = file.digest ? to_hex(file.digest->finish()) : std::string();
  return to_json(json::array{call.purpose, file.name, digest, json::value_from(call.degraded)});
}

Result<store::StoredFile> keep_upload(const FileDesk& desk, Upload::File& file, const std::string& purpose,
                                      const http::Request& request) {
  const std::string id = file_id_of(purpose, request.request_id);
  if (is_made_again(desk.kept, request)) {
    auto made = desk.files->find(request.principal, id);
    if (made.ok() || made.error().code() != Code::kNotFound) return made;
  }
  STUDIO_CHECK_OK(check_upload(purpose, file.name, file.size_bytes));
  if (file.refusal) return *file.refusal;
  STUDIO_CHECK_OK(admit_object(desk.kept, request));
  auto kept = desk.files->keep(std::move(*file.draft),
                               {.file_id = id, .owner = request.principal, .name = file.name, .purpose = purpose});
  if (!kept.ok()) withdraw_object(desk.kept, request);
  return kept;
}

void create_file(const FileDesk& desk, const ExchangePtr& exchange) {
  auto& upload = static_cast<Upload&>(*exchange->request().body_sink);
  const auto call = read_upload(upload);
  if (!call.ok()) return refuse(exchange, call.error());
  const auto make = [&](const ExchangePtr& asker) {
    auto kept = keep_upload(desk, upload.files().front(), call->purpose, asker->request());
    if (!kept.ok()) return refuse(asker, kept.error());
    http::Response response = http::Response::json(200, to_json(file_object(*kept)));
    add_names("X-Studio-Ignored", call->ignored, response);
    mark_degraded(call->degraded, response);
    asker->respond(std::move(response));
  };
  if (!desk.kept) return make(exchange);
  desk.kept->serve(exchange, kKeptWording, make, asked_for(upload, *call));
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

void list_files(const FileDesk& desk, const ExchangePtr& exchange) {
  store::Files& files = *desk.files;
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

void show_file(const FileDesk& desk, const ExchangePtr& exchange) {
  auto file = desk.files->find(exchange->request().principal, exchange->request().path_parameter("id"));
  if (!file.ok()) return refuse(exchange, file.error());
  respond(exchange, file_object(*file));
}

void delete_file(const FileDesk& desk, const ExchangePtr& exchange) {
  const std::string& id = exchange->request().path_parameter("id");
  Status removed = remove_file(*desk.files, desk.kept, exchange->request().principal, id);
  if (!removed.ok()) return refuse(exchange, removed.error());
  respond(exchange, {{"id", id}, {"object", "file"}, {"deleted", true}});
}

void send_content(const FileDesk& desk, const ExchangePtr& exchange) {
  auto file = desk.files->find(exchange->request().principal, exchange->request().path_parameter("id"));
  if (!file.ok()) return refuse(exchange, file.error());
  auto bytes = desk.files->read(*file);
  if (!bytes.ok()) return refuse(exchange, bytes.error());
  http::Response head;
  head.fields.add("Content-Type", "application/octet-stream");
  send_file(exchange, std::move(*bytes), std::move(head), desk.post);
}

void add_routes_at(const std::string& prefix, const FileDesk& desk, http::Router& router) {
  using http::AuthClass, http::Method, http::Route;
  using Function = void (*)(const FileDesk&, const ExchangePtr&);
  const auto add = [&](Method method, const std::string& path, Function function) {
    router.add(Route(method, prefix + path, AuthClass::kKey, 0,
                     [desk, function](ExchangePtr exchange) { function(desk, exchange); }));
  };
  Route upload(Method::kPost, prefix + "/files", AuthClass::kKey, kMaxBatchFileBytes + kFormOverheadBytes,
               [desk](ExchangePtr exchange) { create_file(desk, exchange); });
  upload.open_body = [files = desk.files](const http::Request& head) {
    const auto wish = read_wish(head, kKeptWording.numbers);
    return std::make_shared<Upload>(
        *files, head,
        UploadLimits{.files = 1, .file_bytes = kMaxBatchFileBytes, .has_digests = wish.ok() && wish->is_kept});
  };
  router.add(std::move(upload));
  add(Method::kGet, "/files", list_files);
  add(Method::kGet, "/files/{id}", show_file);
  add(Method::kDelete, "/files/{id}", delete_file);
  add(Method::kGet, "/files/{id}/content", send_content);
}

}  // namespace

EndpointFields file_fields() {
  return {"openai", "POST /v1/files", {{"", "", kFormRules}}};
}

json::object file_object(const store::StoredFile& file) {
  return {
      {"id", file.file_id},    {"object", "file"},        {"bytes", file.size_bytes}, {"created_at", file.created_at},
      {"filename", file.name}, {"purpose", file.purpose}, {"status", "processed"},    {"status_details", nullptr}};
}

void add_file_routes(const FileDesk& desk, http::Router& router) {
  for (const char* prefix : {"/v1", "/compatible-mode/v1"}) add_routes_at(prefix, desk, router);
}

}  // namespace studio::api::openai
